"""`simulate`: labelled arrays, and numbers that depend on what is asked and on nothing else."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import soret
from soret.data import generator
from soret.dynamics.keys import initial_keys
from soret.observables import State, activation_rate

# Two programs that differ in shape alone round differently, in the last bits of float32.
ROUNDING = 2e-6
RATES = [0.1, 0.05]

Run = Callable[..., xr.Dataset]


# A surface where the net does not matter: it compiles in a quarter of the time.
WALK = soret.problems.surface(
    lambda x: jnp.sum(x**2 - jnp.cos(x)), start=lambda key: jax.random.normal(key, (3,))
)


@pytest.fixture(scope="module")
def run(watch_all: Callable[..., jax.Array]) -> Run:
    """Return a function that simulates the same small ensemble, but for what it is told."""

    def simulate(learning_rate: Any = RATES, **changed: Any) -> xr.Dataset:
        settings = {"steps": 100, "replicas": 6, "record_every": 20, "workers": 2, **changed}
        return soret.simulate(
            WALK, soret.SGD(learning_rate, batch_size=4), observe=watch_all, **settings
        )

    return simulate


@pytest.fixture(scope="module")
def base(run: Run) -> xr.Dataset:
    return run()


@pytest.fixture(scope="module")
def net(watch_all: Callable[..., jax.Array]) -> xr.Dataset:
    """Return an ensemble of nets."""
    return soret.simulate(
        soret.problems.two_layer(4, 3),
        soret.SGD(RATES, batch_size=4),
        observe=[activation_rate, watch_all],
        steps=40,
        replicas=6,
        record_every=20,
    )


def norm(problem: soret.Problem, state: State) -> jax.Array:
    """Return |θ|."""
    return jnp.linalg.norm(state.params)


def params_step(problem: soret.Problem, state: State) -> jax.Array:
    """Return the step, as an observable sees it."""
    return state.step


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    """Return an ensemble over every hyperparameter that SGD has."""
    algorithm = soret.SGD(
        [0.1, 0.2], batch_size=[1, 2], momentum=[0.5, 0.9], weight_decay=(0.01, 0.02)
    )
    return soret.simulate(
        WALK,
        algorithm,
        observe=[norm, params_step],
        steps=12,
        replicas=2,
        record_every=6,
    )


class TestLabels:
    def test_every_list_is_an_axis(self, grid: xr.Dataset) -> None:
        """An axis lost, unnamed, or in another order than the hyperparameters'."""
        dims = ("learning_rate", "batch_size", "momentum", "weight_decay", "replica", "step")
        assert grid.norm.dims == dims
        assert grid.diverged_at.dims == dims[:-1]
        expected = {
            "learning_rate": [0.1, 0.2],
            "batch_size": [1, 2],
            "momentum": [0.5, 0.9],
            "weight_decay": [0.01, 0.02],
            "replica": [0, 1],
            "step": [0, 6, 12],
        }
        for name, values in expected.items():
            np.testing.assert_array_equal(grid[name], values)

    def test_numbers_stand_at_their_own_place(self, grid: xr.Dataset) -> None:
        """Results of one point filed under another: each is simulated again on its own."""
        point = {"learning_rate": 0.2, "batch_size": 2, "momentum": 0.5, "weight_decay": 0.02}
        alone = soret.simulate(
            WALK,
            soret.SGD(**point),
            observe=norm,
            steps=12,
            replicas=2,
            record_every=6,
        )
        assert alone.norm.dims == ("replica", "step")
        np.testing.assert_allclose(alone.norm, grid.norm.sel(point), rtol=0, atol=ROUNDING)

    def test_points_do_not_repeat_each_other(self, grid: xr.Dataset) -> None:
        """A hyperparameter that does not reach the update."""
        last = grid.norm.isel(step=-1).values
        assert len(np.unique(last)) == last.size

    def test_axes_carry_names_and_units(self, net: xr.Dataset) -> None:
        """An array that a figure cannot label."""
        assert net.activation_rate.attrs == {"long_name": "activation rate", "units": "fraction"}
        assert net.learning_rate.attrs["long_name"] == "learning rate η"
        for variable in net.variables.values():
            assert variable.attrs["long_name"]

    def test_observable_of_an_array_gets_an_axis_of_its_own(self, net: xr.Dataset) -> None:
        """Components mixed up with records or replicas."""
        assert net.theta.dims == ("learning_rate", "replica", "step", "theta_dim_0")
        assert net.sizes["theta_dim_0"] == 4 * 3 + 3 + 3

    def test_dataset_says_what_was_run(self, net: xr.Dataset) -> None:
        """Numbers whose settings are forgotten."""
        expected = {
            "problem_name": "two_layer",
            "problem_hidden": 3,
            "algorithm_name": "SGD",
            "algorithm_batch_size": 4,
            "algorithm_learning_rate": "(0.1, 0.05)",
            "steps": 40,
            "replicas": 6,
            "record_every": 20,
            "seed": 0,
            "diverged": 0,
        }
        assert expected.items() <= net.attrs.items()

    def test_figure_is_labelled(self, net: xr.Dataset) -> None:
        """The line from the documentation: a plot that says what its axes and colours are."""
        _, axes = plt.subplots()
        net.activation_rate.mean("replica").plot(hue="learning_rate", ax=axes)
        assert axes.get_xlabel() == "step [updates]"
        assert axes.get_ylabel() == "activation rate [fraction]"
        legend = axes.get_legend()
        assert legend is not None
        assert "learning rate η" in legend.get_title().get_text()
        assert [text.get_text() for text in legend.get_texts()] == ["0.1", "0.05"]
        plt.close("all")


