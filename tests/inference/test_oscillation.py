"""Frequency and damping, on motions whose answer is known."""

import numpy as np
import pytest

from soret.inference import (
    oscillation,
    power_spectrum,
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
