"""First-passage times with censoring: curves, means, bounds, and how often intervals cover."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference import mean_passage, mean_passages, survival_curve
from soret.inference.survival import _with_tail


def waits(rng, replicas, limit, delay=0.0):
    """Times of mean 1: a delay, then exponential; nan after the limit."""
    times = delay + (1 - delay) * rng.exponential(size=replicas)
    return np.where(times <= limit, times, np.nan)


def test_the_curve_is_kaplan_and_meiers():
    """Replicas counted at risk at the wrong time: worked by hand."""
    times, limits = [1, np.nan, 2, 3, np.nan], [9, 1.5, 9, 9, 4]
    found = survival_curve(2 * times, 2 * limits)
    np.testing.assert_allclose(found.times, [1, 1.5, 2, 3, 4])
    np.testing.assert_allclose(found.survival, [4 / 5, 4 / 5, 8 / 15, 4 / 15, 4 / 15])
    assert (found.passed, found.censored) == (6, 4)
    assert (found.low <= found.survival).all()
    assert (found.survival <= found.high).all()
    assert "6 of 10 passed" in str(found)


def test_a_curve_that_ends_or_never_begins_still_has_an_interval():
    """nan where SciPy has no answer."""
    for times in ([1.0, 2, 3, 4] * 2, [np.nan] * 8):
        found = survival_curve(times, 5.0)
        assert np.isfinite([found.low, found.high]).all()
        assert (np.diff(found.high) <= 0).all()
    assert found.high[-1] == 1


def test_when_all_passed_it_is_their_mean():
    """An exponential law imposed on times that were all seen."""
    times = np.linspace(1, 2, 20)
    found = mean_passage(times, 5.0)
    assert found.mean == pytest.approx(1.5)
    assert (found.method, found.passed, found.censored) == ("all passed", 20, 0)
    assert found.exponential_p < 0.01


def test_when_none_passed_it_is_a_bound():
    """A number where there is none: P(none of ten by t = 5) is 5 % at a mean of 50/−ln 0.05."""
    found = mean_passage([np.nan] * 10, 5.0)
    assert np.isnan(found.mean)
    assert np.isnan(found.exponential_p)
    assert found.interval == (pytest.approx(50 / -np.log(0.05)), np.inf)
    assert str(found) == "mean above 16.7 (95 %); 0 of 10 passed"


def test_exposure_is_the_exponential_likelihoods_maximum():
    """Censored replicas dropped."""
    found = mean_passage([1, 2, np.nan, np.nan, 0.4] * 2, [3, 3, 3, 2, 3.0] * 2)
    assert found.mean == pytest.approx((1 + 2 + 3 + 2 + 0.4) / 3)
    assert found.method == "exposure"
    low, high = 2 * 16.8 / stats.chi2.ppf([0.975, 0.025], 13)
    np.testing.assert_allclose(found.interval, (low, high))


def test_a_tail_is_joined_to_the_curve_where_half_of_the_passages_are_over():
    """An integral over the curve that starts late, or counts the tail's share twice."""
    seen, over = np.array([1.0, 2, 3, 4, 5, 5, 5, 5]), np.arange(8) < 5
    # Flat to 1, then 7/8 to 2, 6/8 to 3; 5/8 are left with 1 + 2·4 time and two passages.
    expected = 1 + 7 / 8 + 6 / 8 + 5 / 8 * (1 + 2 * 4) / 2
    assert _with_tail(seen, over, np.full(8, 1 / 8)) == pytest.approx(expected)
    # Weights of whole numbers are copies.
    copies = np.array([1, 2, 0, 1, 3, 1, 0, 2])
    repeated = np.repeat(seen, copies), np.repeat(over, copies)
    assert _with_tail(seen, over, copies / 10) == pytest.approx(
        _with_tail(*repeated, np.full(10, 0.1))
    )


@pytest.mark.parametrize(
    ("replicas", "limit", "delay"),
    [(100, 1.0, 0.0), (100, 0.2, 0.0), (20, 0.5, 0.0), (100, 100.0, 0.3), (100, 0.5, 0.3)],
)
@pytest.mark.slow
def test_intervals_cover(replicas, limit, delay):
    """A delay before an exponential tail ignored, which at limit 0.5 doubles the mean.

    Measured 0.94 to 0.96; fewer than the bound happen once in a million at 0.93.
    """
    rng = np.random.default_rng(21)
    sets = 200
    found = [
        mean_passage(waits(rng, replicas, limit, delay), limit, resamples=300, seed=i)
        for i in range(sets)
    ]
    low, high = np.array([f.interval for f in found]).T
    assert np.sum((low <= 1) & (high >= 1)) >= stats.binom.ppf(1e-6, sets, 0.93)
    means = np.array([f.mean for f in found])
    assert abs(np.median(means) - 1) < 0.15
    assert {f.method for f in found} <= {"all passed", "exposure", "tail"}
    if delay == 0:
        # The test's level is 5 %.
        assert sum(f.exponential_p < 0.05 for f in found) <= stats.binom.isf(1e-6, sets, 0.05)
    elif limit < 1:
        assert np.mean([f.method == "tail" for f in found]) > 0.9


def test_arrays_keep_their_names():
    """Thresholds in another order than their times, or one limit for all."""
    rng = np.random.default_rng(22)
    thresholds = [2.0, 3.0, 5.0]
    limit = xr.DataArray([10.0, 10.0, 0.001], {"threshold": thresholds}, "threshold")
    times = xr.DataArray(
        rng.exponential([0.1, 1, 10], (40, 3)), {"threshold": thresholds}, ("replica", "threshold")
    )
    found = mean_passages(times.where(times <= limit), limit, resamples=200)
    assert dict(found.sizes) == {"threshold": 3}
    np.testing.assert_allclose(found.mean_time.sel(threshold=2.0), times.sel(threshold=2.0).mean())
    assert found.method.sel(threshold=5.0) == "bound"
    assert int(found.censored.sel(threshold=5.0)) == 40
    assert (found.low < found.mean_time).sel(threshold=[2, 3]).all()
    with pytest.raises(InferenceError, match="dimension replica"):
        mean_passages(times.rename(replica="walker"), limit)


@pytest.mark.parametrize(
    ("times", "limit", "message"),
    [
        ([1.0, 6.0], 5.0, "after censored_at"),
        ([0.0, 1.0], 5.0, "positive"),
        ([1.0, 2.0], np.inf, "finite"),
        ([[1.0]], 5.0, "shape"),
        ([], 5.0, "shape"),
        ([1.0, 2.0], 5.0, "at least 8"),
    ],
)
def test_what_cannot_be_answered_is_refused(times, limit, message):
    """A mean out of times that make no sense."""
    with pytest.raises(InferenceError, match=message):
        mean_passage(times, limit)


def test_settings_are_checked():
    """A confidence in per cent."""
    with pytest.raises(SettingsError):
        mean_passage([1.0], 2.0, confidence=95)
    with pytest.raises(SettingsError):
        mean_passage([1.0], 2.0, resamples=10)
