"""Double wells on grids: Boltzmann, quadrature, escape rates, other work, and size."""

import numpy as np
import pytest
from flows import order, passage, rotating, well
from kramers import formulas

from soret.theory.fokker_planck import FokkerPlanck, Grid
from soret.theory.fokker_planck.chain import Chain

# --- Double well --------------------------------------------------------------------------------


def test_a_double_well_is_filled_as_boltzmann_says():
    """A temperature D instead of ½D: stationary density exp(−2V/D), error of order h²."""

    def error(n):
        flow = FokkerPlanck(well, 0.2, Grid(-2, 2, n))
        x, h = flow.grid.centres[0], flow.grid.volume
        law = np.exp(-((x**2 - 1) ** 2) / 4 / 0.1)
        return abs(flow.stationary() - law / law.sum() / h).max()

    assert error(400) < 1e-3
    assert order(error, (50, 100, 200)) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("D", [0.3, 0.04])
def test_first_passage_is_the_double_integral_to_second_order(D):
    """The adjoint not transposed, or the wall half a cell off (order 1). 1.7 and 12.5 kT."""
    exact = passage(-1.0, D)

    def error(n):
        flow = FokkerPlanck(well, D, Grid(-3, 0, n), ("reflecting", "absorbing"))
        time = flow.mean_first_passage_time()
        # −1 lies on a face: the mean of its cells is second order.
        return abs(time[2 * n // 3 - 1 : 2 * n // 3 + 1].mean() / exact - 1)

    assert error(960) < 5e-3
    assert order(error, (240, 480, 960)) == pytest.approx(2, abs=0.1)


def test_escape_rates_agree_with_passage_times_and_approach_kramers():
    """An eigenvalue lost in rounding, or half of it.

    The rate of reaching the top is one over the passage time but for e^(−ΔV/kT), and twice
    Kramers' rate over it, √2/2π e^(−ΔV/kT) for V″ = 2 and −1, since half of those on the top come
    back. Kramers is the first term of a series in kT/ΔV; for a quartic the next is below 0.5 of
    it. Between two wells mass relaxes at the sum of both rates over the top: the same number.
    """
    for D in (0.04, 0.01, 0.005):
        temperature = D / 2
        flow = FokkerPlanck(well, D, Grid(-2.5, 0, 2000), ("reflecting", "absorbing"))
        escape = flow.slowest_eigenvalue()
        near = np.argmin(abs(flow.grid.centres[0] + 1))
        assert escape * flow.mean_first_passage_time()[near] == pytest.approx(1, rel=1e-3)
        kramers = 2 * np.sqrt(2) / (2 * np.pi) * np.exp(-0.25 / temperature)
        assert escape == pytest.approx(kramers, rel=2 * temperature + 1e-3)
        both = FokkerPlanck(well, D, Grid(-2.5, 2.5, 4000)).slowest_eigenvalue()
        assert both == pytest.approx(escape, rel=1e-6)
    # A barrier of 100 kT: no digit is lost to the matrix' fastest rate.
    assert kramers < 1e-43


def test_a_chain_keeps_its_digits():
    """A subtraction in the elimination: exit over one slow cell, 10⁻³⁰ beside rates of 1."""
    chain = Chain(np.ones(3), np.ones(3), np.array([0, 0, 0, 1e-30]))
    assert chain.solve_adjoint(np.ones(4)) == pytest.approx(4e30, rel=1e-12)
    source = np.array([1.0, 2, 3, 4])
    assert chain.solve(source).sum() == pytest.approx(4e31, rel=1e-12)


# --- Beside other work, and at size ----------------------------------------------------------


def test_passage_times_of_the_kramers_handbook():
    """Its quadrature K0002 and rate K0001."""
    temperature = 0.02

    def potential(x):
        return (x**2 - 1) ** 2 / 4 / temperature

    theirs = formulas.mean_first_passage_time(potential, -1.0, -3.0, 0.0, D=temperature)
    assert theirs == pytest.approx(passage(-1.0, 2 * temperature), rel=1e-6)
    flow = FokkerPlanck(well, 2 * temperature, Grid(-3, 0, 960), ("reflecting", "absorbing"))
    ours = flow.mean_first_passage_time()[639:641].mean()
    assert ours == pytest.approx(theirs, rel=5e-3)
    rate = formulas.kramers_rate_overdamped(2.0, 1.0, 0.25, 1.0, temperature)
    assert flow.slowest_eigenvalue() == pytest.approx(2 * rate, rel=2 * temperature + 5e-3)


def test_four_hundred_by_four_hundred():
    """A stationary state that takes too long: 160 000 cells, whose factors fill in."""
    flow, covariance = rotating(400)
    p, x = flow.stationary(), flow.grid.points
    assert p.min() >= 0
    found = np.einsum("ab,abi,abj->ij", p, x, x) * flow.grid.volume
    np.testing.assert_allclose(found, covariance, atol=1e-3)
