"""The predicted flow of hidden units' biases, against one step of the walk averaged exactly."""

import numpy as np
import pytest
from scipy import special

from soret.theory import thermophoresis as theory

WIDTH = 0.2


def draw_units(correlated=False, count=4000):
    """Units with b beyond the window; V may depend on b, as it comes to in the course of time."""
    rng = np.random.default_rng(0)
    b = rng.uniform(-0.4, 0.4, size=(count, 10))
    V = rng.normal(size=(count, 10)) * (np.exp(b) if correlated else 1)
    return np.stack([V, b, rng.uniform(0.3, 1, size=(count, 10))], axis=1)


@pytest.mark.parametrize("correlated", [False, True])
def test_the_exact_flow_is_what_one_step_does(correlated):
    """A factor, or the correlation of V and b left out: b ± ½ηV with probability P(a > 0)."""
    units = draw_units(correlated)
    V, b, norm = (units[:, i].ravel() for i in range(3))

    def share(b):
        """The share beyond of every unit by itself."""
        return theory.share_above(b[..., None], WIDTH)

    def moved(rate):
        both = (share(b + rate * V / 2) + share(b - rate * V / 2)) / 2
        return (special.ndtr(b / norm) * (both - share(b))).mean() / rate**2

    step = (4 * moved(0.01) - moved(0.02)) / 3
    assert theory.unit_flow(units, WIDTH).ito == pytest.approx(step, rel=1e-3)


def test_the_share_beyond_is_the_integral_of_the_window():
    """0 below the window, 1 above, and the window's area between."""

    def at(b):
        return float(theory.share_above([b], WIDTH))

    assert at(-1.0) == pytest.approx(0)
    assert at(0.0) == pytest.approx(0.5)
    assert at(1.0) == pytest.approx(1)
    slope = (at(0.05 + 1e-5) - at(0.05 - 1e-5)) / 2e-5
    assert slope == pytest.approx(np.cos(np.pi * 0.05 / (2 * WIDTH)) ** 2 / WIDTH, rel=1e-6)


def test_the_paper_pushes_both_down():
    """Signs: Eq. 27 pushes b and |V| down, whatever the sign of V."""
    units = draw_units()
    rates = theory.unit_flow(units, WIDTH)
    assert rates.bias < 0
    assert rates.output_weight < 0
    assert rates.thermophoretic < 0
    assert theory.unit_flow(units * [[[-1], [1], [1]]], WIDTH) == rates


def test_the_printed_flow_is_that_of_eq_10():
    """The diffusive part by partial integration, against a quadrature with the density itself.

    V between ½ and 1 with density ∝ (1 − V)²(V − ½)², b uniform: smooth, and 0 at the edges.
    """
    rng = np.random.default_rng(1)
    V = 0.5 + 0.5 * rng.beta(3, 3, size=(100_000, 10))
    b = rng.uniform(-0.4, 0.4, size=V.shape)
    sampled = theory.unit_flow(np.stack([V, b, np.ones_like(b)], axis=1), WIDTH).printed
    x, w = np.polynomial.legendre.leggauss(60)
    at_V, at_b = np.meshgrid(0.75 + 0.25 * x, WIDTH * x, indexing="ij")
    q = np.stack([at_V.ravel(), at_b.ravel()], -1)
    weight = np.outer(0.25 * w, WIDTH * w).ravel()

    def density(at):
        u = 2 * at[..., 0] - 1
        return 2 * 30 * u**2 * (1 - u) ** 2 / 0.8

    g, jacobian = theory.as_walk(q[:, 0], theory.amplitudes(q[:, 1], 1.0))
    flow = theory.flow_density(g, jacobian, density(q), theory.differentiate(density, q)).total
    k = np.cos(np.pi * q[:, 1] / (2 * WIDTH)) ** 2 / WIDTH
    exact = weight @ (k * flow * g[:, 1] / np.linalg.norm(g, axis=-1))
    # A million units: the mean of numbers of size 1 is known to 0.005 with five standard errors.
    assert sampled == pytest.approx(exact, abs=0.005)
    assert abs(exact) > 0.02
