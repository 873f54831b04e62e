"""The Fokker–Planck operator against closed forms, quadratures, and its own conservation laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, linalg, stats

from soret.errors import ConvergenceError, OutsideDomain, SettingsError
from soret.theory.fokker_planck import FokkerPlanck, Grid
from soret.theory.fokker_planck.chain import Chain

seeds = st.integers(0, 10**6)


def order(error, sizes):
    """The power of h with which the error falls, by least squares over the sizes."""
    sizes = list(sizes)
    return -np.polyfit(np.log(sizes), np.log([error(n) for n in sizes]), 1)[0]


def well(x):
    """The drift −V′ of V = (x² − 1)²/4, with wells at ±1 and a barrier of ¼ at 0."""
    return x - x**3


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


K = np.array([[1.0, 0.7], [-1.2, 1.5]])
D = np.array([[1.0, 0.4], [0.4, 0.8]])


def rotating(n, walls="reflecting"):
    """A linear drift that turns, with oblique noise, in a box of ±5σ; and its covariance."""
    covariance = linalg.solve_continuous_lyapunov(K, D)
    side = 5 * np.sqrt(np.diag(covariance))
    return FokkerPlanck(lambda x: -x @ K.T, D, Grid(-side, side, [n, n]), walls), covariance


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


def passage(x0, D, low=-3.0):
    """The mean time from x0 to 0 by quadrature, a wall far out at `low`: Gardiner, Eq. 5.5.23."""

    def inner(y):
        def weight(z):
            return np.exp((well_energy(y) - well_energy(z)) * 2 / D)

        return integrate.quad(weight, low, y, epsabs=0, epsrel=1e-10, limit=400)[0]

    return 2 / D * integrate.quad(inner, x0, 0, epsabs=0, epsrel=1e-9, limit=400)[0]


def well_energy(x):
    return (x**2 - 1) ** 2 / 4


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


# --- What holds whatever the fields are ------------------------------------------------------


def random_flow(seed, n, wall):
    """Rough fields with noise that vanishes in places and drift far stronger than noise."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(3, 12, size=n)
    grid = Grid(np.zeros(n), cells * rng.uniform(0.5, 2), cells)
    push = 10 ** rng.uniform(-2, 3)
    root = rng.normal(size=(*cells, n, n)) * (rng.uniform(size=(*cells, 1, 1)) > 0.2)
    noise = root @ np.swapaxes(root, -1, -2)
    if n == 2:
        # As oblique as these square cells allow, everywhere.
        most = np.minimum(noise[..., 0, 0], noise[..., 1, 1])
        noise[..., 0, 1] = noise[..., 1, 0] = np.clip(noise[..., 0, 1], -most, most)
    phase = rng.normal(size=(n, n))
    flow = FokkerPlanck(lambda x: push * np.sin(x @ phase), lambda _: noise, grid, wall)
    return flow, rng.exponential(size=tuple(cells)) * (rng.uniform(size=tuple(cells)) > 0.5)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 2), st.sampled_from([None, 0.1]))
def test_mass_is_conserved_and_never_negative(seed, n, step):
    """A rate below 0, or a column of the matrix that does not add up. Rounding only: 10⁻¹²."""
    flow, density = random_flow(seed, n, "reflecting")
    fastest = -flow.matrix.diagonal().min()
    times = np.array([0.0, 0.3, 1.0]) * (1000 / max(fastest, 1e-9))
    found = flow.evolve(density, times, step=step and step * times[-1])
    assert (found >= 0).all()
    mass = found.reshape(3, -1).sum(1)
    np.testing.assert_allclose(mass, density.sum(), rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 2))
def test_mass_only_leaves_through_absorbing_walls(seed, n):
    """A wall that gives mass back: never negative, and never more than before."""
    flow, density = random_flow(seed, n, "absorbing")
    fastest = -flow.matrix.diagonal().min()
    found = flow.evolve(density, np.array([0.0, 0.3, 1.0]) * (300 / max(fastest, 1e-9)))
    assert (found >= 0).all()
    assert (np.diff(found.reshape(3, -1).sum(1)) <= 1e-12 * density.sum()).all()


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_one_axis_of_a_rectangle_is_a_line(seed):
    """The two solvers apart: product of rates and chain in 1-D, factors of a matrix in 2-D."""
    rng = np.random.default_rng(seed)
    c = rng.normal(size=3)

    def push(x):
        return c[0] - x + c[1] * np.sin(2 * x)

    def noise(x):
        return 1 + 0.5 * np.sin(c[2] + x)

    def noise_both(x):
        found = np.zeros((*x.shape, 2))
        found[..., 0, 0], found[..., 1, 1] = noise(x[..., 0]), 1.0
        return found

    def push_both(x):
        return np.stack([push(x[..., 0]), 0 * x[..., 1]], -1)

    line, sheet = Grid(-2, 2, 25), Grid([-2, 0], [2, 3], [25, 4])
    one, two = FokkerPlanck(push, noise, line), FokkerPlanck(push_both, noise_both, sheet)
    for row in two.stationary().T:
        np.testing.assert_allclose(row * 3, one.stationary(), rtol=1e-8)
    slow = one.slowest_eigenvalue()
    # Along the other axis, between walls 3 apart in 4 cells, mass relaxes at this rate.
    other = (1 - np.cos(np.pi / 4)) / 0.75**2
    assert two.slowest_eigenvalue() == pytest.approx(min(slow, other), rel=1e-7)
    dense = np.sort(np.linalg.eigvals(one.matrix.toarray()).real)
    assert slow == pytest.approx(-dense[-2], rel=1e-8)
    walls = ["absorbing", "reflecting"]
    one = FokkerPlanck(push, noise, line, "absorbing")
    two = FokkerPlanck(push_both, noise_both, sheet, walls)
    for row in two.mean_first_passage_time().T:
        np.testing.assert_allclose(row, one.mean_first_passage_time(), rtol=1e-9)
    assert two.slowest_eigenvalue() == pytest.approx(one.slowest_eigenvalue(), rel=1e-8)