class TestRecords:
    def test_the_start_is_recorded(self, base: xr.Dataset) -> None:
        """A curve that begins after its first steps."""
        assert base.step.values.tolist() == [0, 20, 40, 60, 80, 100]
        for replica, key in enumerate(initial_keys(0, range(2))):
            start = WALK.initial(generator.as_jax_key(jnp.asarray(key)))
            found = base.theta.isel(learning_rate=0, replica=replica, step=0)
            np.testing.assert_allclose(found, start, rtol=1e-6)

    def test_observables_see_the_step(self, grid: xr.Dataset) -> None:
        """A record filed under another step."""
        assert (grid.params_step == grid.step).all()

    def test_trajectory_does_not_depend_on_when_it_is_watched(
        self, run: Run, base: xr.Dataset
    ) -> None:
        """Measuring that disturbs, or random numbers that depend on the records' spacing."""
        other = run(record_every=50)
        assert other.step.values.tolist() == [0, 50, 100]
        both = [0, 100]
        np.testing.assert_allclose(
            other.theta.sel(step=both), base.theta.sel(step=both), rtol=0, atol=ROUNDING
        )


class TestSameNumbers:
    def test_replicas_share_their_start_over_the_grid(self, base: xr.Dataset) -> None:
        """Points that differ because they started elsewhere."""
        start = base.theta.isel(step=0).values
        np.testing.assert_array_equal(start[0], start[1])
        assert len(np.unique(start[0], axis=0)) == 6

    def test_points_have_noise_of_their_own(self, base: xr.Dataset) -> None:
        """Points that err together: with shared noise, changes over η would nearly agree."""
        moved = base.theta.isel(step=1).values - base.theta.isel(step=0).values
        per_rate = moved / np.array(RATES)[:, None, None]
        apart = np.abs(per_rate[0] - per_rate[1]).mean()
        assert apart > 0.2 * np.abs(per_rate).mean()

    def test_same_call_same_numbers_on_one_worker(self, run: Run, base: xr.Dataset) -> None:
        """Numbers that depend on the number of threads."""
        xr.testing.assert_equal(run(workers=1), base)

    def test_adding_a_value_leaves_the_others_alone(self, run: Run, base: xr.Dataset) -> None:
        """Points whose noise depends on their place in the grid."""
        wider = run([0.1, 0.02, 0.05]).sel(learning_rate=RATES)
        np.testing.assert_allclose(wider.theta, base.theta, rtol=0, atol=ROUNDING)
        # In blocks of the same size it is the same bits.
        alike = {"block_size": 6}
        wider = run([0.1, 0.02, 0.05], **alike).sel(learning_rate=RATES)
        xr.testing.assert_equal(wider, run(**alike))

    def test_one_value_is_the_same_point(self, run: Run, base: xr.Dataset) -> None:
        """A number that is another point than a list of it; and fewer replicas are the first."""
        alone = run(0.05, replicas=4)
        assert alone.theta.dims == ("replica", "step", "theta_dim_0")
        expected = base.theta.sel(learning_rate=0.05, replica=slice(0, 3))
        np.testing.assert_allclose(alone.theta, expected, rtol=0, atol=ROUNDING)

    def test_blocks_change_nothing_but_rounding(self, run: Run, base: xr.Dataset) -> None:
        """Keys by place in a block: blocks span two points, the last has replicas to spare."""
        other = run(block_size=5)
        assert other.block_size == 4  # twice six replicas in three blocks, evenly
        np.testing.assert_allclose(other.theta, base.theta, rtol=0, atol=ROUNDING)
        uneven = run(block_size=4, replicas=7)
        assert uneven.block_size == 4
        assert uneven.sizes["replica"] == 7
        found = uneven.theta.isel(replica=slice(0, 6))
        np.testing.assert_allclose(found, base.theta, rtol=0, atol=ROUNDING)

    def test_seed_from_numpy_is_the_same_seed(self, run: Run, base: xr.Dataset) -> None:
        """A seed drawn from an array, which overflows or counts as another one."""
        xr.testing.assert_equal(run(seed=np.int32(0)), base)

    def test_another_seed_is_another_ensemble(self, run: Run, base: xr.Dataset) -> None:
        """A seed that changes only the start, or only the noise."""
        other = run(seed=1)
        assert (other.theta.isel(step=0) != base.theta.isel(step=0)).any("theta_dim_0").all()
        moves = [r.theta.isel(step=1) - r.theta.isel(step=0) for r in (base, other)]
        assert not np.allclose(moves[0], moves[1], atol=1e-3)
