"""Noise that depends on place on grids: Itô, oblique noise, walls."""

import numpy as np
import pytest
from flows import order

from soret.theory.fokker_planck import FokkerPlanck, Grid

# --- Noise that depends on place ------------------------------------------------------------


def test_multiplicative_noise_is_read_as_ito():
    """Stratonovich or an isothermal reading: the density is (1/D) exp(∫2A/D).

    For D = s(1 + x²) and A = a − 2x it is (1 + x²)^(−1−2/s) exp(2a arctan(x)/s).
    """
    s = 0.8

    def error(n, a=0.5):
        flow = FokkerPlanck(lambda x: a - 2 * x, lambda x: s * (1 + x**2), Grid(-4, 4, n))
        x = flow.grid.centres[0]
        law = (1 + x**2) ** (-1 - 2 / s) * np.exp(2 * a * np.arctan(x) / s)
        return abs(flow.stationary() - law / law.sum() / flow.grid.volume).max()

    assert error(200) < 2e-3
    assert order(error, (50, 100, 200)) == pytest.approx(2, abs=0.1)
    # Where A is in proportion to D′ the logarithmic mean makes it exact.
    assert error(20, a=0) < 1e-13


def test_without_drift_the_density_is_one_over_the_noise():
    """A mean of D that is not the logarithmic one: Itô's 1/D to rounding, on any grid."""
    flow = FokkerPlanck(0.0, lambda x: np.exp(3 * np.sin(5 * x)), Grid(0, 2, 13))
    law = np.exp(-3 * np.sin(5 * flow.grid.centres[0]))
    np.testing.assert_allclose(flow.stationary(), law / law.sum() / flow.grid.volume, rtol=1e-12)


@pytest.mark.parametrize("changes_sign", [False, True])
def test_oblique_noise_that_depends_on_place(changes_sign):
    """A derivative of D12 left out: J = 0 for A = ½(∇·D + D∇ln ρ), so ρ is stationary.

    Its Gaussian is small at the walls, where oblique noise would cost an order. Where D12 changes
    sign the weights of the directions have a kink: means stay of order h², and single cells
    beside the line are off by order h.
    """

    def noise(x):
        a, b = x[..., 0], x[..., 1]
        off = 0.4 * np.tanh(a + b / 2) ** (1 if changes_sign else 2)
        one, two = 1 + 0.3 * np.sin(a) * np.cos(b), 1 + 0.2 * np.cos(a + b)
        return np.stack([np.stack([one, off], -1), np.stack([off, two], -1)], -1)

    def drift(x):
        a, b = x[..., 0], x[..., 1]
        slope = 0.4 / np.cosh(a + b / 2) ** 2
        slope = slope if changes_sign else 2 * slope * np.tanh(a + b / 2)
        divergence = np.stack(
            [0.3 * np.cos(a) * np.cos(b) + slope / 2, slope - 0.2 * np.sin(a + b)], -1
        )
        return 0.5 * (divergence - np.einsum("...ij,...j->...i", noise(x), x))

    def errors(n):
        flow = FokkerPlanck(drift, noise, Grid([-6, -6], [6, 6], [n, n]))
        x, h = flow.grid.points, flow.grid.volume
        law, found = np.exp(-(x**2).sum(-1) / 2) / (2 * np.pi), flow.stationary()
        second = np.einsum("ab,abi,abj->ij", found, x, x) * h
        return abs(second - np.eye(2)).max(), abs(found - law).max()

    table = {n: errors(n) for n in (40, 80, 160)}
    assert max(table[160]) < 0.01
    assert order(lambda n: table[n][0], table) == pytest.approx(2, abs=0.2)
    expected = 1 if changes_sign else 2
    assert order(lambda n: table[n][1], table) == pytest.approx(expected, abs=0.2)


def test_oblique_noise_at_a_reflecting_wall_costs_one_order():
    """A wall that does not stop the flux: D constant and A = ½D∇ln ρ, so J = 0 up to the walls.

    Order 1, as documented: the flow along the wall lacks a diagonal.
    """
    tilt = np.array([[1.0, 0.6], [0.6, 1.3]])

    def slope(x):
        a, b = x[..., 0], x[..., 1]
        turn = np.cos(2 * b + a)
        return np.stack([turn / 2 - np.sin(a), turn], -1)

    def error(n):
        grid = Grid([0, 0], [2, 2], [n, n])
        flow = FokkerPlanck(lambda x: 0.5 * slope(x) @ tilt, tilt, grid)
        a, b = np.moveaxis(grid.points, -1, 0)
        law = np.exp(np.cos(a) + np.sin(2 * b + a) / 2)
        return abs(flow.stationary() - law / law.sum() / grid.volume).sum() * grid.volume

    assert error(80) < 0.01
    assert order(error, (20, 40, 80)) == pytest.approx(1, abs=0.15)


def exit_from_square(tilt, n=40):
    """The mean exit time from the middle of (−1, 1)², by Chebyshev collocation."""
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.r_[2, np.ones(n - 1), 2] * (-1.0) ** np.arange(n + 1)
    slope = np.outer(c, 1 / c) / (x[:, None] - x + np.eye(n + 1))
    slope -= np.diag(slope.sum(1))
    curve, one = (slope @ slope)[1:-1, 1:-1], np.eye(n - 1)
    mixed = np.kron(slope[1:-1, 1:-1], slope[1:-1, 1:-1])
    whole = tilt[0, 0] * np.kron(curve, one) + tilt[1, 1] * np.kron(one, curve)
    time = np.linalg.solve(0.5 * whole + tilt[0, 1] * mixed, -np.ones((n - 1) ** 2))
    return time.reshape(n - 1, n - 1)[n // 2 - 1, n // 2 - 1]


@pytest.mark.parametrize("off", [0.6, -0.6])
def test_exit_from_a_square_under_oblique_noise(off):
    """Diagonal jumps that miss a wall or meet it twice: against another method's solution."""
    tilt = np.array([[1.0, off], [off, 1.3]])
    exact = exit_from_square(tilt)

    def error(n):
        flow = FokkerPlanck([0.0, 0.0], tilt, Grid([-1, -1], [1, 1], [n, n]), "absorbing")
        return abs(flow.mean_first_passage_time()[n // 2, n // 2] / exact - 1)

    assert error(41) < 5e-3
    assert order(error, (11, 21, 41)) == pytest.approx(2, abs=0.2)


def test_the_slowest_rate_of_a_square_is_known():
    """Exits counted on one side only: π²/4·(D11 + D22)/2 from (−1, 1)² without drift."""

    def error(n):
        flow = FokkerPlanck(
            [0, 0], np.diag([1.0, 0.5]), Grid([-1, -1], [1, 1], [n, n]), "absorbing"
        )
        return abs(flow.slowest_eigenvalue() / (np.pi**2 / 4 * 0.75) - 1)

    assert error(40) < 1e-3
    assert order(error, (10, 20, 40)) == pytest.approx(2, abs=0.1)