# --- Refusals ---------------------------------------------------------------------------------


def test_what_cannot_be_answered_is_refused():
    """A number where there is none."""
    square = Grid([0, 0], [1, 1], [4, 4])
    thin = np.array([[1.0, 0.9], [0.9, 4.0]])
    FokkerPlanck([0, 0], thin, Grid([0, 0], [0.5, 1], [4, 4]))
    steep = np.array([[1.0, 1.1], [1.1, 4.0]])
    with pytest.raises(OutsideDomain, match="too oblique"):
        FokkerPlanck([0, 0], steep, square)
    with pytest.raises(OutsideDomain, match="semi-definite"):
        FokkerPlanck([0, 0], np.array([[1.0, 2.0], [2.0, 1.0]]), square)
    with pytest.raises(OutsideDomain, match="negative"):
        FokkerPlanck(0, -1, Grid(0, 1, 4))
    with pytest.raises(OutsideDomain, match="finite"):
        FokkerPlanck(lambda x: x * np.nan, 1, Grid(0, 1, 4))
    with pytest.raises(SettingsError, match="shape"):
        FokkerPlanck(lambda x: x[:2], 1, Grid(0, 1, 8))
    with pytest.raises(SettingsError, match="walls"):
        FokkerPlanck(0, 1, Grid(0, 1, 4), "periodic")
    for wrong in ((0, 1, 1), (1, 0, 4), (0, 1, 4.5), ([0, 0], [1, 1], 4), (0, np.inf, 4)):
        with pytest.raises(SettingsError):
            Grid(*wrong)
    closed, still = FokkerPlanck(0, 1, Grid(0, 1, 4)), FokkerPlanck(0, 0, Grid(0, 1, 4))
    opened = FokkerPlanck(0, 1, Grid(0, 1, 4), ("absorbing", "reflecting"))
    with pytest.raises(OutsideDomain, match="absorbing"):
        closed.mean_first_passage_time()
    with pytest.raises(OutsideDomain, match="reflecting"):
        opened.stationary()
    with pytest.raises(OutsideDomain, match="4 parts"):
        still.stationary()
    with pytest.raises(OutsideDomain, match="no absorbing wall"):
        FokkerPlanck(0, 0, Grid(0, 1, 4), "absorbing").mean_first_passage_time()
    for density, times, step, error in (
        ([1, 1, 1], [1], None, SettingsError),
        ([1, 1, 1, -1], [1], None, OutsideDomain),
        ([1, 1, 1, 1], [2, 1], None, SettingsError),
        ([1, 1, 1, 1], [1e9], None, SettingsError),
        ([1, 1, 1, 1], [1], 0, SettingsError),
    ):
        with pytest.raises(error):
            closed.evolve(density, times, step)


def test_a_barrier_too_high_for_rounding_is_refused_in_two_dimensions():
    """Two wells filled by rounding: 60 kT apart, where one dimension still knows the answer."""

    def drift(x):
        return np.stack([60 * 4 * well(x[..., 0]), -x[..., 1]], -1)

    box = Grid([-2, -3], [2, 3], [80, 12])
    with pytest.raises(ConvergenceError):
        FokkerPlanck(drift, 2 * np.eye(2), box).slowest_eigenvalue()
    walls = [("reflecting", "absorbing"), "reflecting"]
    half = FokkerPlanck(drift, 2 * np.eye(2), Grid([-2, -3], [0, 3], [40, 12]), walls)
    with pytest.raises(ConvergenceError):
        half.mean_first_passage_time()


# --- Beside other work, and at size ----------------------------------------------------------


def test_passage_times_of_the_kramers_handbook():
    """Its quadrature K0002 and rate K0001, where it is installed."""
    formulas = pytest.importorskip("kramers.formulas")
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
