"""Multivariate normality: its level, its power, and how averages become normal."""

import numpy as np
import pytest

from soret.errors import InferenceError, SettingsError
from soret.inference import gaussianity


def test_normal_samples_pass():
    """A test of another level, or one that depends on mean and covariance.

    5 % of 1,000, within 6 standard errors (±4.1 %): false alarms below 1e-8.
    """
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 4))
    found = [gaussianity(3 + rng.normal(size=(400, 4)) @ mixing) for _ in range(1000)]
    rejected = 1 - np.mean([one.normal for one in found])
    assert abs(rejected - 0.05) < 0.041
    covered = np.mean([one.interval[0] <= 0 <= one.interval[1] for one in found])
    assert abs(covered - 0.95) < 0.041


def test_averages_have_a_share_of_the_excess():
    """A kurtosis of another power; means of m draws have 1/m of the excess of one.

    Of k independent Laplace coordinates it is 3/(k + 2), for E x⁴/σ⁴ is 6. The tolerances are
    six standard errors: false alarms below 1e-8.
    """
    rng = np.random.default_rng(1)
    draws = rng.laplace(size=(200_000, 3))
    for m, error in ((1, 0.08), (4, 0.05)):
        found = gaussianity(draws.reshape(-1, m, 3).mean(axis=1))
        assert found.excess == pytest.approx(3 / 5 / m, abs=error)
        assert not found.normal


def test_asymmetry_is_seen():
    """Skewness left out: a kurtosis close to the normal one says nothing of it."""
    rng = np.random.default_rng(2)
    skewed = rng.gamma(20.0, size=(3000, 2))
    found = gaussianity(skewed)
    assert found.skewness_p < 1e-6
    assert gaussianity(-skewed).skewness_p == pytest.approx(found.skewness_p, rel=1e-6)


def test_affine_maps_change_nothing():
    """Whitening that is none."""
    rng = np.random.default_rng(3)
    values = rng.standard_t(5, size=(500, 3))
    one, two = gaussianity(values), gaussianity(values @ rng.normal(size=(3, 3)) * 1e3 - 7)
    assert one.excess == pytest.approx(two.excess)
    assert one.skewness_p == pytest.approx(two.skewness_p)


def test_refusals():
    """A test of nothing."""
    with pytest.raises(InferenceError, match="too few"):
        gaussianity(np.ones((100, 2)))
    with pytest.raises(InferenceError, match="do not vary"):
        gaussianity(np.ones((400, 2)))
    with pytest.raises(InferenceError, match="finite vectors"):
        gaussianity(np.full((400, 2), np.nan))
    with pytest.raises(SettingsError, match="confidence"):
        gaussianity(np.random.default_rng(0).normal(size=(400, 2)), confidence=1)
