"""The underdamped equation in phase space, against matrix exponentials."""

import numpy as np
import pytest
from scipy import integrate, linalg

from soret.errors import OutsideDomain
from soret.theory.phase_space import (
    Continuous,
    Modes,
)

# Stiff, soft, overdamped, underdamped and nearly degenerate modes at once.
CURVATURE = np.array([4.0, 1.0, 0.3, 0.02, 1e-4])


NOISE = np.array([2.0, 1.0, 0.7, 0.01, 1e-3])


SETTINGS = [(0.1, 0.9, 0.0), (0.1, 0.0, 0.01), (0.3, 0.5, 0.1), (0.45, 0.0, 0.0), (0.9, 0.9, 0.02)]


def modes(rate, momentum, decay, **changed):
    return Modes(CURVATURE, NOISE, rate, 2, momentum, decay, **changed)


@pytest.mark.parametrize("setting", SETTINGS)
def test_continuous_moments_are_a_matrix_exponential(setting):
    """A mass, friction or noise that is not the paper's; roots that are mixed up."""
    m = modes(*setting, minimum=-1.0)
    start, spread = np.array([1.0, -0.5]), np.array([[0.3, 0.1], [0.1, 0.2]])
    theory = Continuous(m)
    found = theory.moments([0.0, 3.7, 60.0], start, spread)
    eta, beta = m.learning_rate, m.momentum
    for i in range(m.size):
        centre = CURVATURE[i] * -1.0 / m.stiffness[i]
        mass, k = eta * (1 + beta) / 2, m.stiffness[i]
        drift = np.array([[0.0, 1.0], [-k / mass, (1 - beta) / mass]])
        force = eta * m.c[i] * m.share / mass**2
        law = linalg.solve_continuous_lyapunov(drift, np.diag([0.0, force]))
        np.testing.assert_allclose(theory.stationary[..., i], law, rtol=1e-9, atol=1e-12)
        for at, step in enumerate([0.0, 3.7, 60.0]):
            expected = linalg.expm(-drift * eta * step)
            mean = expected @ (start - [centre, 0]) + [centre, 0]
            cov = law + expected @ (spread - law) @ expected.T
            np.testing.assert_allclose(found.mean[at, :, i], mean, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(found.covariance[at, :, :, i], cov, rtol=1e-6, atol=1e-8)


def test_noise_proportional_to_the_hessian_makes_positions_isotropic():
    """The paper's result, by its closed form: Var θ = ησ²/(2S(1 − β)) whatever the curvature."""
    h = np.geomspace(1e-3, 1, 7)
    law = Continuous(Modes(h, 0.7 * h, 0.05, 4, 0.9)).stationary
    np.testing.assert_allclose(law[0, 0], 0.05 * 0.7 / (2 * 4 * 0.1), rtol=1e-9)
    np.testing.assert_allclose(law[1, 1], 0.7 * h / (4 * (1 - 0.81)), rtol=1e-9)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_spectrum_is_the_transform_of_the_autocorrelation(setting):
    """Catches: a factor of the one-sided spectrum, or radians taken for cycles."""
    theory = Continuous(modes(*setting).some([0, 2]))
    frequencies = np.array([0.0, 0.02, 0.4])
    lags = np.linspace(0, 40 / theory.damping.min(), 20_001)
    correlation = theory.autocorrelation(lags)
    for at, omega in enumerate(frequencies):
        waves = np.cos(omega * lags)[:, None] * correlation
        expected = 2 / np.pi * integrate.simpson(waves, x=lags, axis=0)
        np.testing.assert_allclose(theory.spectrum(frequencies)[at], expected, rtol=1e-3, atol=1e-5)


def test_a_spectrum_needs_stiffness():
    """Catches: 0/0 for a mode that nothing holds."""
    with pytest.raises(OutsideDomain, match="stiffness"):
        Continuous(Modes([1.0, 0.0], [1.0, 0.0], 0.1)).spectrum([0.0])
    with pytest.raises(OutsideDomain, match="frequencies"):
        Continuous(Modes([1.0], [1.0], 0.1)).spectrum([-1.0])
