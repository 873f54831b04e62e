"""Phase space of SGD: closed forms against matrix exponentials, Lyapunov solvers, enumeration."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from soret.errors import OutsideDomain
from soret.theory.equilibrium import heavy_ball, underdamped
from soret.theory.phase_space import (
    Continuous,
    Discrete,
    Modes,
    Regression,
    gaussian_moments,
    gaussian_noise,
)

RNG = np.random.default_rng(11)
# Stiff, soft, overdamped, underdamped and nearly degenerate modes at once.
CURVATURE = np.array([4.0, 1.0, 0.3, 0.02, 1e-4])
NOISE = np.array([2.0, 1.0, 0.7, 0.01, 1e-3])
SETTINGS = [(0.1, 0.9, 0.0), (0.1, 0.0, 0.01), (0.3, 0.5, 0.1), (0.45, 0.0, 0.0), (0.9, 0.9, 0.02)]


def modes(rate, momentum, decay, **changed):
    return Modes(CURVATURE, NOISE, rate, 2, momentum, decay, **changed)


def one_step(m, i):
    k, eta, beta = m.stiffness[i], m.learning_rate, m.momentum
    return np.array([[1 - eta * k, -eta * beta], [k, beta]]), np.array([-eta, 1.0])


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_discrete_stationary_law_solves_lyapunov(setting):
    """A factor, a sign of the covariance of θ and v, or an η that is off by one step."""
    m = modes(*setting)
    for i in range(m.size):
        matrix, enters = one_step(m, i)
        noise = np.outer(enters, enters) * m.step_noise[i]
        expected = linalg.solve_discrete_lyapunov(matrix, noise)
        found = Discrete(m).stationary[..., i]
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * expected.max())


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_current_is_the_mean_step_less_its_reverse(setting):
    """A step's mean that is not symmetrized, or an area that is not the current's."""
    m = modes(*setting)
    theory = Discrete(m)
    for i in range(m.size):
        matrix, _ = one_step(m, i)
        law = theory.stationary[..., i]
        current = (matrix @ law - law @ matrix.T) / 2
        expected = current @ np.linalg.inv(law) / m.learning_rate
        found = theory.current_velocity[..., i]
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * abs(expected).max())
        assert theory.rotation[i] == pytest.approx(current[1, 0], rel=1e-9)


@pytest.mark.parametrize("setting", SETTINGS)
def test_discrete_moments_are_those_of_the_recursion(setting):
    """Powers taken wrongly, noise added in the wrong order, a centre not at hθ*/(h + λ)."""
    m = modes(*setting, minimum=3.0)
    start, spread = np.array([1.0, -0.5]), np.array([[0.3, 0.1], [0.1, 0.2]])
    steps = [0, 1, 2, 7, 100]
    found = Discrete(m).moments(steps, start, spread)
    for i in range(m.size):
        mean, cov = start.copy(), spread.copy()
        matrix, enters = one_step(m, i)
        pull = m.stiffness[i] * 0 - CURVATURE[i] * 3.0  # h(0 − θ*)
        for step in range(101):
            if step in steps:
                at = steps.index(step)
                np.testing.assert_allclose(found.mean[at, :, i], mean, rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(
                    found.covariance[at, :, :, i], cov, rtol=1e-9, atol=1e-12
                )
            mean = matrix @ mean + enters * pull
            cov = matrix @ cov @ matrix.T + np.outer(enters, enters) * m.step_noise[i]


@pytest.mark.parametrize("setting", SETTINGS)
def test_continuous_moments_are_a_matrix_exponential(setting):
    """A mass, friction or noise that is not the paper's; roots that are mixed up."""
    m = modes(*setting, minimum=-1.0)
    start, spread = np.array([1.0, -0.5]), np.array([[0.3, 0.1], [0.1, 0.2]])
    theory = Continuous(m)
    found = theory.moments([0.0, 3.7, 60.0], start, spread)
    eta, beta = m.learning_rate, m.momentum
    for i in range(m.size):
        centre = CURVATURE[i] * -1.0 / m.stiffness[i]
        mass, k = eta * (1 + beta) / 2, m.stiffness[i]
        drift = np.array([[0.0, 1.0], [-k / mass, (1 - beta) / mass]])
        force = eta * m.c[i] * m.share / mass**2
        law = linalg.solve_continuous_lyapunov(drift, np.diag([0.0, force]))
        np.testing.assert_allclose(theory.stationary[..., i], law, rtol=1e-9, atol=1e-12)
        for at, step in enumerate([0.0, 3.7, 60.0]):
            expected = linalg.expm(-drift * eta * step)
            mean = expected @ (start - [centre, 0]) + [centre, 0]
            cov = law + expected @ (spread - law) @ expected.T
            np.testing.assert_allclose(found.mean[at, :, i], mean, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(found.covariance[at, :, :, i], cov, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("form", [Discrete, Continuous])
def test_displacement_is_twice_the_variance_less_the_correlation(form, setting):
    """The rewriting without cancellation: against E(θ_l − θ_0)² from the moments themselves."""
    m = modes(*setting)
    theory = form(m)
    lags = [0, 1, 2, 5, 40, 3000]
    found = theory.displacement(lags, each=True)
    law = theory.stationary
    for at, lag in enumerate(lags):
        # Mean from a known start is linear in it: the propagator's first row.
        rows = [theory.moments([lag], np.eye(2)[j], np.zeros((2, 2))).mean[0, 0] for j in (0, 1)]
        correlated = rows[0] * law[0, 0] + rows[1] * law[1, 0]
        expected = 2 * (law[0, 0] - correlated)
        np.testing.assert_allclose(found[at], expected, rtol=1e-6, atol=1e-9 * law[0, 0].max())


def test_speed_is_the_displacement_of_one_step():
    """η² Var v that is not |θ_k − θ_{k−1}|²."""
    for setting in SETTINGS:
        theory = Discrete(modes(*setting))
        assert theory.displacement(1)[0] == pytest.approx(theory.speed, rel=1e-9)


def test_a_mode_without_stiffness_diffuses():
    """Its limit: (η²c/S)/(1 − β)² a step in the end, and no stationary law of positions."""
    m = Modes([1.0, 0.0], [0.0, 2.0], 0.1, 4, 0.8)
    rate = 0.1**2 * 2.0 / 4 / (1 - 0.8) ** 2
    for theory in (Discrete(m), Continuous(m)):
        far = theory.displacement([10_000, 20_000])
        assert (far[1] - far[0]) / 10_000 == pytest.approx(rate, rel=1e-9)
        with pytest.raises(OutsideDomain, match="1 modes have noise"):
            theory.stationary  # noqa: B018


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_exponent_is_the_slope_of_the_displacement(setting):
    """A derivative, and an octave, that are not of the curve beside them."""
    m = modes(*setting)
    lags = np.array([1.5, 20.0, 400.0])
    theory = Continuous(m)
    step = 1e-4
    slope = np.log(theory.displacement(lags * (1 + step)) / theory.displacement(lags * (1 - step)))
    np.testing.assert_allclose(
        theory.exponent(lags), slope / np.log((1 + step) / (1 - step)), rtol=1e-4, atol=1e-6
    )
    exact = Discrete(m)
    ratio = exact.displacement([8])[0] / exact.displacement([4])[0]
    assert exact.exponent([4])[0] == pytest.approx(np.log2(ratio))


@settings(max_examples=60, deadline=None)
@given(
    ratio=st.floats(1e-9, 0.999),
    momentum=st.floats(0.0, 0.99),
    decay=st.floats(0.0, 0.5),
    lag=st.integers(1, 10**6),
)
def test_displacements_never_leave_their_bounds(ratio, momentum, decay, lag):
    """Cancellation anywhere: E|Δθ|² above 4 Var θ, below 0, or no number; stable η of any size."""
    rate = 0.7
    k = ratio * 2 * (1 + momentum) / rate
    m = Modes([k * (1 - decay)], [0.3], rate, 1, momentum, k * decay)
    theory = Discrete(m)
    found = theory.displacement(lag)[0]
    assert 0 < found <= 4 * theory.stationary[0, 0, 0] * (1 + 1e-6)


def test_the_two_forms_meet_at_small_learning_rates():
    """Different physics: they must differ by O(η), and by as much at ηh/(1 − β) near 1."""
    apart = []
    for rate in (0.02, 0.01, 0.005):
        m = Modes([1.0], [1.0], rate, 1, 0.5, 0.1)
        a, b = Discrete(m).stationary, Continuous(m).stationary
        apart.append(abs(a[0, 0, 0] / b[0, 0, 0] - 1))
    assert apart[0] / apart[1] == pytest.approx(2, rel=0.02)
    assert apart[1] / apart[2] == pytest.approx(2, rel=0.02)


def test_the_rest_of_the_house_agrees():
    """Two rooms with two laws of the same recursion (`soret.theory.equilibrium`)."""
    m = Modes([2.0, 0.5], [1.0, 3.0], 0.2, 4, 0.7)
    hessian, noise = np.diag([2.0, 0.5]), np.diag([1.0, 3.0])
    law = heavy_ball(hessian, noise, 0.2, 4, 0.7)
    sde = underdamped(hessian, noise, 0.2, 4, 0.7)
    pairs = np.array([[0, 2], [1, 3]])
    for i, (a, b) in enumerate(pairs):
        found = law.covariance[np.ix_([a, b], [a, b])]
        np.testing.assert_allclose(Discrete(m).stationary[..., i], found, rtol=1e-9)
        assert Discrete(m).rotation[i] == pytest.approx(law.rotation[a, b], rel=1e-9)
        # There velocities are θ̇ = −v.
        current = sde.current_velocity[np.ix_([a, b], [a, b])] * [[1, -1], [-1, 1]]
        np.testing.assert_allclose(
            Continuous(m).current_velocity[..., i], current, rtol=1e-8, atol=1e-9
        )


def test_frequency_and_damping_are_those_of_the_propagator():
    """Radians for cycles, or a rate for its inverse."""
    m = Modes([1.0], [1.0], 0.1, 1, 0.9)
    for theory in (Discrete(m), Continuous(m)):
        steps = np.arange(0, 200)
        z = theory.moments(steps, [1.0, 0.0], np.zeros((2, 2))).mean[:, 0, 0]
        turned = np.flatnonzero((z[1:] < 0) != (z[:-1] < 0))
        crossings = turned + z[turned] / (z[turned] - z[turned + 1])
        assert np.pi / np.diff(crossings).mean() == pytest.approx(theory.frequency[0], rel=2e-3)
        peaks = abs(z[[int(c + np.pi / theory.frequency[0] / 2) for c in crossings[:2]]])
        rate = -np.log(peaks[1] / peaks[0]) * theory.frequency[0] / np.pi
        assert rate == pytest.approx(theory.damping[0], rel=0.1)


def test_the_modified_loss_is_the_exponent_of_the_density():
    """A half, a cross term, or the inverse of the wrong matrix."""
    m = modes(0.3, 0.5, 0.1, minimum=1.0)
    point, speed = RNG.normal(size=m.size), RNG.normal(size=m.size)
    for theory in (Discrete(m), Continuous(m)):
        expected = 0.0
        for i in range(m.size):
            x = np.array([point[i] - m.centre[i], speed[i]])
            expected += x @ np.linalg.solve(theory.stationary[..., i], x) / 2
        assert theory.modified_loss(point, speed) == pytest.approx(expected)


def test_noise_proportional_to_the_hessian_makes_positions_isotropic():
    """The paper's result, by its closed form: Var θ = ησ²/(2S(1 − β)) whatever the curvature."""
    h = np.geomspace(1e-3, 1, 7)
    law = Continuous(Modes(h, 0.7 * h, 0.05, 4, 0.9)).stationary
    np.testing.assert_allclose(law[0, 0], 0.05 * 0.7 / (2 * 4 * 0.1), rtol=1e-9)
    np.testing.assert_allclose(law[1, 1], 0.7 * h / (4 * (1 - 0.81)), rtol=1e-9)


def test_without_replacement_noise_is_less():
    """(N − S)/(S(N − 1)): none for the whole data set, 1/S for N without end."""
    whole = Modes([1.0], [1.0], 0.1, 10, examples=10)
    assert whole.step_noise[0] == 0
    assert Modes([1.0], [1.0], 0.1, 1, examples=10).step_noise[0] == 1
    assert Modes([1.0], [1.0], 0.1, 5, examples=10**9).step_noise[0] == pytest.approx(0.2)


@pytest.mark.parametrize("replacement", [True, False])
def test_moments_of_a_data_set_are_those_of_all_its_batches(replacement):
    """Any term of the state-dependent noise: against every sequence of batches, enumerated."""
    x, y = RNG.normal(size=(4, 2)) + 0.5, RNG.normal(size=4)
    size, eta, beta, decay, steps = 2, 0.2, 0.6, 0.3, 3
    theory = Regression(x, y, eta, size, beta, decay, replacement=replacement)
    start = np.array([1.0, -2.0])
    found = theory.moments([steps], theory.vectors.T @ start)
    batches = (
        list(itertools.product(range(4), repeat=size))
        if replacement
        else list(itertools.combinations(range(4), size))
    )
    ends = []
    for chosen in itertools.product(batches, repeat=steps):
        theta, v = start.copy(), np.zeros(2)
        for batch in chosen:
            part = x[list(batch)]
            gradient = part.T @ (part @ theta - y[list(batch)]) / size + decay * theta
            v = beta * v + gradient
            theta = theta - eta * v
        ends.append(np.stack([theory.vectors.T @ theta, theory.vectors.T @ v]))
    ends = np.array(ends)
    np.testing.assert_allclose(found.mean[0], ends.mean(0), rtol=1e-10, atol=1e-12)
    for i in range(2):
        expected = np.cov(ends[:, :, i].T, bias=True)
        np.testing.assert_allclose(found.covariance[0, :, :, i], expected, rtol=1e-9, atol=1e-12)


def test_moments_of_gaussian_inputs_are_those_of_a_quadrature():
    """Isserlis gone wrong: three steps over every node of an exact Gauss–Hermite rule."""
    h, residual, minimum = np.array([1.5, 0.4]), 0.8, np.array([1.0, -1.0])
    m = Modes(h, 0.0, 0.1, 1, 0.5, 0.2, minimum)
    start = np.array([2.0, 1.0])
    found = gaussian_moments(m, residual, [3], [start, [0, 0]], np.zeros((2, 2)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    weights = weights / weights.sum()
    rule = [
        (np.sqrt(h) * [nodes[a], nodes[b]], np.sqrt(residual) * nodes[c], weights[[a, b, c]].prod())
        for a, b, c in itertools.product(range(3), repeat=3)
    ]
    total, first, second = 0.0, np.zeros((2, 2)), np.zeros((2, 2, 2))
    for chosen in itertools.product(rule, repeat=3):
        theta, v, weight = start, np.zeros(2), 1.0
        for x, e, w in chosen:
            v = 0.5 * v + x * (x @ (theta - minimum) - e) + 0.2 * theta
            theta, weight = theta - 0.1 * v, weight * w
        state = np.stack([theta, v])
        total += weight
        first += weight * state
        second += weight * np.einsum("ai,bi->abi", state, state)
    assert total == pytest.approx(1)
    np.testing.assert_allclose(found.mean[0], first, rtol=1e-9)
    expected = second - np.einsum("ai,bi->abi", first, first)
    np.testing.assert_allclose(found.covariance[0], expected, rtol=1e-8)


def test_stationary_noise_of_gaussian_inputs_is_where_the_recursion_ends():
    """The closed fixed point: against ten thousand steps of the recursion."""
    h = np.array([1.0, 0.5, 0.2])
    m = Modes(h, 0.0, 0.2, 1, 0.3, 0.1, 0.7)
    exact = m.with_noise(gaussian_noise(m, 0.5))
    found = gaussian_moments(m, 0.5, [3000], [0.0, 0.0], np.zeros((2, 2)))
    np.testing.assert_allclose(found.covariance[0], Discrete(exact).stationary, rtol=1e-9)


def test_stationary_noise_of_a_data_set_is_where_the_recursion_ends():
    """The fixed point of pairs of modes, and directions that no example reaches."""
    x = np.concatenate([RNG.normal(size=(30, 3)), np.zeros((30, 1))], 1)
    theory = Regression(x, x[:, 0] * x[:, 1] + RNG.normal(size=30), 0.1, 2, 0.5, 0.1)
    assert theory.frozen.size == 3
    found = theory.moments([2000], np.zeros(3))
    law = Discrete(theory.modes).stationary
    np.testing.assert_allclose(found.covariance[0], law, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(np.diag(theory.covariance), law[0, 0], rtol=1e-9)
    assert (theory.modes.c > theory.frozen.c * 1.01).any()


def test_moments_of_inputs_replace_the_sum_over_examples(monkeypatch):
    """Pairs packed in another order, or counted once for twice; and `at` that forgets a point."""
    x = RNG.normal(size=(50, 4)) + 0.3
    y = x[:, 0] * x[:, 1] + RNG.normal(size=50)
    start, steps = np.ones(4), [0, 1, 5, 30]
    point = {"learning_rate": 0.05, "batch_size": 2, "momentum": 0.6, "weight_decay": 0.1}
    other = Regression(x, y, 0.01).at(**point, replacement=False)
    packed = other.moments(steps, start), other.modes.c
    monkeypatch.setattr("soret.theory.phase_space.regression._PAIRS", 0)
    summed = Regression(x, y, **point, replacement=False)
    for found, expected in zip(packed, (summed.moments(steps, start), summed.modes.c), strict=True):
        if isinstance(found, np.ndarray):
            np.testing.assert_allclose(found, expected, rtol=1e-9)
        else:
            np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-9, atol=1e-12)


def test_moments_of_a_data_set_do_not_lose_their_symmetry():
    """Rounding that grows: 400 steps near the stability limit end in the stationary law."""
    x = RNG.normal(size=(200, 4)) * [1.0, 0.7, 0.5, 0.4]
    theory = Regression(x, RNG.normal(size=200), 1.4, 200, 0.9)
    found = theory.moments([400], np.ones(4)).covariance[0]
    np.testing.assert_allclose(found, Discrete(theory.modes).stationary, rtol=1e-6, atol=1e-9)


def test_second_moments_without_bound_are_refused():
    """A stable mean with a variance that grows: a fixed point that does not exist."""
    h = np.ones(10)
    with pytest.raises(OutsideDomain, match="without bound"):
        gaussian_noise(Modes(h, 0.0, 0.5), 1.0)
    x = np.random.default_rng(0).normal(size=(40, 10))
    with pytest.raises(OutsideDomain, match="without bound"):
        Regression(x, x[:, 0] ** 2, 0.5).modes  # noqa: B018


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"learning_rate": 2.0}, "unstable"),
        ({"learning_rate": 1.9, "weight_decay": 0.2}, "unstable"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"batch_size": 0}, "batch_size"),
        ({"noise": [1.0, 2.0]}, "noise"),
        ({"curvature": [-1.0]}, "curvature"),
        ({"batch_size": 5, "examples": 4}, "examples"),
    ],
)
def test_arguments_outside_the_domain_are_refused(changed, message):
    """A number where the law does not exist."""
    with pytest.raises(OutsideDomain, match=message):
        Modes(**({"curvature": [1.0], "noise": [1.0], "learning_rate": 0.1} | changed))


def test_steps_that_are_none_are_refused():
    """Half a step, or the past."""
    theory = Discrete(modes(*SETTINGS[0]))
    for lags in ([0.5], [-1]):
        with pytest.raises(OutsideDomain, match="whole numbers"):
            theory.displacement(lags)
    with pytest.raises(OutsideDomain, match="rise"):
        gaussian_moments(theory.modes, 1.0, [3, 1], [0.0, 0.0], np.zeros((2, 2)))


def test_many_modes_take_no_time():
    """A loop over modes: 10⁵ of them, every law at once, in a second of a quiet core."""
    h = np.geomspace(1e-8, 1, 100_000)
    theory = Discrete(Modes(h, h, 0.1, 10, 0.9, 1e-5))
    began = time.process_time()
    theory.moments([10_000], [1.0, 0.0], np.zeros((2, 2)))
    theory.displacement([1, 100, 10_000])
    assert theory.stationary.shape == (2, 2, 100_000)
    # Twice what is claimed, for a machine that is slower than the one it was measured on.
    assert time.process_time() - began < 2
