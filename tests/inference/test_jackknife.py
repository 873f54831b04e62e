"""Leaving each replica out: against what it is for a mean, and against a loop."""

import numpy as np
import pytest
from scipy import stats

from soret.errors import InferenceError
from soret.inference import loglog_slope, points
from soret.inference.jackknife import hotelling_p, jackknife_interval, means_without, pseudo_values
from soret.inference.line import fit_line
from soret.inference.points import read_points


def test_without_each_is_without_each():
    """Catches: sums that lose what is small beside one replica."""
    values = np.random.default_rng(0).exponential(size=(6, 3))
    values[2] *= 1e20
    found = means_without(values)
    for i in range(6):
        np.testing.assert_allclose(found[i], np.delete(values, i, axis=0).mean(0), rtol=1e-14)


def test_of_a_mean_it_is_students():
    """Catches: a factor (n − 1)/n, or another number of degrees of freedom."""
    values = np.random.default_rng(1).normal(size=9)
    low, high = jackknife_interval(values.mean(), means_without(values[:, None])[:, 0], 0.9)
    expected = stats.t.interval(0.9, 8, values.mean(), stats.sem(values))
    np.testing.assert_allclose((low, high), expected)
    np.testing.assert_allclose(
        pseudo_values(values.mean(), means_without(values[:, None])[:, 0]), values
    )


def test_of_one_number_hotelling_is_students():
    """Catches: a statistic without its factor, or F of the wrong degrees of freedom."""
    values = np.random.default_rng(2).normal(0.3, size=(12, 1))
    assert hotelling_p(values) == pytest.approx(stats.ttest_1samp(values[:, 0], 0).pvalue)
    with pytest.raises(InferenceError, match="independently"):
        hotelling_p(np.repeat(values, 2, axis=1))


@pytest.mark.parametrize("average", ["logarithm", "mean"])
@pytest.mark.parametrize("ratio", [False, True])
def test_points_without_each_replica_are_those_of_the_others(average, ratio, monkeypatch):
    """Catches: weights that stay while what they are taken from is left out."""
    monkeypatch.setattr(points, "_steadied", lambda *variances: variances)
    if ratio and average == "logarithm":
        pytest.skip("a ratio is one of means")
    rng = np.random.default_rng(3)
    x = np.geomspace(1, 10, 6) * rng.lognormal(sigma=0.1, size=(12, 6))
    y = x**2 * rng.lognormal(sigma=0.3, size=(12, 6))
    per = rng.uniform(0.5, 1.5, size=(12, 6)) if ratio else None
    whole = read_points(x, y, None, None, per, average=average)
    assert whole.without is not None
    for i in range(12):
        others = [None if a is None else np.delete(a, i, axis=0) for a in (x, y, per)]
        left = read_points(*others[:2], None, None, others[2], average=average)
        assert left.without is not None
        np.testing.assert_allclose(whole.without.x[i], left.x)
        np.testing.assert_allclose(whole.without.y[i], left.y)
        for name in ("x", "y", "correlation"):
            np.testing.assert_allclose(
                getattr(whole.without.errors, name)[i], getattr(left.errors, name), rtol=1e-9
            )
    slopes = fit_line(whole.without.x, whole.without.y, whole.without.errors)[1]
    found = loglog_slope(x, y, per=per, average=average, within=(0.5, 20))
    expected = jackknife_interval(found.slope, slopes, 0.95)
    np.testing.assert_allclose(found.interval, expected)
