"""Ornstein–Uhlenbeck processes on grids: closed forms, orders of convergence, currents."""

import numpy as np
import pytest
from flows import D, K, order, rotating
from scipy import stats

from soret.theory.fokker_planck import FokkerPlanck, Grid

# --- Ornstein–Uhlenbeck, dx = −x dt + √2 dW -------------------------------------------------


def test_ornstein_uhlenbeck_relaxes_at_its_rate_to_second_order():
    """A factor in drift or noise, or a face read to first order. Slope 2 ± 0.1: next order h⁴."""
    line = FokkerPlanck(lambda x: -x, 2.0, Grid(-7, 7, 400))
    # h = 0.035: the error is about h²/6 = 2·10⁻⁴.
    assert line.slowest_eigenvalue() == pytest.approx(1, abs=1e-3)
    p, x = line.stationary(), line.grid.centres[0]
    assert (p * x**2).sum() * line.grid.volume == pytest.approx(1, abs=1e-3)

    def error(n):
        return abs(FokkerPlanck(lambda x: -x, 2.0, Grid(-7, 7, n)).slowest_eigenvalue() - 1)

    assert order(error, (50, 100, 200)) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("walls", ["reflecting", "absorbing"])
def test_a_gaussian_stays_one_on_its_way(walls):
    """Time scaled wrongly: mean e⁻ᵗ and variance 1 + (s² − 1)e⁻²ᵗ. Walls at 7σ see e⁻²⁴."""

    def law(grid, t):
        mean, variance = np.exp(-t), 1 - 0.5 * np.exp(-2 * t)
        return stats.norm.pdf(grid.centres[0], mean, np.sqrt(variance))

    def error(n):
        flow = FokkerPlanck(lambda x: -x, 2.0, Grid(-7, 7, n), walls)
        found = flow.evolve(law(flow.grid, 0), [0.3, 0.3, 1.0])
        np.testing.assert_array_equal(found[0], found[1])
        return abs(found[2] - law(flow.grid, 1.0)).max()

    assert error(200) < 1e-3
    assert order(error, (50, 100, 200)) == pytest.approx(2, abs=0.15)


def test_backward_euler_goes_where_the_exact_sum_goes():
    """A step that is not divided among the substeps. Error in proportion to the step, ±10 %."""
    flow = FokkerPlanck(lambda x: -x, 2.0, Grid(-6, 6, 80))
    start = stats.norm.pdf(flow.grid.centres[0], 1, 0.7)
    exact = flow.evolve(start, [0.5])[0]
    errors = [abs(flow.evolve(start, [0.5], step=s)[0] - exact).max() for s in (0.01, 0.005)]
    assert errors[0] < 0.02
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_two_dimensions_without_detailed_balance():
    """D12 dropped or of the wrong sign, a transposed drift: covariance, current and rate.

    The covariance solves Lyapunov's equation, the current is (A + ½D C⁻¹x)ρ ≠ 0 and the
    eigenvalues nearest 0 are those of K, a complex pair.
    """
    exact = np.linalg.eigvals(K).real.min()

    def parts(n):
        flow, covariance = rotating(n)
        p, x = flow.stationary(), flow.grid.points
        assert p.min() >= 0
        found = np.einsum("ab,abi,abj->ij", p, x, x) * flow.grid.volume
        law = stats.multivariate_normal([0, 0], covariance).pdf
        errors = [abs(found - covariance).max(), abs(flow.slowest_eigenvalue() - exact)]
        for axis, current in enumerate(flow.current(p)):
            at = flow.grid.faces(axis)
            drift = -at @ K.T + 0.5 * at @ (D @ np.linalg.inv(covariance)).T
            expected = drift[..., axis] * law(at)
            errors.append(abs(current - expected).max())
            assert abs(expected).max() > 0.05
        return errors

    table = {n: parts(n) for n in (30, 60, 120)}
    assert max(table[120]) < 0.01
    for quantity in range(4):
        slope = order(lambda n, q=quantity: table[n][q], (30, 60, 120))
        assert slope == pytest.approx(2, abs=0.2)


def test_the_current_is_what_the_density_loses():
    """A jump left out of the current, or counted twice: also through walls and corners."""
    rng = np.random.default_rng(0)
    tilt = np.array([[1.0, -0.3], [-0.3, 0.7]])
    grid = Grid([0, 0], [1, 1.3], [7, 9])
    for walls in ("absorbing", "reflecting", ["absorbing", ("reflecting", "absorbing")]):
        flow = FokkerPlanck(
            lambda x: np.sin(3 * x),
            lambda x: tilt * (1 + x[..., :1, None] * x[..., 1:, None]),
            grid,
            walls,
        )
        p = rng.uniform(size=grid.cells)
        along, across = flow.current(p)
        loss = np.diff(along, axis=0) / grid.spacing[0] + np.diff(across, axis=1) / grid.spacing[1]
        change = (flow.matrix @ p.ravel()).reshape(grid.cells)
        np.testing.assert_allclose(change, -loss, atol=1e-11 * abs(flow.matrix).max())
