"""The mean's interval: Student's where nothing is skewed, and Hall's where something is."""

import numpy as np
import pytest
from scipy import optimize, stats

from soret.inference import student_interval


def test_symmetric_values_have_students_interval():
    """Catches: a transformation that moves what has no skewness; fewer than five values refused."""
    for values in (np.array([1.0, 2, 3, 4, 5, 6, 7]), np.array([0.0, 0, 9]), np.array([1.0, 4.0])):
        mean, interval = student_interval(values)
        expected = stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values))
        assert mean == pytest.approx(values.mean())
        np.testing.assert_allclose(interval, expected)


def test_the_ends_are_where_halls_statistic_is_students_quantile():
    """Catches: a wrong root, or a sign of the skewness."""
    values = np.random.default_rng(0).exponential(size=40)
    n, mean, deviation = 40, values.mean(), values.std(ddof=1)
    skewness = float(stats.skew(values, bias=False))

    def statistic(mu):
        w = (mean - mu) / deviation
        g = w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / (6 * n)
        return np.sqrt(n) * g

    quantile = stats.t.ppf(0.975, n - 1)
    low = optimize.brentq(lambda mu: statistic(mu) - quantile, mean - 3, mean)
    high = optimize.brentq(lambda mu: statistic(mu) + quantile, mean, mean + 3)
    np.testing.assert_allclose(student_interval(values)[1], (low, high))
    assert high - mean > mean - low
    turned = student_interval(-values)[1]
    np.testing.assert_allclose(turned, (-high, -low))


def test_values_alike_have_an_interval_of_no_width():
    """Catches: 0/0 in the skewness."""
    mean, interval = student_interval(np.full(9, 0.1))
    np.testing.assert_allclose([mean, *interval], 0.1, rtol=1e-12)
