"""Divergence is data: counted, dated, and left out of means visibly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import soret


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("divergence") / "run"


@pytest.fixture(scope="module")
def simulate(
    regression: soret.Problem, watch_regression: list[Callable[..., Any]]
) -> Callable[..., xr.Dataset]:
    """Return a function that runs at a learning rate that converges and one that explodes."""

    def run(record_every: int, **more: Any) -> xr.Dataset:
        message = "3 of 6 replicas diverged, the first by step"
        with pytest.warns(soret.DivergenceWarning, match=message) as caught:
            made = soret.simulate(
                regression,
                soret.SGD([0.02, 3.0], batch_size=2),
                observe=watch_regression,
                steps=200,
                replicas=3,
                record_every=record_every,
                **more,
            )
        # The warning stands at the caller's line, not at one of Soret's.
        assert [warning.filename for warning in caught] == [__file__]
        return made

    return run


@pytest.fixture(scope="module")
def run(simulate: Callable[..., xr.Dataset], folder: Path) -> xr.Dataset:
    return simulate(1, out=folder)


def test_only_the_replicas_that_exploded_are_counted(run: xr.Dataset) -> None:
    """A healthy replica counted, or a diverged one missed."""
    assert (run.diverged_at.sel(learning_rate=0.02) == -1).all()
    assert (run.diverged_at.sel(learning_rate=3.0) > 10).all()
    assert run.attrs["diverged"] == 3


def test_nan_from_the_date_on_and_only_then(run: xr.Dataset) -> None:
    """Numbers of a diverged replica taken for real, or real ones thrown away."""
    alive = (run.diverged_at < 0) | (run.step < run.diverged_at)
    for values in (run.offset, run.slopes):
        finite = np.isfinite(values)
        assert (finite == alive).all()
        assert (np.isnan(values) == ~alive).all()


def test_counts_are_masked_too(regression: soret.Problem) -> None:
    """An integer that cannot be NaN, and goes on counting in a dead replica."""

    def positive(problem: soret.Problem, state: Any) -> Any:
        return (state.params["w"] > 0).sum()

    with pytest.warns(soret.DivergenceWarning):
        run = soret.simulate(
            regression, soret.SGD(3.0, batch_size=2), observe=positive, steps=200, replicas=2
        )
    assert run.positive.isel(step=0).isin([0, 1, 2, 3]).all()
    assert np.isnan(run.positive.isel(step=-1)).all()


def test_numbers_before_the_date_are_the_explosion(run: xr.Dataset) -> None:
    """A date too early: float32 ends at 3.4e38, and the last finite parameters are near it."""
    last = run.diverged_at.sel(learning_rate=3.0) - 1
    size = np.abs(run.slopes.sel(learning_rate=3.0)).sel(step=last).max("slopes_dim_0")
    assert (size > 1e30).all()


def test_means_leave_it_out(run: xr.Dataset) -> None:
    """A mean over replicas that one explosion makes infinite."""
    assert np.isfinite(run.offset.sel(learning_rate=0.02).mean("replica")).all()
    mean = run.offset.sel(learning_rate=3.0).mean("replica")
    assert np.isfinite(mean.isel(step=0))
    assert np.isnan(mean.isel(step=-1))


def test_date_is_the_record_that_saw_it(
    run: xr.Dataset, simulate: Callable[..., xr.Dataset]
) -> None:
    """A date between records, or one record late."""
    coarse = simulate(20)
    exact = run.diverged_at.sel(learning_rate=3.0).values
    np.testing.assert_array_equal(coarse.diverged_at.sel(learning_rate=3.0), -(-exact // 20) * 20)


def test_a_loaded_run_warns_again(
    run: xr.Dataset, simulate: Callable[..., xr.Dataset], folder: Path
) -> None:
    """A saved run whose divergence is forgotten, or whose NaN did not survive saving."""
    xr.testing.assert_identical(simulate(1, out=folder), run)
