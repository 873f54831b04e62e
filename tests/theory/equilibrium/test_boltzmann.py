"""Boltzmann's distribution and the odds of minima, against grids, quadratures, simulations."""

import numpy as np
import pytest
from scipy import integrate

from soret.problems import DoubleWell, TiltedDoubleWell, WideAndNarrowWells
from soret.theory import equilibrium as eq
from soret.theory.fokker_planck import FokkerPlanck, Grid


def spd(seed, n=2):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T + 0.2 * np.eye(n)


# Boltzmann's law and the odds of minima.


@pytest.mark.parametrize("well", [DoubleWell(across=(1.5,)), TiltedDoubleWell(across=(0.7,))])
def test_boltzmann_is_where_the_fokker_planck_equation_stands_still(well):
    """A factor 2 in the exponent, η for η/S, or a lost σ².

    Grid error h²/12·(L/T)″ is below 2 % where there is mass.
    """
    rate, batch, variance = 0.1, 4, 10.0
    grid = Grid((-2.0, -2.5), (2.0, 2.5), (80, 80))
    flow = FokkerPlanck(
        lambda p: -well.gradient(p), rate / batch * variance * np.eye(2), grid, "reflecting"
    )
    law = eq.boltzmann(
        well.potential(grid.points), float(eq.temperature(rate, batch, variance)), grid.volume
    )
    found = flow.stationary()
    assert abs(found - law).sum() * grid.volume < 0.01
    assert abs(law.sum() * grid.volume - 1) < 1e-12


@pytest.mark.parametrize(
    "well",
    [
        TiltedDoubleWell(tilt=0.3),
        WideAndNarrowWells(ratio=9.0),
        WideAndNarrowWells(ratio=0.5 + 3.5, barrier=2.0),
    ],
)
def test_minima_ratio_is_the_limit_of_integrals_over_basins(well):
    """Determinants upside down, the sign of L_B − L_A, or a factor in T.

    Laplace's error is of first order in T, so halving T halves it.
    """
    left, saddle, right = well.stationary()
    errors = []
    for heat in (0.04, 0.02, 0.01):

        def weight(x, heat=heat):
            return np.exp(-well.along(x) / heat)

        parts = [
            integrate.quad(weight, *ends, points=[at], limit=400, epsabs=1e-300)[0]
            for ends, at in (((-3.0, saddle), left), ((saddle, 3.0), right))
        ]
        formula = eq.minima_ratio(
            (well.along(left), well.along(right)),
            (well.curvature(left), well.curvature(right)),
            heat * well.barrier / well.barrier,
        )
        errors.append(float(np.log(parts[0] / parts[1] / formula)))
    assert abs(errors[2]) < 0.05
    assert abs(errors[2]) < 0.7 * abs(errors[1]) + 1e-9
    assert abs(errors[1]) < 0.7 * abs(errors[0]) + 1e-9


def test_many_dimensions_are_products():
    """The trace for the determinant, or a matrix that is not seen as one."""
    hessians = np.diag([2.0, 3.0]), np.diag([8.0, 3.0])
    assert eq.minima_ratio((0.0, 0.0), hessians, 0.3) == pytest.approx(2.0)
    turned = spd(4)
    expected = np.sqrt(np.linalg.det(hessians[0]) / np.linalg.det(turned)) * np.exp(-2.5)
    assert eq.minima_ratio((1.0, 0.5), (turned, hessians[0]), 0.2) == pytest.approx(expected)
    assert eq.occupation(3.0) == pytest.approx(0.75)


def test_the_recursion_has_boltzmanns_law_and_its_correction():
    """A sign or factor in the correction: with it the error falls as η², without as η."""
    well = TiltedDoubleWell(tilt=0.3)
    x = np.linspace(-2.2, 2.2, 801)
    heat = 0.4
    plain, corrected = [], []
    for rate in (0.02, 0.01):
        exact = eq.stationary_density(well.slope, x, rate, heat)
        modified = eq.modified_loss(
            well.along(x), well.slope(x) ** 2, well.curvature(x), heat, rate
        )
        for losses, errors in ((well.along(x), plain), (modified, corrected)):
            law = eq.boltzmann(losses, heat, x[1] - x[0])
            errors.append(abs(law - exact).sum() * (x[1] - x[0]))
    assert plain[0] / plain[1] == pytest.approx(2.0, rel=0.15)
    assert corrected[0] / corrected[1] == pytest.approx(4.0, rel=0.2)


def test_flat_minima_gain_at_a_finite_rate():
    """The correction's sign or its factor ¼, which Boltzmann's integrals cannot show.

    What is left is of first order in ηh and in T: both are taken to 0 by straight lines.
    """
    well = WideAndNarrowWells(ratio=16.0)
    left, saddle, right = well.stationary()
    x = np.linspace(-3.2, 1.8, 601)
    curvatures = well.curvature(left), well.curvature(right)

    def share(heat, rate):
        laws = (
            eq.stationary_density(well.slope, x, rate, heat),
            eq.boltzmann(well.along(x), heat, x[1] - x[0]),
        )
        odds = [p[x < saddle].sum() / p[x > saddle].sum() for p in laws]
        formula = eq.finite_rate_ratio((0.0, 0.0), curvatures, heat, rate) / eq.minima_ratio(
            (0.0, 0.0), curvatures, heat
        )
        return np.log(odds[0] / odds[1]) / np.log(float(formula))

    cold, warm = (2 * share(heat, 2e-3) - share(heat, 4e-3) for heat in (0.1, 0.2))
    assert 2 * cold - warm == pytest.approx(1.0, abs=0.06)


def test_the_gain_at_a_finite_rate_does_not_know_of_a_kinked_barrier():
    """Catches: a domain of the correction that asks for small η at the minima alone."""
    rate, heat, smooth, curvatures = 0.02, 0.15, 0.02, (2.0, 8.0)

    def parts(x):
        """Two parabolas, and the weights with which they are joined."""
        both = np.array([h / 2 * (x - c) ** 2 for h, c in zip(curvatures, (-1, 1), strict=True)])
        return both, np.exp(-(both - both.min(0)) / smooth)

    def slope(x):
        left, right = parts(x)[1]
        return (left * 2.0 * (x + 1) + right * 8.0 * (x - 1)) / (left + right)

    x = np.linspace(-4.0, 2.5, 801)
    both, weights = parts(x)
    loss = both.min(0) - smooth * np.log(weights.sum(0))
    barrier = np.where(abs(x) < 0.9, loss, 0.0).max()
    saddle = x[abs(x) < 0.9][loss[abs(x) < 0.9].argmax()]
    x, loss = x[loss < barrier + 25 * heat], loss[loss < barrier + 25 * heat]
    laws = eq.stationary_density(slope, x, rate, heat), eq.boltzmann(loss, heat, x[1] - x[0])
    odds = [p[x < saddle].sum() / p[x > saddle].sum() for p in laws]
    zero = (0.0, 0.0)
    formula = eq.finite_rate_ratio(zero, curvatures, heat, rate)
    assert formula / eq.minima_ratio(zero, curvatures, heat) == pytest.approx(1.03, abs=0.002)
    assert odds[0] / odds[1] > 1.4
