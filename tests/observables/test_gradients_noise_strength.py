"""The noise strength and the loss along a run, against the same over gradients held at once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError
from soret.observables import State, loss_over, noise_strength_over


def state(params):
    return State(params, (), jnp.int32(0))


@functools.cache
def net(loss):
    """Return a net at a point, its examples, and their gradients held at once."""
    problem = soret.problems.dense(hidden=(5, 4), data="digits", loss=loss, init="glorot")
    params = drawn(problem, spread=0.3)
    x, y = (jnp.asarray(a) for a in problem.evaluation_batch(20))
    # Compiled: one operation at a time takes much longer.
    measured = jax.jit(lambda p: soret.landscape.example_gradients(problem, p, x, y))
    return problem, params, x, y, np.asarray(measured(params), float)


@pytest.mark.parametrize("chunk", [None, 1, 7, 20])
@pytest.mark.parametrize("loss", ["mean_square", "cross_entropy"])
def test_is_the_trace_of_the_covariance(loss, chunk):
    """A mean for a sum over parameters, |∇L|² left in, an example lost between chunks."""
    problem, params, x, y, gradients = net(loss)
    expected = gradients.var(axis=0).sum()
    found = jax.jit(lambda p: soret.landscape.noise_strength(problem, p, x, y, chunk))(params)
    assert float(found) == pytest.approx(expected, rel=1e-4)
    if chunk is None:
        observed = jax.jit(lambda p: noise_strength_over(20)(problem, state(p)))(params)
        assert float(observed) == float(found)
        variance = jax.jit(lambda p: soret.landscape.gradient_variance(problem, p, x, y))(params)
        assert float(found) == pytest.approx(float(variance) * gradients.shape[1], rel=1e-4)


@pytest.mark.slow
def test_both_are_recorded_under_their_names():
    """Variables that change their names with the number of examples, or hang together wrongly."""
    problem = soret.problems.dense(hidden=(), data="digits")
    run = soret.simulate(
        problem,
        soret.SGD(0.1, batch_size=8),
        observe=[noise_strength_over(30), loss_over(30)],
        steps=40,
        record_every=20,
        replicas=2,
    )
    assert run.noise_strength.attrs["long_name"] == "noise strength"
    assert (run.noise_strength > 0).all()
    assert (run.loss.isel(step=-1) < run.loss.isel(step=0)).all()


def test_too_few_examples_are_refused():
    with pytest.raises(SettingsError, match="examples is 1"):
        noise_strength_over(1)
    with pytest.raises(SettingsError, match="examples is 0"):
        loss_over(0)
    problem = soret.problems.dense(inputs=2, hidden=())
    params = drawn(problem)
    with pytest.raises(SettingsError, match="no examples"):
        soret.landscape.noise_strength(problem, params, jnp.zeros((0, 2)), jnp.zeros(0, int))
    with pytest.raises(SettingsError, match="chunk is 0"):
        soret.landscape.noise_strength(problem, params, jnp.zeros((2, 2)), jnp.zeros(2, int), 0)
