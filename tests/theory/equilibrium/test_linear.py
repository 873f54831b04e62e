"""Linear stochastic differential equations, against grids and their own equations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from soret.theory import equilibrium as eq
from soret.theory.fokker_planck import FokkerPlanck, Grid

seeds = st.integers(0, 2**32 - 1)


def stable_pair(seed, n=3):
    """A drift with eigenvalues right of 0 and a covariance."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(size=(n, n))
    drift += (0.5 - linalg.eigvals(drift).real.min()) * np.eye(n)
    root = rng.normal(size=(n, n))
    return drift, root @ root.T + 0.1 * np.eye(n)


def spd(seed, n=2):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T + 0.2 * np.eye(n)


# Linear SDEs.


def fokker_planck_of(sde, cells=120, reach=4.5):
    wide = reach * np.sqrt(np.diag(sde.covariance))
    grid = Grid(-wide, wide, (cells, cells))
    return FokkerPlanck(lambda p: -p @ sde.drift.T, sde.diffusion, grid, "reflecting"), grid


def test_density_and_current_are_those_on_a_grid():
    """Σ, or the sign or factor of the current; a grid of 120² cells is good to 2 %."""
    sde = eq.LinearSDE([[1.0, 0.8], [-0.4, 1.5]], [[1.0, 0.2], [0.2, 0.6]])
    flow, grid = fokker_planck_of(sde)
    found = flow.stationary()
    law = sde.density(grid.points)
    assert abs(found - law).sum() * grid.volume < 0.02
    for axis, part in enumerate(flow.current(found)):
        inner = tuple(slice(1, -1) if i == axis else slice(None) for i in (0, 1))
        expected = sde.current(grid.faces(axis))[..., axis][inner]
        assert abs(part[inner] - expected).max() < 0.03 * abs(expected).max()
    # Entropy production by its definition, from the current on the grid.
    mine = [
        (part[: grid.cells[0], : grid.cells[1]] + part[-grid.cells[0] :, -grid.cells[1] :]) / 2
        for part in flow.current(found)
    ]
    current = np.stack(mine, -1)
    made = np.einsum("...i,ij,...j", current, np.linalg.inv(sde.diffusion / 2), current)
    seen = found > 1e-6 * found.max()
    total = float((made[seen] / found[seen]).sum() * grid.volume)
    assert sde.entropy_production == pytest.approx(total, rel=0.03)
    assert not sde.is_equilibrium


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_covariances_solve_their_equations(seed):
    """Continuous: as one linear system of n² unknowns; discrete: by iterating."""
    drift, noise = stable_pair(seed)
    sde, one = eq.LinearSDE(drift, noise), np.eye(len(drift))
    system = np.kron(drift, one) + np.kron(one, drift)
    solved = np.linalg.solve(system, noise.ravel()).reshape(noise.shape)
    np.testing.assert_allclose(sde.covariance, solved, rtol=1e-6, atol=1e-9 * abs(solved).max())
    chain = eq.LinearRecursion(linalg.expm(-0.3 * drift), noise)
    again, step = noise, chain.matrix
    for _ in range(12):
        again, step = step @ again @ step.T + again, step @ step
    np.testing.assert_allclose(chain.covariance, again, rtol=1e-8, atol=1e-10 * abs(again).max())


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0.1, 3))
def test_isotropic_overdamped_dynamics_is_in_equilibrium(seed, strength):
    """Any current, or entropy from rounding, where there is none; Σ = T H⁻¹."""
    hessian = spd(seed, 3)
    sde = eq.sgd_sde(hessian, strength * np.eye(3), 0.1, 2)
    assert sde.is_equilibrium
    assert sde.entropy_production < 1e-10
    heat = float(eq.temperature(0.1, 2, strength))
    np.testing.assert_allclose(sde.covariance, heat * np.linalg.inv(hessian), rtol=1e-8)
    natural = spd(seed + 1, 3)
    pushed = eq.sgd_sde(hessian, np.linalg.inv(natural), 0.1, 2, preconditioner=natural)
    assert pushed.is_equilibrium
    np.testing.assert_allclose(pushed.covariance, 0.025 * np.linalg.inv(hessian), rtol=1e-7)


def test_anisotropic_noise_is_no_equilibrium_unless_it_commutes():
    """A reason that is always the same, or Φ of a known rotation: A = 1 + wR, D = 1 has 2w²."""
    spin = np.array([[1.0, -0.7], [0.7, 1.0]])
    assert eq.LinearSDE(spin, np.eye(2)).entropy_production == pytest.approx(2 * 0.49)
    assert eq.sgd_sde(np.diag([1.0, 3.0]), np.diag([5.0, 0.2]), 0.1, 1).is_equilibrium
    tilted = eq.sgd_sde(np.diag([1.0, 3.0]), [[1.0, 0.5], [0.5, 1.0]], 0.1, 1)
    assert not tilted.is_equilibrium
    assert "not symmetric" in tilted.is_equilibrium.why
    assert tilted.entropy_production > 0
    assert not eq.sgd_recursion(
        np.diag([1.0, 3.0]), [[1.0, 0.5], [0.5, 1.0]], 0.1, 1
    ).is_equilibrium
    still = eq.sgd_recursion(np.diag([1.0, 3.0]), np.diag([5.0, 0.2]), 0.1, 1)
    assert still.is_equilibrium
    assert still.entropy_production == pytest.approx(0, abs=1e-12)


def test_correlations_and_spectra():
    """A correlation that decays backwards; rates that are not sorted."""
    sde = eq.LinearSDE([[1.0, 0.8], [-0.4, 1.5]], np.eye(2))
    np.testing.assert_allclose(sde.correlation(0.0)[0], sde.covariance)
    slope = (sde.correlation(1e-6)[0] - sde.covariance) / 1e-6
    np.testing.assert_allclose(slope, -sde.drift @ sde.covariance, rtol=1e-4, atol=1e-6)
    assert (np.diff(sde.relaxation.real) >= 0).all()
    chain = eq.LinearRecursion([[0.5, 0.2], [0.0, 0.9]], np.eye(2))
    assert chain.relaxation[0] == pytest.approx(0.9)
    np.testing.assert_allclose(chain.correlation(1)[1], chain.matrix @ chain.covariance)
