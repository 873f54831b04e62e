"""Passages and the exact recursion: against simulation, closed forms and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from soret.errors import OutsideDomain
from soret.theory import escape


def passage_times(paths, start, step, passed, rng):
    """Steps until each path has passed; every one of them does."""
    place, alive = np.tile(np.asarray(start, float), (paths, 1)), np.arange(paths)
    steps = np.zeros(paths)
    for k in range(1, 10**6):
        place = step(place, rng)
        done = passed(place)
        steps[alive[done]] = k
        place, alive = place[~done], alive[~done]
        if not alive.size:
            return steps
    raise AssertionError("some path never passed")


@pytest.mark.parametrize("maker", [escape.stationary_law, escape.regression_law])
def test_radial_times_are_those_of_paths_in_three_dimensions(maker):
    """The radial drift (n − 1)D/r with the wrong D, or a time in steps instead of t.

    Euler–Maruyama with the wall moved in by 0.5826 standard deviations of a step (Broadie,
    Glasserman and Kou, 1997), after which 2 % is allowed for the time step, and 5.5 standard
    errors: false alarms below 1e-7.
    """
    heat, dt, n, paths = 0.4, 2e-3, 3, 6000
    law = maker(0.5, heat, 1, 1.0, n)
    wall = law.radius_at(4.0)
    wall_seen = wall - 0.5826 * np.sqrt(2 * law.diffusion_at(wall) * dt)

    def step(z, rng):
        square = (z**2).sum(1, keepdims=True)
        kick = np.sqrt(1 + square) * rng.normal(size=z.shape)
        if maker is escape.regression_law:
            kick += z * rng.normal(size=(len(z), 1))
        return z * (1 - dt) + np.sqrt(heat * dt) * kick

    times = dt * passage_times(
        paths,
        np.zeros(n),
        step,
        lambda z: (z**2).sum(1) >= wall_seen**2,
        np.random.default_rng(3),
    )
    error = times.std() / np.sqrt(paths)
    exact = escape.radial_passage_time(law, 4.0)
    assert abs(times.mean() - exact) < 5.5 * error + 0.02 * exact


@settings(deadline=None, max_examples=20)
@given(st.floats(0.05, 0.5), st.floats(1.2, 8))
def test_two_quadratures_of_one_time_agree(heat, ratio):
    """The general quadrature without its Itô form, or half a line taken for a whole one."""
    law = escape.stationary_law(0.5, heat, 1)
    wall = float(law.radius_at(ratio))

    def drift(x):
        return -x

    def spread(x):
        return heat * (1 + x**2) / 2

    expected = escape.radial_passage_time(law, ratio)
    half = escape.mean_first_passage_time(drift, spread, 0.0, 0.0, wall)
    whole = escape.mean_first_passage_time(drift, spread, 0.0, -wall, wall, at_lower="absorbing")
    assert half == pytest.approx(expected, rel=1e-7)
    assert whole == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=20)
@given(st.floats(-0.9, 0.9), st.floats(0.1, 3))
def test_free_diffusion_passes_as_it_must(start, spread):
    """Walls exchanged, or a factor of two in the noise: closed forms without drift."""

    def drift(x):
        return 0 * x

    def diffusion(x):
        return np.full_like(x, spread)

    for walls, expected in (
        (("reflecting", "absorbing"), (4 - (1 + start) ** 2) / 2),
        (("absorbing", "reflecting"), (4 - (1 - start) ** 2) / 2),
        (("absorbing", "absorbing"), (1 - start**2) / 2),
    ):
        found = escape.mean_first_passage_time(drift, diffusion, start, -1.0, 1.0, *walls)
        assert found == pytest.approx(expected / spread, rel=1e-9)


def escape_over_a_barrier(spread):
    """The time from 0 over the saddle at 1 to 1.5 on L = ½ + x²/2 − x³/3."""
    return escape.mean_first_passage_time(lambda x: x**2 - x, spread, 0.0, -0.8, 1.5)


def test_escape_rates_are_the_limit_of_exact_times():
    """Eq. 15 and Kramers' rate: an exponent or a prefactor wrong, in one dimension.

    Their relative error is of first order in the noise: it must halve with it, to a tenth of
    itself, and what a line through the last two leaves at zero noise must be below 1e-3.
    """
    heats = np.array([0.008, 0.004, 0.002])
    power, exponential = [], []
    for heat in heats:
        time = escape_over_a_barrier(lambda x, heat=heat: heat * (0.5 + x**2 / 2 - x**3 / 3))
        power.append(time * escape.escape_rate(0.5, 2 / 3, 1.0, -1.0, heat, 1) - 1)
        frozen = escape.frozen_diffusion(0.5, 1.0, heat, 1)
        time = escape_over_a_barrier(lambda x, frozen=frozen: np.full_like(x, frozen))
        exponential.append(time * escape.kramers_rate(1 / 6, 1.0, -1.0, frozen) - 1)
    for errors in (power, exponential):
        assert abs(errors[-1]) < 0.05
        assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)
        assert abs(2 * errors[2] - errors[1]) < 1e-3


@pytest.mark.parametrize("maker", [escape.stationary_law, escape.regression_law])
@pytest.mark.parametrize("n", [1, 5])
def test_times_grow_by_the_power_of_the_law(maker, n):
    """The asymptotic exponents of both theories: c^{B/η + 1 − n/2} and c^{B/2η + 3/4 − n/4}."""
    law = maker(0.5, 0.25, 1, 1.0, n)
    times = escape.radial_passage_time(law, [1e5, 1e6])
    assert np.log10(times[1] / times[0]) == pytest.approx(law.survival_exponent, rel=1e-3)


def test_kesten_exponents_are_those_stated():
    """Three settings whose exponents are known to four digits from another computation."""
    for setting, alpha in (((0.1, 1), 17.28), ((0.1, 2), 33.55), ((0.05, 1), 35.24)):
        assert escape.kesten_exponent(*setting) == pytest.approx(alpha, abs=0.006)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 20), st.integers(1, 12), st.floats(0.5, 2))
def test_where_the_variance_is_lost_the_exponent_is_two(batch, n, h):
    """E A² = 1 − 2η + η²(1 + (n + 1)/B) in units of h: exact, and so is α = 2."""
    assert escape.multiplier_moment(2, 0.3 / h, batch, h, n) == pytest.approx(
        1 - 0.6 + 0.09 * (1 + (n + 1) / batch), rel=1e-10
    )
    rate = 2 / (1 + (n + 1) / batch) / h
    assert escape.kesten_exponent(rate, batch, h, n) == pytest.approx(2, abs=1e-8)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.05, 0.9), st.floats(0.3, 30))
def test_moments_of_a_batch_of_two_have_a_closed_form(rate, order):
    """Quadrature that misses the kink at A = 0 or the far end: s/2 is exponential, B = 2."""
    far = special.gammaln(order + 1) + order * np.log(rate) - 1 / rate
    near = integrate.quad(lambda w: (1 - rate * w) ** order * np.exp(-w), 0, 1 / rate)[0]
    expected = np.exp(far) + near
    assert escape.multiplier_moment(order, rate, 2) == pytest.approx(expected, rel=1e-8)


def test_the_exponent_four_by_polynomials():
    """Powers above two: E(1 − ηs/B)⁴ from the moments of χ²."""

    def fourth(rate, batch=3):
        moments = [1.0]
        for k in range(4):
            moments.append(moments[-1] * (batch + 2 * k))
        signs = [1, -4, 6, -4, 1]
        return sum(
            c * (rate / batch) ** k * m for k, (c, m) in enumerate(zip(signs, moments, strict=True))
        )

    rate = optimize.brentq(lambda at: fourth(at) - 1, 0.1, 1.5)
    assert escape.kesten_exponent(rate, 3) == pytest.approx(4, abs=1e-8)


def test_exponents_of_large_batches_follow_large_deviations():
    """Weights that underflow where high powers still count: α/B tends to a constant as B → ∞.

    With s = Bu: log E|1 − ηu|^α = B·max_u[ρ log|1 − ηu| − (u − 1 − log u)/2] + O(1), ρ = α/B; the
    limit has the maximum 0, and α/B comes to it like 1/B.
    """
    rate = 0.5
    u = np.linspace(1 + 2 / rate, 200, 2_000_001)[1:]
    limit = ((u - 1 - np.log(u)) / 2 / np.log(rate * u - 1)).min()
    found = np.array([escape.kesten_exponent(rate, batch) / batch for batch in (500, 1000)])
    assert found[1] == pytest.approx(limit, rel=0.01)
    assert 2 * found[1] - found[0] == pytest.approx(limit, rel=5e-4)


@pytest.mark.parametrize(("batch", "n"), [(1, 1), (2, 1), (1, 3)])
def test_small_learning_rates_do_not_lead_to_the_diffusions(batch, n):
    """αη/B → w/2 with w ln w = w + 1; the correction is of order η log η, 1 % at η = 0.002."""
    w = optimize.brentq(lambda at: at * np.log(at) - at - 1, 2, 5)
    found = [escape.kesten_exponent(rate, batch, 1.0, n) * rate / batch for rate in (0.008, 0.002)]
    assert found[1] == pytest.approx(w / 2, rel=0.02)
    assert abs(found[1] - w / 2) < abs(found[0] - w / 2)


def test_multipliers_are_those_of_sampled_batches():
    """A² in several dimensions: ‖(1 − (η/B)XᵀX)e‖ sampled, 5.5 standard errors, below 1e-7."""
    rng, rate, batch, n = np.random.default_rng(4), 0.4, 2, 4
    x = rng.normal(size=(200_000, batch, n))
    after = -rate / batch * np.einsum("rbi,rb->ri", x, x[:, :, 0])
    after[:, 0] += 1
    size = np.linalg.norm(after, axis=1)
    for sample, exact in (
        (size**1.5, escape.multiplier_moment(1.5, rate, batch, 1.0, n)),
        (np.log(size), escape.lyapunov_exponent(rate, batch, 1.0, n)),
    ):
        assert abs(sample.mean() - exact) < 5.5 * sample.std() / np.sqrt(len(sample))


@given(st.floats(0.05, 0.49))
def test_two_multipliers_have_a_closed_form(p):
    """A doubled with probability p or halved: 2^α = (1 − p)/p."""
    found = escape.kesten_exponent_of([2.0, -0.5], [p, 1 - p])
    assert found == pytest.approx(np.log2((1 - p) / p), rel=1e-8)


def recursion(z, rng, rate, batch):
    x = rng.normal(size=(len(z), batch))
    y = rng.normal(size=(len(z), batch))
    return z - rate / batch * (x * (x * z - y)).sum(1, keepdims=True)


@pytest.mark.parametrize(("rate", "batch"), [(0.5, 1), (0.6, 3)])
def test_the_stationary_law_is_that_of_the_recursion(rate, batch):
    """A kernel, a fold at 0 or an elimination that is wrong, against 300,000 replicas.

    In 24 bins: six standard errors and 0.5 % for the cells; false alarms below 1e-7.
    """
    rng = np.random.default_rng(5)
    z = np.zeros((300_000, 1))
    for _ in range(40):
        z = recursion(z, rng, rate, batch)
    law = escape.recursion_law(0.5, rate, batch, cells=200)
    bins = law.edges[np.linspace(0, np.searchsorted(law.edges, 4.0), 25).astype(int)]
    counts = np.histogram(abs(z), bins)[0]
    expected = np.diff(np.interp(bins, law.edges, np.concatenate([[0], np.cumsum(law.mass)])))
    error = np.sqrt(expected * (1 - expected) / len(z))
    assert (abs(counts / len(z) - expected) < 6 * error + 0.005 * expected).all()


def test_the_tail_of_the_transfer_operator_is_kestens():
    """The operator's slope far out, at three noises: to 1 %, for cells of finite width."""
    for rate, batch, farthest in ((0.1, 1, 1e5), (0.5, 1, 1e4), (0.4, 4, 1e4)):
        law = escape.recursion_law(0.5, rate, batch, farthest=farthest, cells=260)
        local = law.local_exponent()
        far = np.searchsorted(law.centers, farthest / 5)
        assert local[far] == pytest.approx((1 + law.tail) / 2, rel=0.01)


