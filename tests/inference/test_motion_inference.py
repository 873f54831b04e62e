"""Diffusion, oscillation, isotropy and stationarity, on motions whose answer is known."""

import numpy as np
import pytest

from soret.errors import InferenceError, SettingsError
from soret.inference import (
    LagDisplacement,
    diffusion_exponent,
    isotropy,
    local_slope,
    oscillation,
    power_spectrum,
    squared_displacement,
    stationarity,
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


def test_frequency_and_damping_are_the_roots_of_the_recursion():
    """Degrees, cycles, or the root that dies first; each within three widths of its interval."""
    theory = Discrete(MODES)
    for i in range(3):
        found = oscillation(STATIONARY[..., i])
        for value, interval, exact in [
            (found.frequency, found.frequency_interval, theory.frequency[i]),
            (found.damping, found.damping_interval, theory.damping[i]),
        ]:
            assert abs(value - exact) <= 3 * (interval[1] - interval[0]) + 1e-6
    assert oscillation(STATIONARY[..., 0]).frequency > 0.2


def test_frequencies_are_per_step_whatever_the_distance_of_records():
    """`every` forgotten in the frequency, the damping or the spectrum."""
    one, two = oscillation(STATIONARY[..., 0]), oscillation(STATIONARY[:, ::2, 0], every=2)
    assert two.frequency == pytest.approx(one.frequency, rel=0.05)
    assert two.damping == pytest.approx(one.damping, rel=0.1)
    frequencies, power = power_spectrum(STATIONARY[:, ::2, 0], every=2, length=128)
    peak = frequencies[power.mean(0).argmax()]
    assert peak == pytest.approx(one.frequency, abs=0.06)
    total = power.mean(0).sum() * (frequencies[1] - frequencies[0])
    assert total == pytest.approx(STATIONARY[..., 0].var(), rel=0.15)


def test_isotropy_is_told_from_equipartition():
    """A sign, or the mean not taken off: exponents 0 and −1, within three widths."""
    h = np.geomspace(0.1, 1, 6)
    random = np.random.default_rng(0)
    for power in (0.0, -1.0):
        x = random.normal(size=(60, 40, 6)) * h ** (power / 2) + 5.0
        found = isotropy(h, x)
        low, high = found.interval
        assert abs(found.slope - power) <= 3 * (high - low)


def test_stationarity_knows_a_drift_and_admits_ignorance():
    """A verdict from noise: the three answers, each where it is due."""
    random = np.random.default_rng(0)
    steady = 1 + 0.1 * random.normal(size=(50, 100))
    assert stationarity(steady).verdict == "stationary"
    falling = steady * np.linspace(1.5, 0.5, 100)
    assert stationarity(falling).verdict == "drifting"
    assert stationarity(falling).change == pytest.approx(-0.4, abs=0.05)
    assert stationarity(1 + 3 * random.normal(size=(5, 6)) ** 2).verdict == "undecided"


@pytest.mark.parametrize(
    "call",
    [
        lambda: squared_displacement(np.zeros((2, 5, 1)), [5]),
        lambda: squared_displacement(np.zeros((2, 5)), [1]),
        lambda: squared_displacement(np.zeros((2, 5, 1)), [0]),
        lambda: squared_displacement(np.full((2, 5, 1), np.nan), [1]),
        lambda: oscillation(np.zeros((20, 50))),
        lambda: oscillation(np.zeros((1, 50))),
        lambda: oscillation(np.zeros((20, 5))),
        lambda: isotropy(np.ones(3), np.ones((4, 4, 2))),
        lambda: stationarity(np.ones((2, 10))),
        lambda: stationarity(-np.ones((5, 10))),
    ],
)
def test_questions_without_answers_are_refused(call):
    """A number made of nothing."""
    with pytest.raises(InferenceError):
        call()


def test_a_tolerance_of_nothing_is_refused():
    """A verdict that could never be "stationary"."""
    with pytest.raises(SettingsError, match="tolerance"):
        stationarity(np.ones((5, 10)), tolerance=0)


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
