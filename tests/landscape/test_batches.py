"""Cutting examples into batches: each counts once, whatever the memory that they take."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.landscape import evaluate, flatness
from soret.landscape.batches import cached_length, cut, sum_batches, sum_examples

SIZES = [(1, 1), (10, 3), (10, 4), (10, 99), (7, 1), (11, 10), (10, 7), (37, 6)]


@pytest.mark.parametrize(
    "size", [7, 1000, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 40))]
)
def test_the_length_of_batches_does_not_count(size, monkeypatch):
    """Catches: examples left out, or the padding of the last batch counted."""
    net = soret.problems.dense(hidden=(4,), data=soret.data.load("digits").first(40))
    points = np.random.default_rng(0).normal(0, 0.1, (2, 310)).astype("f4")
    wanted = evaluate(net, points), flatness(net, points, samples=2, iterations=3)
    for name in ("evaluation", "flatness"):
        module = importlib.import_module(f"soret.landscape.{name}")
        monkeypatch.setattr(module, "cached_length", lambda *_: size)
    found = evaluate(net, points), flatness(net, points, samples=2, iterations=3)
    for one, other in zip(found, wanted, strict=True):
        n = min(3, len(one) - 2)
        np.testing.assert_allclose(one[:n], other[:n], rtol=1e-5)


@pytest.mark.parametrize(("n", "most"), SIZES)
def test_every_example_counts_once(n, most):
    """Catches: batches longer than memory allows; an example twice, or none of the last ones."""
    batches = cut(n, most)
    assert batches.length <= most
    assert (batches.count - 1) * batches.length < n <= batches.count * batches.length
    inputs, labels = np.arange(n), -np.arange(n)
    counted = []
    for number in range(batches.count):
        of_host = batches.of_host(number, inputs, labels)
        traced = jax.jit(batches.at)(number, inputs, labels)
        for one, other in zip(of_host, traced, strict=True):
            assert len(one) == batches.length
            np.testing.assert_array_equal(one, other)
        x, y, weights = of_host
        np.testing.assert_array_equal(y, -x)
        np.testing.assert_array_equal(x[weights == 1], x[len(x) - batches.new(number) :])
        counted += list(x[weights == 1])
    assert counted == list(range(n))


def test_batches_of_the_host_are_views():
    """Catches: a data set of gigabytes copied, for the sake of a few examples of padding."""
    inputs = np.arange(10.0)
    for number in range(4):
        batch, _ = cut(10, 3).of_host(number, inputs)
        assert np.shares_memory(batch, inputs)


@pytest.mark.parametrize("most", [3, 4, 10])
def test_what_is_not_finite_counts_once_too(most):
    """Catches: 0·inf of the padding, which makes an infinite sum one that is not a number."""
    x = np.arange(10, dtype=np.float32)
    x[6] = np.inf  # in the padding of batches of 3 and 4
    found = jax.jit(lambda x: sum_examples(lambda p, x, y: p * x, 2.0, x, x, most))(x)
    assert float(found) == np.inf


def test_sums_can_be_differentiated_twice():
    """Catches: a loop without a derivative, where the drift of a loss is asked for."""
    x = jnp.arange(10.0)

    def total(theta):
        return sum_batches(lambda x, y, w: jnp.sum(w * jnp.exp(theta * x)), x, x, 3)

    found = jax.jit(jax.grad(jax.grad(total)))(0.1)
    assert float(found) == pytest.approx(float(jnp.sum(x**2 * jnp.exp(0.1 * x))), rel=1e-5)


@pytest.mark.parametrize(
    ("net", "units"),
    [
        ({"hidden": (16, 16)}, 2 * 16),
        ({"hidden": (16, 16), "batch_normalization": True}, 2 * 16),
        ({"hidden": (400,)}, 400),
    ],
)
def test_an_example_takes_what_is_its_own(net, units):
    """References and transposed weights counted for every example: batches of nine, each with
    all references."""
    problem = soret.problems.dense(**net, data=soret.data.load("digits"))
    params = problem.initial(jax.random.key(0))
    data = problem.data
    floats = 2**20 / cached_length(problem, params, data.inputs, data.labels)
    assert 64 + units < floats < 64 + 12 * units + 15 * 10
