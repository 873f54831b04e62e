"""SGD on a quadratic, with momentum and in continuous time: closed forms against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.theory import equilibrium as eq


def spd(seed, n=2):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T + 0.2 * np.eye(n)


# Momentum.


@settings(deadline=None, max_examples=30)
@given(st.floats(0.1, 5), st.floats(0.0, 0.95), st.floats(0.01, 0.9), st.integers(1, 64))
def test_the_variance_under_momentum_is_that_of_the_recursion(h, beta, share, batch):
    """1 + β for 1 − β, or a correction in η with the wrong factor."""
    rate = share * 2 * (1 + beta) / h
    chain = eq.heavy_ball([[h]], [[2.0]], rate, batch, beta)
    expected = eq.momentum_variance(h, 2.0, rate, batch, beta)
    assert chain.covariance[0, 0] == pytest.approx(float(expected), rel=1e-7)


def test_the_recursion_with_momentum_is_sgd():
    """θ and v exchanged, or v of the other sign: one replica of NumPy's, step by step."""
    hessian, noise = spd(5), spd(6)
    chain = eq.heavy_ball(hessian, noise, 0.1, 4, 0.8)
    theta, v = np.array([1.0, -2.0]), np.array([0.3, 0.1])
    v_next = 0.8 * v + hessian @ theta
    expected = np.concatenate([theta - 0.1 * v_next, v_next])
    np.testing.assert_allclose(chain.matrix @ np.concatenate([theta, v]), expected)
    kick = np.concatenate([-0.1 * np.eye(2), np.eye(2)])
    np.testing.assert_allclose(chain.noise, kick @ noise @ kick.T / 4)


def test_momentum_in_continuous_time():
    """A mass, a friction or a noise that is not the recursion's limit; velocities that are even."""
    hessian, aligned, oblique = np.diag([1.0, 2.5]), np.diag([1.0, 4.0]), [[1.0, 0.8], [0.8, 1.0]]
    for noise, still in ((np.eye(2), True), (aligned, True), (oblique, False)):
        sde = eq.underdamped(hessian, noise, 0.01, 8, 0.9)
        exact = eq.heavy_ball(hessian, noise, 0.01, 8, 0.9).covariance[:2, :2]
        np.testing.assert_allclose(sde.covariance[:2, :2], exact, rtol=0.02, atol=1e-6)
        assert bool(sde.is_equilibrium) == still
        assert (sde.entropy_production < 1e-9) == still
    # Friction κ = 1 − β, mass m: to first order in m/κ² the overdamped entropy production.
    slow = eq.underdamped(hessian, oblique, 1e-4, 8, 0.0)
    plain = eq.sgd_sde(hessian, oblique, 1e-4, 8)
    assert slow.entropy_production == pytest.approx(plain.entropy_production, rel=2e-3)


def test_entropy_of_positions_under_momentum():
    """Without momentum it is the chain's own; with isotropic noise nothing goes round."""
    hessian, oblique = np.diag([1.0, 2.5]), np.array([[1.0, 0.6], [0.6, 1.0]])
    for rate in (0.05, 0.3):
        chain = eq.sgd_recursion(hessian, oblique, rate, 1)
        found = eq.heavy_ball_entropy(hessian, oblique, rate, 0.0)
        assert found == pytest.approx(chain.entropy_production, rel=1e-5)
    assert eq.heavy_ball_entropy(hessian, np.eye(2), 0.1, 0.9) < 1e-9
    # A short time step at large friction is the underdamped SDE.
    sde = eq.underdamped(hessian, oblique, 0.001, 1, 0.9)
    found = eq.heavy_ball_entropy(hessian, oblique, 0.001, 0.9) / 0.001
    assert found == pytest.approx(sde.entropy_production, rel=0.02)
