"""Starting where another run stood."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from jax.flatten_util import ravel_pytree

import soret
from soret.errors import SettingsError
from soret.observables import State


def flat(problem: soret.Problem, state: State) -> jax.Array:
    """Return θ."""
    return ravel_pytree(state.params)[0]


def net(inputs: int = 15) -> soret.Problem:
    """Return a net of one layer, which compiles quickly."""
    return soret.Problem(
        init=lambda key: {"b": jnp.zeros(()), "w": jax.random.normal(key, (inputs - 1,))},
        predict=lambda params, x: params["w"] @ x + params["b"],
        loss="mean_square",
        data=soret.Dataset("points", np.eye(inputs - 1), np.ones(inputs - 1)),
        name="net",
    )


@pytest.fixture(scope="module")
def trained() -> xr.DataArray:
    run = soret.simulate(net(), soret.SGD(0.1), observe=flat, steps=20, replicas=4)
    return run.flat.isel(step=-1)


def test_starts_are_the_saved_points_each_as_often(trained: xr.DataArray) -> None:
    """Parameters put back in another order, or one point drawn always.

    Each of four points has 100 ± 8.7 of 400 draws; the bounds are seven deviations away.
    """
    problem = soret.problems.starting_from(net(), trained)
    run = soret.simulate(problem, soret.SGD(0.1), observe=flat, steps=1, replicas=400)
    starts = run.flat.isel(step=0).values
    which = (starts[:, None] == trained.values).all(-1)
    assert which.sum(1).tolist() == [1] * 400
    assert ((which.sum(0) > 39) & (which.sum(0) < 161)).all()


def test_fixed_parts_of_a_module_stay() -> None:
    """A user's own model that comes back without its functions."""
    data = soret.Dataset("points", np.ones((4, 2)), np.arange(4) % 2, ("a", "b"))
    problem = soret.Problem(
        init=lambda key: eqx.nn.MLP(2, "scalar", 3, 1, key=key),
        predict=lambda model, x: model(x),
        loss="binary_cross_entropy",
        data=data,
    )
    count = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(problem.initial, KEY)))
    again = soret.problems.starting_from(problem, np.full((1, count), 0.5))
    params = again.initial(jax.random.key(0))
    assert all((leaf == 0.5).all() for leaf in jax.tree.leaves(params))
    assert again.output(params, jnp.ones(2)).shape == ()


def test_points_of_diverged_replicas_are_left_out(trained: xr.DataArray) -> None:
    """A run that starts from NaN."""
    broken = trained.where(trained.replica == 2)
    problem = soret.problems.starting_from(net(), broken)
    assert problem.settings["starts"] == 1
    with pytest.raises(SettingsError, match="nowhere to start from"):
        soret.problems.starting_from(problem, broken.where(False))


def test_points_of_another_problem_are_refused(trained: xr.DataArray) -> None:
    """Parameters of one net read as another's."""
    with pytest.raises(SettingsError, match="must have the 16 parameters of problem"):
        soret.problems.starting_from(net(16), trained)


def test_a_run_from_other_points_is_another_run(trained: xr.DataArray) -> None:
    """Provenance that does not tell two starts apart."""
    problem = net()
    one, two = (soret.problems.starting_from(problem, trained[i:]) for i in (0, 1))
    assert one.settings["starts_sha256"] != two.settings["starts_sha256"]


KEY = jax.eval_shape(lambda: jax.random.key(0))
