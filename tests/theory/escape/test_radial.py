"""Passages of the recursion in several dimensions: against simulation, moments, finer cells."""

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory.escape import radial_recursion_steps
from soret.theory.escape.radial import _survival


def simulated(
    eta: float, batch: int, n: int, ratios: list[float], walkers: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean first-passage steps of the recursion itself, and their standard errors."""
    rng = np.random.default_rng(seed)
    z = np.zeros((walkers, n))
    times = np.full((walkers, len(ratios)), np.nan)
    going, step = np.arange(walkers), 0
    while going.size:
        step += 1
        x = rng.standard_normal((going.size, batch, n))
        residual = np.einsum("wbn,wn->wb", x, z) - rng.standard_normal((going.size, batch))
        z = z - eta / batch * np.einsum("wbn,wb->wn", x, residual)
        above = 1 + (z**2).sum(1)[:, None] >= np.asarray(ratios)
        times[going] = np.where(np.isnan(times[going]) & above, step, times[going])
        left = np.isnan(times[going]).any(1)
        going, z = going[left], z[left]
        assert step < 100_000
    return times.mean(0), times.std(0) / np.sqrt(walkers)


@pytest.mark.parametrize(
    ("eta", "batch", "n", "ratios"),
    [
        (0.2, 1, 2, [1.5, 2.5]),
        (0.1, 1, 10, [2.0, 4.0]),
        (0.3, 4, 5, [1.5, 2.2]),
    ],
)
def test_steps_are_those_of_the_recursion(
    eta: float, batch: int, n: int, ratios: list[float]
) -> None:
    """A chain that is not SGD's: six standard errors, and 2 % for the cells."""
    found = radial_recursion_steps(ratios, eta, batch, n)
    mean, error = simulated(eta, batch, n, ratios, 4000, 1)
    assert (np.abs(found - mean) < 6 * error + 0.02 * mean).all()


@pytest.mark.slow
def test_finer_cells_change_little() -> None:
    """Cells so wide that long times are wrong; the docstring says 2 %."""
    ratios = [1.5, 5.0, 20.0, 100.0]
    coarse, fine = (radial_recursion_steps(ratios, 0.1, 1, 10, cells) for cells in (100, 150))
    np.testing.assert_allclose(coarse, fine, rtol=0.02)


def test_order_and_shape() -> None:
    """Times given back in another order than asked for."""
    found = radial_recursion_steps([[3.0, 2.0], [2.0, 4.0]], 0.2, 1, 3, 40)
    assert found.shape == (2, 2)
    assert found[0, 1] == found[1, 0]
    assert found[0, 1] < found[0, 0] < found[1, 1]


@pytest.mark.parametrize(("batch", "n", "r"), [(1, 2, 0.0), (1, 10, 1.5), (3, 4, 0.7)])
def test_one_step_has_the_recursion_s_second_moment(batch: int, n: int, r: float) -> None:
    """E r′² = r²(1 − 2η + η²(1 + (n + 1)/B)) + η²n/B, from the tail of one step."""
    kappa = 0.3 / batch
    edges = np.concatenate([[0.0], np.geomspace(1e-4, 60, 4000)])
    tail = _survival(np.array([r]), edges, kappa, batch, n)[0]
    assert tail[0] == 1
    # ∫ P(r′ ≥ R) d(R²), by the trapezoid rule.
    moment = float(np.trapezoid(tail, edges**2))
    eta = 0.3
    exact = r**2 * (1 - 2 * eta + eta**2 * (1 + (n + 1) / batch)) + eta**2 * n / batch
    assert moment == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], 0.1, 1, 3), "above 1"),
        (([0.5], 0.1, 1, 3), "at least 1"),
        (([2.0], 0.0, 1, 3), "above 0"),
        (([2.0], 0.1, 0, 3), "at least 1"),
        (([2.0], 0.1, 1, 1), "at least 2"),
        (([2.0], 0.1, 1, 3, 4), "at least 10"),
    ],
)
def test_outside_the_domain(arguments: tuple, message: str) -> None:
    """A number for nonsense."""
    with pytest.raises(OutsideDomain, match=message):
        radial_recursion_steps(*arguments)
