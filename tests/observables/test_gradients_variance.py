"""The variance of gradients along a run, against NumPy's on the same gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError


@pytest.fixture(scope="module")
def problem() -> soret.Problem:
    rng = np.random.default_rng(7)
    data = soret.Dataset("points", rng.normal(size=(300, 4)), np.arange(300) % 2, ("a", "b"))
    return soret.problems.dense(hidden=(5, 3), data=data)


def measured(
    observable: soret.observables.Observable, problem: soret.Problem, state: soret.observables.State
) -> jax.Array:
    """Measure, compiled: one operation at a time takes much longer."""
    return jax.jit(lambda s: observable(problem, s))(state)


def test_is_the_mean_variance_over_parameters(problem: soret.Problem) -> None:
    """A sum for a mean, a second moment for a variance, other examples than the batch's."""
    params = drawn(problem)
    state = soret.observables.State(params, (), jnp.int32(0))
    inputs, labels = (jnp.asarray(a) for a in problem.evaluation_batch(20))
    gradients = jax.jit(jax.vmap(jax.grad(problem.example_loss), in_axes=(None, 0, 0)))
    leaves = jax.tree.leaves(gradients(params, inputs, labels))
    rows = np.concatenate([np.reshape(leaf, (20, -1)) for leaf in leaves], axis=1)
    found = measured(soret.observables.gradient_variance_over(20), problem, state)
    assert float(found) == pytest.approx(float(np.var(rows, axis=0).mean()), rel=1e-4)
    whole = measured(soret.observables.gradient_variance_over(256), problem, state)
    assert float(measured(soret.observables.gradient_variance, problem, state)) == float(whole)


@pytest.mark.slow
def test_is_recorded_under_its_name(problem: soret.Problem) -> None:
    """A variable that changes its name with the number of examples."""
    run = soret.simulate(
        problem,
        soret.SGD(0.1),
        observe=soret.observables.gradient_variance_over(8),
        steps=4,
        record_every=2,
        replicas=2,
    )
    assert run.gradient_variance.dims == ("replica", "step")
    assert run.gradient_variance.attrs["long_name"] == "mean gradient variance"
    assert (run.gradient_variance > 0).all()


def test_one_example_has_no_variance() -> None:
    """A zero that looks like a result."""
    with pytest.raises(SettingsError, match="examples is 1"):
        soret.observables.gradient_variance_over(1)