def test_the_stationary_variance_is_exact():
    """Ez² = (η²/B)·2L*/h / (1 − EA²), in any unit, with an error that falls as cells⁻²."""
    rate, batch, h, loss = 0.2, 2, 1.5, 0.8
    step = rate * h
    unit = 2 * loss / h
    exact = step**2 / batch * unit / (2 * step - step**2 * (1 + 2 / batch))
    errors = []
    for cells in (120, 240):
        law = escape.recursion_law(loss, rate, batch, h, cells=cells)
        left, right = law.edges[:-1], law.edges[1:]
        square = (law.mass * (left**2 + left * right + right**2) / 3).sum()
        errors.append(abs(square / exact - 1))
    assert errors[1] < 0.005
    assert errors[0] / errors[1] > 3


def test_the_law_of_large_batches_is_nearly_the_diffusions():
    """A density that vanishes or is lost where α is in the hundreds, over the whole body.

    At ηh/B = 1/2000 the scale of z is that of the diffusion to a few per cent: (2 − η)/2 for 4 %.
    """
    rate, batch = 0.05, 100
    law = escape.recursion_law(0.5, rate, batch, farthest=0.1, cells=150)
    near = escape.regression_law(0.5, rate, batch)
    inside = law.centers < 3 * np.sqrt(near.moment(2))
    assert inside.sum() > 20
    np.testing.assert_allclose(law.density[inside], near.density(law.centers[inside]), rtol=0.2)
    exact = rate / batch / (2 - rate * (1 + 2 / batch))
    assert (law.mass * law.centers**2).sum() == pytest.approx(exact, rel=0.005)


