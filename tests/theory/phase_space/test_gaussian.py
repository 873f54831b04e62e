"""Moments of SGD on Gaussian inputs, against quadrature."""

import itertools

import numpy as np
import pytest

from soret.theory.phase_space import (
    Discrete,
    Modes,
    gaussian_moments,
    gaussian_noise,
)


def test_moments_of_gaussian_inputs_are_those_of_a_quadrature():
    """Isserlis gone wrong: three steps over every node of an exact Gauss–Hermite rule."""
    h, residual, minimum = np.array([1.5, 0.4]), 0.8, np.array([1.0, -1.0])
    m = Modes(h, 0.0, 0.1, 1, 0.5, 0.2, minimum)
    start = np.array([2.0, 1.0])
    found = gaussian_moments(m, residual, [3], [start, [0, 0]], np.zeros((2, 2)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    weights = weights / weights.sum()
    rule = [
        (np.sqrt(h) * [nodes[a], nodes[b]], np.sqrt(residual) * nodes[c], weights[[a, b, c]].prod())
        for a, b, c in itertools.product(range(3), repeat=3)
    ]
    total, first, second = 0.0, np.zeros((2, 2)), np.zeros((2, 2, 2))
    for chosen in itertools.product(rule, repeat=3):
        theta, v, weight = start, np.zeros(2), 1.0
        for x, e, w in chosen:
            v = 0.5 * v + x * (x @ (theta - minimum) - e) + 0.2 * theta
            theta, weight = theta - 0.1 * v, weight * w
        state = np.stack([theta, v])
        total += weight
        first += weight * state
        second += weight * np.einsum("ai,bi->abi", state, state)
    assert total == pytest.approx(1)
    np.testing.assert_allclose(found.mean[0], first, rtol=1e-9)
    expected = second - np.einsum("ai,bi->abi", first, first)
    np.testing.assert_allclose(found.covariance[0], expected, rtol=1e-8)


def test_stationary_noise_of_gaussian_inputs_is_where_the_recursion_ends():
    """The closed fixed point: against ten thousand steps of the recursion."""
    h = np.array([1.0, 0.5, 0.2])
    m = Modes(h, 0.0, 0.2, 1, 0.3, 0.1, 0.7)
    exact = m.with_noise(gaussian_noise(m, 0.5))
    found = gaussian_moments(m, 0.5, [3000], [0.0, 0.0], np.zeros((2, 2)))
    np.testing.assert_allclose(found.covariance[0], Discrete(exact).stationary, rtol=1e-9)
