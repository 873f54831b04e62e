"""Stationarity, of series that drift and of series that do not."""

import numpy as np
import pytest

from soret.errors import InferenceError, SettingsError
from soret.inference import (
    stationarity,
)


def test_stationarity_knows_a_drift_and_admits_ignorance():
    """A verdict from noise: the three answers, each where it is due."""
    random = np.random.default_rng(0)
    steady = 1 + 0.1 * random.normal(size=(50, 100))
    assert stationarity(steady).verdict == "stationary"
    falling = steady * np.linspace(1.5, 0.5, 100)
    assert stationarity(falling).verdict == "drifting"
    assert stationarity(falling).change == pytest.approx(-0.4, abs=0.05)
    assert stationarity(1 + 3 * random.normal(size=(5, 6)) ** 2).verdict == "undecided"


def test_a_tolerance_of_nothing_is_refused():
    """A verdict that could never be "stationary"."""
    with pytest.raises(SettingsError, match="tolerance"):
        stationarity(np.ones((5, 10)), tolerance=0)


def test_a_single_run_is_judged_by_its_blocks():
    """Halves of one run taken for replicas; correlated records for independent ones."""
    random = np.random.default_rng(1)
    noise = np.repeat(random.normal(size=(1, 400)), 10, axis=1)
    assert stationarity(5 + 0.5 * noise, blocks=10).verdict == "stationary"
    falling = np.linspace(2, 1, 4000) * (5 + 0.5 * noise)
    assert stationarity(falling, blocks=10).verdict == "drifting"
    assert stationarity(5 + 40 * noise**2, blocks=10).verdict == "undecided"
    wide, narrow = (stationarity(5 + 0.5 * noise, blocks=b).interval for b in (10, 2000))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    for series, blocks in ((np.ones((1, 10)), None), (np.ones((1, 10)), 6)):
        with pytest.raises(InferenceError, match="no interval"):
            stationarity(series, blocks=blocks)


def test_one_series_is_told_its_shape():
    """Catches: "at least 4 records" of a series that has a hundred."""
    one = 1 + 0.1 * np.random.default_rng(0).normal(size=200)
    with pytest.raises(InferenceError, match=r"give \(replicas, records\).*series\[None\]"):
        stationarity(one)
    assert stationarity(one[None], blocks=5).verdict == "stationary"
