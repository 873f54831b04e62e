"""Boltzmann's law, minima ratios and linear dynamics, against grids, quadratures, simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, linalg

from soret.errors import ConvergenceError, OutsideDomain
from soret.problems import DoubleWell, TiltedDoubleWell, WideAndNarrowWells
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


def test_the_recursions_density_is_that_of_a_simulation():
    """A kernel transposed, or noise of variance ηT: 2·10⁵ walkers, bins at 5.5 deviations."""
    well = TiltedDoubleWell(tilt=0.3)
    rate, heat = 0.05, 0.6
    x = np.linspace(-2.6, 2.6, 521)
    rho = eq.stationary_density(well.slope, x, rate, heat)
    rng = np.random.default_rng(3)
    # From the law itself, so that 40 steps only have to keep it.
    walkers = rng.choice(x, size=200_000, p=rho / rho.sum()) + 0.01 * (rng.random(200_000) - 0.5)
    for _ in range(40):
        kick = np.sqrt(2 * rate * heat) * rng.normal(size=walkers.size)
        walkers = walkers - rate * well.slope(walkers) + kick
    edges = np.linspace(-1.8, 1.8, 13)
    counts = np.histogram(walkers, edges)[0]
    share = np.diff(np.interp(edges, x, np.cumsum(rho) * (x[1] - x[0])))
    deviations = (counts - walkers.size * share) / np.sqrt(walkers.size * share)
    assert abs(deviations).max() < 5.5 + 0.01 * np.sqrt(walkers.size) * 0.5


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


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_a_step_that_is_exact_makes_the_same_entropy(seed):
    """Per short step of the sampled SDE, entropy production is Φ·Δt; and the strength is lost."""
    drift, noise = stable_pair(seed)
    sde = eq.LinearSDE(drift, noise)
    short = 1e-4 / abs(drift).max()
    step = linalg.expm(-short * drift)
    chain = eq.LinearRecursion(step, sde.covariance - step @ sde.covariance @ step.T)
    np.testing.assert_allclose(chain.covariance, sde.covariance, rtol=1e-6)
    assert chain.entropy_production / short == pytest.approx(sde.entropy_production, rel=2e-2)
    louder = eq.LinearSDE(drift, 7 * noise)
    assert louder.entropy_production == pytest.approx(sde.entropy_production)
    np.testing.assert_allclose(louder.covariance, 7 * sde.covariance)


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


@pytest.mark.parametrize(
    "make",
    [
        lambda: eq.temperature(0.0, 1, 1),
        lambda: eq.boltzmann([0.0, np.nan], 1.0, 1.0),
        lambda: eq.minima_ratio((0, 0), (1.0, -1.0), 0.1),
        lambda: eq.minima_ratio((0, 0), (np.eye(2), [[1, 2], [0, 1]]), 0.1),
        lambda: eq.minima_ratio((0, 0), (1.0, 1.0), 0.0),
        lambda: eq.occupation(-1.0),
        lambda: eq.LinearSDE([[1.0, 0], [0, -1]], np.eye(2)),
        lambda: eq.LinearSDE(np.eye(2), [[1, 2], [2, 1]]),
        lambda: eq.LinearSDE(np.eye(2), np.eye(3)),
        lambda: eq.LinearSDE(np.eye(2), np.eye(2), [1, 2]),
        lambda: eq.LinearSDE(np.eye(2), [[1, 0.5], [0.5, 1]], [1, -1]),
        lambda: eq.LinearSDE(np.eye(2), np.diag([1.0, 0])).density([0.0, 0.0]),
        lambda: eq.LinearRecursion(2 * np.eye(2), np.eye(2)),
        lambda: eq.momentum_variance(1.0, 1.0, 3.0, 1, 0.0),
        lambda: eq.momentum_variance(1.0, 1.0, 0.1, 1, 1.0),
        lambda: eq.heavy_ball_entropy(np.eye(2), np.diag([1.0, 0]), 0.1, 0.5),
        lambda: eq.sgd_sde([[1, 2], [0, 1]], np.eye(2), 0.1, 1),
        lambda: eq.stationary_density(lambda x: x, [0.0, 1.0, 2.0], 0.1, 0.1),
    ],
)
def test_what_is_outside_is_refused(make):
    with pytest.raises(OutsideDomain):
        make()


def test_mass_that_leaves_the_grid_is_noticed():
    """A density normalized on a grid that is too small for it."""
    with pytest.raises(ConvergenceError):
        eq.stationary_density(lambda x: x, np.linspace(-1, 1, 201), 0.1, 1.0)


def test_entropy_from_a_simulated_ensemble():
    """The area swept out, the sign of time: Φ of a chain by the log-ratio along its own paths.

    4·10⁵ steps in equilibrium; the mean's error is from batches, and 5.5 of it are allowed.
    """
    chain = eq.LinearRecursion([[0.8, -0.15], [0.15, 0.85]], [[1.0, 0.2], [0.2, 0.5]])
    rng = np.random.default_rng(11)
    x = rng.multivariate_normal([0, 0], chain.covariance, size=400_000)
    y = x @ chain.matrix.T + rng.multivariate_normal([0, 0], chain.noise, size=len(x))
    inverse, law = np.linalg.inv(chain.noise), np.linalg.inv(chain.covariance)

    def log_joint(first, second):
        move = second - first @ chain.matrix.T
        one = np.einsum("ki,ij,kj->k", move, inverse, move)
        return -(one + np.einsum("ki,ij,kj->k", first, law, first)) / 2

    ratio = log_joint(x, y) - log_joint(y, x)
    error = ratio.std() / np.sqrt(ratio.size)
    assert abs(ratio.mean() - chain.entropy_production) < 5.5 * error
    assert ratio.mean() > 10 * error
