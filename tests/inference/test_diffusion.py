"""Squared displacements and their exponents, on motions whose answer is known."""

import numpy as np
import pytest

from soret.errors import InferenceError, SettingsError
from soret.inference import (
    LagDisplacement,
    diffusion_exponent,
    local_slope,
    squared_displacement,
)
from soret.theory.phase_space import Discrete, Modes


def motion(modes, replicas, steps, seed=0, burn=0):
    """Positions (R, T, n) of SGD with Gaussian noise on modes, in NumPy."""
    random = np.random.default_rng(seed)
    z, v = np.zeros((2, replicas, modes.size))
    found = []
    for step in range(steps + burn):
        noise = np.sqrt(modes.step_noise) * random.normal(size=z.shape)
        v = modes.momentum * v + modes.stiffness * z + noise
        z = z - modes.learning_rate * v
        if step >= burn:
            found.append(z)
    return np.stack(found, 1)


MODES = Modes([1.0, 0.3, 0.05], [1.0, 0.4, 0.1], 0.1, 1, 0.9)


STATIONARY = motion(MODES, 200, 600, burn=1500)


def test_squared_displacements_are_the_exact_ones():
    """Origins that overlap wrongly, directions averaged for summed: within 6 errors of replicas."""
    lags = [1, 5, 30, 200]
    found = squared_displacement(STATIONARY, lags)
    error = found.std(0) / np.sqrt(len(found))
    assert (abs(found.mean(0) - Discrete(MODES).displacement(lags)) <= 6 * error).all()


def test_blocks_cut_time_and_never_join_two():
    """A displacement across the edge of a block, or of two replicas."""
    positions = np.arange(20.0).reshape(2, 10, 1) ** 2
    found = squared_displacement(positions, [1, 2], blocks=2, start=1)
    assert found.shape == (4, 2)
    first = positions[0, 1:5, 0]
    np.testing.assert_allclose(
        found[0], [np.mean(np.diff(first) ** 2), np.mean((first[2:] - first[:-2]) ** 2)]
    )


def test_the_exponent_of_a_brownian_motion_is_one():
    """An interval too narrow for correlated displacements: 1 within six of its half-widths."""
    walk = np.random.default_rng(1).normal(size=(100, 400, 3)).cumsum(1)
    lags = np.array([1, 2, 4, 8, 16, 32])
    moved = squared_displacement(walk, lags)
    found = diffusion_exponent(lags, moved)
    low, high = found.interval
    assert abs(found.slope - 1) < 3 * (high - low)
    assert high - low < 0.1
    assert local_slope(lags, moved, average="mean").slope == pytest.approx(1, abs=0.2)


def test_intervals_of_the_exponent_cover():
    """Bootstrap over what is not independent: of 100 runs 95 % cover; 80 would be 10⁻⁷ or less."""
    lags = np.array([1, 2, 4, 8, 16])
    covered = 0
    for seed in range(100):
        walk = np.random.default_rng(seed).normal(size=(20, 64, 1)).cumsum(1)
        low, high = diffusion_exponent(lags, squared_displacement(walk, lags)).interval
        covered += low <= 1 <= high
    assert covered >= 80


def test_displacements_of_a_stream_are_those_of_the_whole():
    """A start left out, a lag of one record less, or memory that grows with the run."""
    walk = np.random.default_rng(4).normal(size=(10, 301, 2)).cumsum(1)
    stream = LagDisplacement(longest=100, points=8)
    for record in walk.swapaxes(0, 1):
        stream.add(record)
    lags, moved = stream.read()
    expected = [*range(1, 9), 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96]
    assert lags.tolist() == expected
    np.testing.assert_allclose(moved[:, :8], squared_displacement(walk, lags[:8]))
    for i, lag in enumerate(expected[8:], 8):
        stride = next(s for s in (2, 4, 8, 16) if lag <= 8 * s)
        starts = np.arange(0, 301 - lag, stride)
        by_hand = ((walk[:, starts + lag] - walk[:, starts]) ** 2).sum(-1).mean(1)
        np.testing.assert_allclose(moved[:, i], by_hand)
    assert sum(len(kept) for kept in stream._kept.values()) == 8 * 5
    found = diffusion_exponent(lags, moved, within=(1, 20))
    assert abs(found.slope - 1) < 0.5


def test_streams_that_make_no_displacement_are_refused():
    """A mean of nothing, or of replicas that come and go."""
    stream = LagDisplacement(longest=4)
    with pytest.raises(InferenceError, match="two records"):
        stream.read()
    stream.add(np.zeros((2, 3)))
    for wrong in (np.zeros((3, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(InferenceError, match="finite, of one shape"):
            stream.add(wrong)
    for settings in ({"longest": 0}, {"longest": 5, "points": 3}):
        with pytest.raises(SettingsError, match=r"longest|points"):
            LagDisplacement(**settings)
