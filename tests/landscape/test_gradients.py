"""Gradients of single examples and their variance, against loops and NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.landscape import example_gradients, gradient_variance

# Some ten roundings of float32.
TOLERANCE = 1e-6


def test_gradients_against_dense(net: Any) -> None:
    """Rows or parameters out of order, a mean in their place."""
    data = net.problem.data
    # Compiled: one operation at a time takes much longer. So below.
    run = jax.jit(lambda p: example_gradients(net.problem, p, data.inputs, data.labels))
    measured = run(net.params)
    expected = net.gradients()
    assert measured.shape == (37, 73)
    assert measured.dtype == jnp.float32
    assert np.abs(measured - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("n", "chunk"),
    [
        (37, 5),
        (1, 40),
        pytest.param(20, 20, marks=pytest.mark.slow),
        pytest.param(36, 12, marks=pytest.mark.slow),
        pytest.param(11, 1, marks=pytest.mark.slow),
    ],
)
def test_variance_for_every_chunk(net: Any, n: int, chunk: int) -> None:
    """A rest left out, chunks weighed wrongly, n − 1 for n."""
    index = np.random.default_rng(n).permutation(37)[:n]
    data = net.problem.data
    run = jax.jit(lambda p, x, y: gradient_variance(net.problem, p, x, y, chunk))
    measured = run(net.params, data.inputs[index], data.labels[index])
    expected = net.gradients()[index].var(axis=0).mean()
    assert float(measured) == pytest.approx(expected, rel=1e-5, abs=1e-12)


def test_large_mean_costs_no_digits() -> None:
    """E g² − (E g)² in float32: with a mean of 10⁴ and a deviation of 1 nothing is left of it.

    Gradients of ½(w·x − y)² at w = 0, x = 1 are −y exactly: the labels are integers.
    """
    n = 1000
    labels = 10_000 + np.random.default_rng(0).integers(0, 3, n)
    data = soret.Dataset("far", np.ones((n, 1)), np.zeros(n, int), ("0",))
    problem = soret.Problem(
        lambda key: jnp.zeros(1), lambda w, x: w @ x, "mean_square", data
    )  # fmt: skip
    run = jax.jit(lambda w, x, y: gradient_variance(problem, w, x, y, chunk=64))
    measured = run(jnp.zeros(1), data.inputs, labels)
    # Differences of the gradients are exact; what follows are sums of a thousand of them.
    assert float(measured) == pytest.approx(labels.var(), rel=1e-5)


@pytest.mark.slow
def test_traced_for_many_replicas(net: Any) -> None:
    """A number of examples or a chunk that has to be known outside."""
    data = net.problem.data
    scales = jnp.array([0.5, 1.0, 2.0])
    replicas = jax.tree.map(lambda leaf: jnp.multiply.outer(scales, leaf), net.params)
    run = jax.jit(
        jax.vmap(lambda params: gradient_variance(net.problem, params, data.inputs, data.labels))
    )
    one = jax.jit(lambda params: gradient_variance(net.problem, params, data.inputs, data.labels))(
        net.params
    )
    assert float(run(replicas)[1]) == pytest.approx(float(one), rel=TOLERANCE * 10)


def test_memory_of_a_chunk() -> None:
    """All gradients held at once: 2,000 of 10,200 parameters are 82 MB, a chunk is 4 MB.

    The bound of five chunks leaves room for deviations and squares that are not fused.
    """
    problem = soret.problems.two_layer(100, 100)
    shapes = (
        jax.eval_shape(problem.initial, jax.eval_shape(lambda: jax.random.key(0))),
        jax.ShapeDtypeStruct((2000, 100), jnp.float32),
        jax.ShapeDtypeStruct((2000,), jnp.int32),
    )
    run = jax.jit(lambda params, x, y: gradient_variance(problem, params, x, y))
    taken = run.lower(*shapes).compile().memory_analysis().temp_size_in_bytes
    assert taken < 5 * 4 * 2**20


def test_refusals(net: Any) -> None:
    """No examples, no chunk."""
    data = net.problem.data
    with pytest.raises(SettingsError, match="got no examples"):
        gradient_variance(net.problem, net.params, data.inputs[:0], data.labels[:0])
    with pytest.raises(SettingsError, match="chunk is 0; it must be at least 1"):
        gradient_variance(net.problem, net.params, data.inputs, data.labels, chunk=0)
