"""Statistics of what is known: NumPy's numbers where something is, NaN without a word elsewhere."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from soret import missing

SOME = np.random.default_rng(0).normal(size=(5, 7))
SOME[SOME > 0.8] = np.nan
PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mean": (missing.mean, np.nanmean),
    "smallest": (missing.smallest, np.nanmin),
    "largest": (missing.largest, np.nanmax),
    "deviation": (missing.deviation, np.nanstd),
    "deviation of a sample": (
        lambda v, axis=None: missing.deviation(v, axis, ddof=1),
        lambda v, axis=None: np.nanstd(v, axis=axis, ddof=1),
    ),
    "quantiles": (
        lambda v, axis=None: missing.quantiles(v, [0.1, 0.5], axis),
        lambda v, axis=None: np.nanquantile(v, [0.1, 0.5], axis=axis),
    ),
}


@pytest.fixture(autouse=True)
def no_warnings() -> Any:
    with warnings.catch_warnings(action="error"):
        yield


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("name", PAIRS)
def test_numpys_numbers(name: str, axis: int | None) -> None:
    ours, numpys = PAIRS[name]
    np.testing.assert_array_equal(ours(SOME, axis=axis), numpys(SOME, axis=axis))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", PAIRS)
def test_where_nothing_is_known(name: str, axis: int) -> None:
    """Catches: "All-NaN slice encountered" for every record at which all replicas have diverged."""
    ours, numpys = PAIRS[name]
    values = SOME.copy()
    values[2, :] = values[:, 3] = np.nan
    found = ours(values, axis=axis)
    empty = [3] if axis == 0 else [2]
    assert np.isnan(found[..., empty]).all()
    rest = np.delete(values, empty, axis=1 - axis)
    np.testing.assert_array_equal(np.delete(found, empty, axis=-1), numpys(rest, axis=axis))


@pytest.mark.parametrize("values", [np.full((2, 3), np.nan), np.zeros((0, 3)), np.zeros((2, 0))])
@pytest.mark.parametrize("name", PAIRS)
def test_nothing_at_all(name: str, values: Any) -> None:
    """Catches: "zero-size array", where no run got there."""
    ours, _ = PAIRS[name]
    assert np.isnan(ours(values)).all()
    for axis in (0, 1):
        found = ours(values, axis=axis)
        assert found.shape[-1] == values.shape[1 - axis]
        assert np.isnan(found).all()


def test_one_value_has_no_deviation() -> None:
    """Catches: "Degrees of freedom <= 0 for slice"."""
    found = missing.deviation([[1.0, 1.0], [np.nan, 2.0]], axis=0, ddof=1)
    np.testing.assert_array_equal(found, [np.nan, np.std([1, 2], ddof=1)])


def test_reach_is_students() -> None:
    """Catches: 1.96 standard errors of five values, which are 29 % too few."""
    values = np.array([[1.0, np.nan], [2.0, np.nan], [4.0, 3.0], [5.0, np.nan], [7.0, np.nan]])
    low, high = stats.t.interval(0.95, 4, values[:, 0].mean(), stats.sem(values[:, 0]))
    found = missing.reach(values)
    assert found[0] == pytest.approx((high - low) / 2, rel=1e-12)
    assert np.isnan(found[1])
