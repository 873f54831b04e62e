"""The recursion of SGD in phase space, against Lyapunov's equation and its own steps."""

import numpy as np
import pytest
from scipy import linalg

from soret.errors import OutsideDomain
from soret.theory.phase_space import (
    Discrete,
    Modes,
    gaussian_moments,
)

# Stiff, soft, overdamped, underdamped and nearly degenerate modes at once.
CURVATURE = np.array([4.0, 1.0, 0.3, 0.02, 1e-4])


NOISE = np.array([2.0, 1.0, 0.7, 0.01, 1e-3])


SETTINGS = [(0.1, 0.9, 0.0), (0.1, 0.0, 0.01), (0.3, 0.5, 0.1), (0.45, 0.0, 0.0), (0.9, 0.9, 0.02)]


def modes(rate, momentum, decay, **changed):
    return Modes(CURVATURE, NOISE, rate, 2, momentum, decay, **changed)


def one_step(m, i):
    k, eta, beta = m.stiffness[i], m.learning_rate, m.momentum
    return np.array([[1 - eta * k, -eta * beta], [k, beta]]), np.array([-eta, 1.0])


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_discrete_stationary_law_solves_lyapunov(setting):
    """A factor, a sign of the covariance of θ and v, or an η that is off by one step."""
    m = modes(*setting)
    for i in range(m.size):
        matrix, enters = one_step(m, i)
        noise = np.outer(enters, enters) * m.step_noise[i]
        expected = linalg.solve_discrete_lyapunov(matrix, noise)
        found = Discrete(m).stationary[..., i]
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * expected.max())


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_current_is_the_mean_step_less_its_reverse(setting):
    """A step's mean that is not symmetrized, or an area that is not the current's."""
    m = modes(*setting)
    theory = Discrete(m)
    for i in range(m.size):
        matrix, _ = one_step(m, i)
        law = theory.stationary[..., i]
        current = (matrix @ law - law @ matrix.T) / 2
        expected = current @ np.linalg.inv(law) / m.learning_rate
        found = theory.current_velocity[..., i]
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * abs(expected).max())
        assert theory.rotation[i] == pytest.approx(current[1, 0], rel=1e-9)


@pytest.mark.parametrize("setting", SETTINGS)
def test_discrete_moments_are_those_of_the_recursion(setting):
    """Powers taken wrongly, noise added in the wrong order, a centre not at hθ*/(h + λ)."""
    m = modes(*setting, minimum=3.0)
    start, spread = np.array([1.0, -0.5]), np.array([[0.3, 0.1], [0.1, 0.2]])
    steps = [0, 1, 2, 7, 100]
    found = Discrete(m).moments(steps, start, spread)
    for i in range(m.size):
        mean, cov = start.copy(), spread.copy()
        matrix, enters = one_step(m, i)
        pull = m.stiffness[i] * 0 - CURVATURE[i] * 3.0  # h(0 − θ*)
        for step in range(101):
            if step in steps:
                at = steps.index(step)
                np.testing.assert_allclose(found.mean[at, :, i], mean, rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(
                    found.covariance[at, :, :, i], cov, rtol=1e-9, atol=1e-12
                )
            mean = matrix @ mean + enters * pull
            cov = matrix @ cov @ matrix.T + np.outer(enters, enters) * m.step_noise[i]


def test_steps_that_are_none_are_refused():
    """Half a step, or the past."""
    theory = Discrete(modes(*SETTINGS[0]))
    for lags in ([0.5], [-1]):
        with pytest.raises(OutsideDomain, match="whole numbers"):
            theory.displacement(lags)
    with pytest.raises(OutsideDomain, match="rise"):
        gaussian_moments(theory.modes, 1.0, [3, 1], [0.0, 0.0], np.zeros((2, 2)))
