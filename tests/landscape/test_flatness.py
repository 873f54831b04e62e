"""Flatness at many points at once, against the Hessian, and in a bowl."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import soret
from soret.landscape import evaluate, flatness


@pytest.fixture(scope="module")
def net():
    digits = soret.data.load("digits").first(120)
    return soret.problems.dense(hidden=(7,), data=digits, activation=jnp.tanh)


@pytest.fixture(scope="module")
def points(net):
    start = jax.jit(jax.vmap(lambda key: ravel_pytree(net.initial(key))[0]))
    return np.asarray(start(jax.random.split(jax.random.key(3), 3)))


def test_flatness_is_that_of_the_hessian(net, points):
    """Estimates off by more than their errors: six standard errors, false alarms below 1e-7."""
    found = flatness(net, points, samples=64, iterations=40)
    for i, vector in enumerate(points):
        values = np.linalg.eigvalsh(
            soret.landscape.hessian(net, net.unflatten(vector)).operator.dense()
        )
        assert abs(found.trace[i] - values.sum()) < 6 * found.trace_error[i]
        norm = np.linalg.norm(values)
        assert abs(found.frobenius[i] - norm) < 6 * found.frobenius_error[i] + 0.02 * norm
        assert abs(found.top[i] - values[-1]) < found.top_error[i] + 1e-4 * values[-1]
        assert found.top_error[i] < 0.01 * values[-1]


@pytest.fixture(scope="module")
def bowl():
    """Return L = ½ Σ h q², h = (1, 4, 9), as the mean loss of three examples."""
    data = soret.Dataset("bowl", 3 * np.diag([1.0, 4.0, 9.0]), [0.0, 0.0, 0.0])
    return soret.Problem(
        init=lambda key: {"q": jnp.ones(3)},
        fixed_start=True,
        predict=lambda params, x: 0.5 * jnp.sum(x * params["q"] ** 2),
        loss=lambda output, _: output,
        data=data,
    )


def test_a_bowl_is_measured_exactly(bowl):
    """Lanczos that breaks down where the space is exhausted; factors of the number of examples."""
    found = flatness(bowl, np.ones((2, 3)), iterations=10)
    np.testing.assert_allclose(found.top, 9, rtol=1e-5)
    np.testing.assert_allclose(found.trace, 14, rtol=1e-5)
    np.testing.assert_allclose(found.frobenius, np.sqrt(98), rtol=1e-5)
    assert found.trace_error.max() < 1e-6
    assert np.isnan(evaluate(bowl, np.ones(3)).accuracy)
