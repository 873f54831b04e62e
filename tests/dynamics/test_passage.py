"""First passages: against the levels themselves, a closed form, and what censoring means."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import soret
from soret.errors import SettingsError
from soret.observables import State, label

NEVER = 1e9
# A chunk has at most 32 steps: looks within chunks, at their ends, and beyond them.
EVERY = [1, 3, 32, 96]
STEPS = 960


@label("distance from the start")
def distance(problem: soret.Problem, state: State) -> jax.Array:
    """Return |q|."""
    return jnp.abs(state.params["q"])


@pytest.fixture(scope="module")
def walk() -> soret.Problem:
    """Return q ← q − ηs with a fair sign s: exact in float32, and solved in closed form."""
    return soret.Problem(
        init=lambda key: {"q": jnp.zeros(())},
        fixed_start=True,
        predict=lambda params, x: x[0] * params["q"],
        loss=lambda output, _: output,
        data=soret.Dataset("fair signs", [[-1.0], [1.0]], [0.0, 0.0]),
        name="walk",
    )


@pytest.fixture(scope="module")
def watched(walk: soret.Problem) -> Callable[..., xr.Dataset]:
    def run(thresholds: Any, every: int = 1, **settings: Any) -> xr.Dataset:
        settings = {"steps": STEPS, "replicas": 10, **settings}
        return soret.simulate(
            walk,
            soret.SGD([1.0, 2.0]),
            watch=soret.FirstPassage(distance, thresholds, every),
            workers=2,
            **settings,
        )

    return run


@pytest.mark.parametrize("every", EVERY)
def test_are_the_first_look_at_or_above_the_threshold(
    watched: Callable[..., xr.Dataset], every: int
) -> None:
    """Steps off by one, thresholds mixed up, passages lost between calls, chunks or replicas."""
    thresholds = [0.0, 2.0, 5.0, 9.0, 40.0, 41.0, NEVER]
    run = watched(thresholds, every, observe=distance, record_every=every, block_size=4)
    for at, times in zip(run.distance.values, run.first_passage.values, strict=True):
        for levels, found in zip(at, times, strict=True):
            above = levels[:, None] >= np.asarray(thresholds)
            expected = np.where(above.any(0), above.argmax(0) * float(every), np.nan)
            np.testing.assert_array_equal(found, expected)
    # Something passed and something did not.
    assert 0 < np.isnan(run.first_passage.sel(threshold=slice(1, 50))).mean() < 1


def test_rarer_looks_never_see_a_passage_earlier(watched: Callable[..., xr.Dataset]) -> None:
    """A stated bias that goes the other way."""
    often, rarely = (watched([2.0, 8.0], k, record_every=96).first_passage for k in (1, 32))
    assert bool((rarely.fillna(np.inf) >= often.fillna(np.inf)).all())
    assert bool((rarely.fillna(np.inf) > often.fillna(np.inf)).any())


def test_mean_time_of_the_fair_walk(watched: Callable[..., xr.Dataset]) -> None:
    """A dynamics that is not the one watched: E[T] = a², Var[T] = ⅔a²(a² − 1).

    Two means of 2,000 replicas within six standard errors: false alarms below 1e-8.
    """
    run = watched([6.0], replicas=2000, steps=3200)
    for rate in (1.0, 2.0):
        times = run.first_passage.sel(learning_rate=rate, threshold=6.0)
        assert not np.isnan(times).any()
        steps = 6 / rate
        error = np.sqrt(2 / 3 * steps**2 * (steps**2 - 1) / times.size)
        assert abs(float(times.mean()) - steps**2) < 6 * error


def test_a_run_stops_when_all_have_passed(watched: Callable[..., xr.Dataset]) -> None:
    """Ten thousand million steps where some hundred were enough; or waiting left out."""
    run = watched([3.0, 6.0], observe=distance, steps=10_000_000, record_every=10_000)
    assert not np.isnan(run.first_passage).any()
    np.testing.assert_array_equal(run.watched_until, run.first_passage.isel(threshold=-1))
    after = run.distance.where(run.step >= run.watched_until, drop=True)
    assert np.isnan(after).all()
    assert not np.isnan(run.distance.isel(step=0)).any()


def test_records_end_for_a_finished_replica_alone(watched: Callable[..., xr.Dataset]) -> None:
    """Records that depend on which other replicas share the block."""
    run = watched([12.0], observe=distance, record_every=32)
    alone = watched([12.0], observe=distance, record_every=32, block_size=1)
    xr.testing.assert_equal(run, alone)
    finished = run.step >= run.first_passage.isel(threshold=-1, drop=True).fillna(np.inf)
    xr.testing.assert_equal(np.isnan(run.distance), finished.transpose(*run.distance.dims))


def test_missing_times_are_censored_at_the_last_step(watched: Callable[..., xr.Dataset]) -> None:
    """A censoring time that is not the one watched until."""
    run = watched([1.0, NEVER])
    assert np.isnan(run.first_passage.sel(threshold=NEVER)).all()
    assert (run.watched_until == STEPS).all()


def test_what_is_not_a_number_stands_above_every_threshold() -> None:
    """Diverged replicas counted as the ones that never left."""
    problem = soret.Problem(
        init=lambda key: {"q": jnp.ones(())},
        fixed_start=True,
        predict=lambda params, x: params["q"] ** 4 * x,
        loss=lambda output, _: output,
        data=soret.data.FromFunction(lambda key: (jnp.ones(()), jnp.zeros(())), "ones"),
        name="explosion",
    )
    with pytest.warns(soret.DivergenceWarning, match="4 of 4"):
        run = soret.simulate(
            problem,
            soret.SGD(1.0),
            watch=soret.FirstPassage(lambda problem, state: -state.params["q"], [1e6, 1e30]),
            steps=64,
            replicas=4,
        )
    assert (run.first_passage <= 8).all()


def test_labels(watched: Callable[..., xr.Dataset]) -> None:
    """An axis that does not say what it is."""
    run = watched([1.0])
    assert run.first_passage.dims == ("learning_rate", "replica", "threshold")
    assert run.first_passage.attrs["long_name"] == "first passage of distance from the start"
    assert run.first_passage.attrs["units"] == run.watched_until.attrs["units"] == "updates"
    assert run.threshold.attrs["long_name"] == "threshold of distance from the start"


@pytest.mark.parametrize(
    ("thresholds", "every", "message"),
    [
        ([], 1, "at least one number"),
        (1.0, 1, "at least one number"),
        (["high"], 1, "at least one number"),
        ([2.0, 1.0], 1, "ascend"),
        ([1.0, 1.0 + 1e-9], 1, "none twice"),
        ([1.0, np.nan], 1, "finite"),
        ([1.0], 0, "every is 0"),
        ([1.0], 1.5, r"every is 1\.5"),
    ],
)
def test_bad_thresholds(thresholds: Any, every: Any, message: str) -> None:
    """A setting that is noticed after an hour, or never."""
    with pytest.raises(SettingsError, match=message):
        soret.FirstPassage(distance, thresholds, every)


def test_bad_watches(walk: soret.Problem, watched: Callable[..., xr.Dataset]) -> None:
    """A level that is no level, looks that fall between records, nothing to do at all."""
    with pytest.raises(SettingsError, match="no multiple of the 7 steps between looks"):
        watched([1.0], 7, record_every=10)
    with pytest.raises(SettingsError, match="it must be a function"):
        soret.FirstPassage(3.0, [1.0])  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"use a soret\.FirstPassage"):
        soret.simulate(walk, soret.SGD(1.0), watch=distance, steps=10)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="observe is empty"):
        soret.simulate(walk, soret.SGD(1.0), steps=10)
    vector = soret.FirstPassage(lambda problem, state: state.params["q"] * jnp.ones(2), [1.0])
    with pytest.raises(SettingsError, match=r"has shape \(2,\); it must be a scalar"):
        soret.simulate(walk, soret.SGD(1.0), watch=vector, steps=10)
