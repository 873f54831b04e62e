"""The variance of gradients along a run, against NumPy's on the same gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError


@pytest.fixture(scope="module")
def problem() -> soret.Problem:
    return soret.problems.dense(inputs=4, hidden=(5, 3))


def measured(
    observable: soret.observables.Observable, problem: soret.Problem, state: soret.observables.State
) -> jax.Array:
    """Measure, compiled: one operation at a time takes much longer."""
    return jax.jit(lambda s: observable(problem, s))(state)


def test_is_the_mean_variance_over_parameters(problem: soret.Problem) -> None:
    """A sum for a mean, a second moment for a variance, other examples than the batch's."""
    params = problem.initial(jax.random.key(1))
    state = soret.observables.State(params, (), jnp.int32(0))
    inputs, labels = (jnp.asarray(a) for a in problem.evaluation_batch(20))
    gradient = jax.jit(jax.grad(problem.example_loss))
    rows = [
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient(params, x, y))])
        for x, y in zip(inputs, labels, strict=True)
    ]
    found = measured(soret.observables.gradient_variance_over(20), problem, state)
    assert float(found) == pytest.approx(float(np.var(rows, axis=0).mean()), rel=1e-4)
    whole = measured(soret.observables.gradient_variance_over(256), problem, state)
    assert float(measured(soret.observables.gradient_variance, problem, state)) == float(whole)


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
