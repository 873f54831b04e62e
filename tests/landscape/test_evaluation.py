"""Loss and accuracy at many points at once, against the observables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import soret
from soret.landscape import evaluate, flatness
from soret.observables import State


@pytest.fixture(scope="module")
def net():
    digits = soret.data.load("digits").first(120)
    return soret.problems.dense(hidden=(7,), data=digits, activation=jnp.tanh)


@pytest.fixture(scope="module")
def points(net):
    keys = jax.random.split(jax.random.key(3), 3)
    return np.stack([np.asarray(ravel_pytree(net.initial(key))[0]) for key in keys])


def test_evaluation_is_that_of_the_observables(net, points):
    """Sums over the wrong examples, points mixed up, an accuracy of something else."""
    found = evaluate(net, points[None])
    assert found.loss.shape == found.accuracy.shape == (1, 3)
    # Compiled: one operation at a time takes much longer.
    seen = jax.jit(lambda s: (soret.observables.loss(net, s), soret.observables.accuracy(net, s)))
    for i, vector in enumerate(points):
        loss, accuracy = seen(State(net.unflatten(vector), (), jnp.int32(0)))
        np.testing.assert_allclose(found.loss[0, i], loss, rtol=1e-5)
        np.testing.assert_allclose(found.accuracy[0, i], accuracy, rtol=1e-6)


def test_what_is_not_finite_is_left_open(net, points):
    """A diverged network counted as one with a loss."""
    broken = points.copy()
    broken[1, 5] = np.nan
    found, flat = evaluate(net, broken), flatness(net, broken, samples=2, iterations=2)
    for values in (found.loss, found.accuracy, flat.top, flat.trace):
        np.testing.assert_array_equal(np.isnan(values), [False, True, False])