def test_the_tail_of_simulated_recursions_is_kestens():
    """A tail estimated from paths: Hill's estimator over the largest 2,000 of 400,000.

    Its standard error is α/√2000; five and a half of them, 4e-8, and 5 % for the finite threshold.
    """
    rate, batch = 0.9, 1
    alpha = escape.kesten_exponent(rate, batch)
    rng = np.random.default_rng(6)
    z = np.zeros((400_000, 1))
    for _ in range(60):
        z = recursion(z, rng, rate, batch)
    top = np.sort(abs(z.ravel()))[-2001:]
    hill = 1 / np.log(top[1:] / top[0]).mean()
    assert abs(hill - alpha) < (5.5 / np.sqrt(2000) + 0.05) * alpha


@pytest.mark.parametrize(("rate", "batch", "ratio"), [(0.4, 1, 6.0), (0.7, 3, 3.0)])
def test_passages_of_the_recursion_are_those_of_paths(rate, batch, ratio):
    """Absorption off by a step, or L* misread: 20,000 replicas, 5.5 standard errors and 0.5 %."""
    steps = passage_times(
        20_000,
        [0.3],
        lambda z, rng: recursion(z, rng, rate, batch),
        lambda z: z[:, 0] ** 2 >= ratio - 1,
        np.random.default_rng(7),
    )
    exact = escape.recursion_passage_steps(ratio, rate, batch, start=0.3, cells=150)
    error = steps.std() / np.sqrt(steps.size)
    assert abs(steps.mean() - exact) < 5.5 * error + 0.005 * exact


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: escape.kesten_exponent(3.0, 1),
        lambda: escape.kesten_exponent(0.1, 1.5),
        lambda: escape.kesten_exponent_of([0.5, -1.0]),
        lambda: escape.kesten_exponent_of([3.0, 2.0]),
        lambda: escape.kesten_exponent_of([3.0, 0.1], [1.0]),
        lambda: escape.multiplier_moment(-1, 0.1, 1),
        lambda: escape.recursion_law(0.0, 0.1, 1),
        lambda: escape.recursion_law(0.5, 3.0, 1),
        lambda: escape.recursion_law(0.5, 0.5, 1, farthest=5, cells=50).density_at(6.0),
        lambda: escape.recursion_passage_steps(1.0, 0.1, 1),
        lambda: escape.recursion_passage_steps(50.0, 0.01, 10, cells=40),
        lambda: escape.recursion_passage_steps(1.5, 0.002, 1, cells=420),
        lambda: escape.recursion_law(0.5, 0.01, 10, farthest=20, cells=40),
        lambda: escape.mean_first_passage_time(np.cos, np.ones_like, 2.0, 0.0, 1.0),
        lambda: escape.mean_first_passage_time(
            np.cos, np.ones_like, 0.0, 0.0, 1.0, "reflecting", "reflecting"
        ),
        lambda: escape.mean_first_passage_time(np.cos, np.sin, 0.0, -1.0, 1.0),
        lambda: escape.mean_first_passage_time(lambda x: -1e5 * x, np.ones_like, 0.0, 0.0, 1.0),
        lambda: escape.zero_flux_density(np.cos, np.ones_like, 1.0, 0.0),
    ],
)
def test_what_has_no_answer_is_refused(wrong):
    """A number returned where there is none."""
    with pytest.raises(OutsideDomain):
        wrong()
