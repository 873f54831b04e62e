"""Effects of learning rate and batch size, and distances of curves: recovered, and covered."""

import numpy as np
import pytest

from soret.errors import InferenceError, SettingsError
from soret.inference import curve_distance, ratio_dependence

ETA, SIZE = (
    grid.ravel() for grid in np.meshgrid([0.05, 0.1, 0.2], [8.0, 16.0, 32.0], indexing="ij")
)


def scan(rng, a, b, noise=0.3, replicas=5):
    """Return y of one experiment; replicas differ as a whole, too."""
    start = rng.normal(size=replicas)
    y = a * np.log(ETA)[:, None] + b * np.log(SIZE)[:, None] + start
    return y + noise * rng.normal(size=(len(ETA), replicas))


def test_exact_effects_are_found():
    """Effects swapped, signs lost, a ratio the wrong way up."""
    found = ratio_dependence(ETA, SIZE, scan(np.random.default_rng(0), -0.8, 0.2, noise=1e-9))
    assert found.rate == pytest.approx(-0.8)
    assert found.batch == pytest.approx(0.2)
    assert found.both == pytest.approx(-0.6)
    assert found.exchange == pytest.approx(0.25)
    # y depends on x − z and on x + z, which are uncorrelated on a square grid.
    assert found.correlation == pytest.approx(-0.5 / np.sqrt(0.25 + 0.09), abs=1e-6)


def test_intervals_cover():
    """Intervals too narrow or too wide: 95 % of 1,500, within 6 standard errors (±3.4 %).

    False alarms: below 1e-8 for each of four.
    """
    rng = np.random.default_rng(1)
    truth = {"rate": -0.5, "batch": 0.4, "both": -0.1, "exchange": 0.8}
    hits = {name: [] for name in truth}
    for _ in range(1500):
        found = ratio_dependence(ETA, SIZE, scan(rng, -0.5, 0.4))
        for name, value in truth.items():
            low, high = getattr(found, f"{name}_interval")
            hits[name].append(low <= value <= high)
    for name, covered in hits.items():
        assert abs(np.mean(covered) - 0.95) < 0.034, (name, np.mean(covered))


def test_no_dependence_is_not_seen():
    """A correlation out of nothing: 5 % of 1,500 within 6 standard errors; Fieller left open."""
    rng = np.random.default_rng(2)
    found = [ratio_dependence(ETA, SIZE, scan(rng, 0.0, 0.0)) for _ in range(1500)]
    seen = [f.correlation_interval[0] > 0 or f.correlation_interval[1] < 0 for f in found]
    assert abs(np.mean(seen) - 0.05) < 0.034
    assert np.mean([np.isinf(f.exchange_interval[0]) for f in found]) > 0.9


def test_missing_points_are_left_out():
    """Replicas compared over different points."""
    y = scan(np.random.default_rng(3), -0.5, 0.5, noise=0.0)
    y[4, 2] = np.nan
    found = ratio_dependence(ETA, SIZE, y)
    assert found.points == 8
    assert found.exchange == pytest.approx(1)


def test_bad_scans():
    """Effects told apart that the scan cannot tell apart."""
    y = np.zeros((9, 4))
    with pytest.raises(InferenceError, match="tell learning rate from batch size"):
        ratio_dependence(ETA, 100 * ETA, y)
    with pytest.raises(InferenceError, match="at least 4 points"):
        ratio_dependence(ETA[:3], SIZE[:3], y[:3])
    with pytest.raises(InferenceError, match="the shapes are"):
        ratio_dependence(ETA, SIZE, y[:4])
    with pytest.raises(InferenceError, match="positive"):
        ratio_dependence(-ETA, SIZE, y)
    with pytest.raises(SettingsError, match="confidence"):
        ratio_dependence(ETA, SIZE, y, confidence=2)


@pytest.mark.parametrize("apart", [0.0, 0.2, 1.0])
def test_distances_cover(apart):
    """A distance made of noise alone, or an interval that misses it.

    Curves with noise correlated along them, 8 replicas. Of 600 at least 90 % must cover (measured:
    94 to 99 %; 6 standard errors of 0.95 are 5 %), and the mean square must be right.
    """
    rng = np.random.default_rng(4)
    places = np.linspace(0, 1, 20)
    difference = apart * np.sqrt(2) * np.sin(2 * np.pi * places)
    true = np.sqrt((difference**2).mean())
    covered, squares = [], []
    for _ in range(600):
        walks = rng.normal(size=(2, 8, 20)).cumsum(axis=2) / 10
        found = curve_distance(walks[0] + difference, walks[1])
        covered.append(found.interval[0] <= true <= found.interval[1])
        squares.append(found.distance**2)
    assert np.mean(covered) > 0.9, np.mean(covered)
    if apart:
        error = 6 * np.std(squares) / np.sqrt(600)
        assert abs(np.mean(squares) - true**2) < error + 0.01


def test_what_the_start_does_cancels():
    """Replicas paired at random."""
    rng = np.random.default_rng(5)
    start = rng.normal(size=(8, 1))
    found = curve_distance(start + np.ones(10), start + np.zeros(10))
    assert found.distance == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))


def test_bad_curves():
    """Curves at different places."""
    with pytest.raises(InferenceError, match="one shape"):
        curve_distance(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(InferenceError, match="0 places in common"):
        curve_distance(np.full((8, 3), np.nan), np.ones((8, 3)))
    with pytest.raises(SettingsError, match="confidence"):
        curve_distance(np.ones((8, 3)), np.ones((8, 3)), confidence=1.0)
