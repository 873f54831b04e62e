"""Noise, stationary laws, rates and the time change: against each other and against quadrature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from soret.errors import OutsideDomain
from soret.theory import escape

# At n = 6 the critical temperature is ½.
heats = st.floats(0.02, 0.3)
dimensions = st.integers(1, 6)
makers = st.sampled_from([escape.stationary_law, escape.regression_law])


def test_the_exact_covariance_is_that_of_sampled_gradients():
    """∇L∇Lᵀ with a wrong factor, or the factor for batches without replacement upside down.

    Entries are averages of 400,000 products; six standard errors: false alarms below 1e-7.
    """
    rng = np.random.default_rng(1)
    hessian = np.array([[2.0, 0.5], [0.5, 1.0]])
    z, loss, rate, batch, examples = np.array([0.7, -1.1]), 0.3, 0.2, 5, 20
    x = rng.multivariate_normal([0, 0], hessian, size=400_000)
    noise = rng.normal(scale=np.sqrt(2 * loss), size=400_000)
    gradients = x * (x @ z - noise)[:, None]
    gradients = gradients - hessian @ z
    products = gradients[:, :, None] * gradients[:, None, :]
    scale = rate**2 / batch * (examples - batch) / (examples - 1)
    found = escape.regression_noise_covariance(z, hessian, loss, rate, batch, examples)
    errors = scale * products.std(0) / np.sqrt(len(products))
    assert (abs(found - scale * products.mean(0)) < 6 * errors).all()
    # The paper's lacks (η²/B)∇L∇Lᵀ and nothing else.
    whole = loss + 0.5 * z @ hessian @ z
    paper = escape.noise_covariance(whole, hessian, rate, batch, examples)
    np.testing.assert_allclose(found - paper, scale * np.outer(hessian @ z, hessian @ z))
    assert not escape.noise_covariance(whole, hessian, rate, examples, examples).any()


@settings(deadline=None, max_examples=40)
@given(makers, heats, dimensions, st.floats(0.1, 3), st.floats(0.2, 4))
def test_laws_are_normalized_with_the_moments_they_state(maker, heat, n, loss, curvature):
    """A Γ function off by a half, or the scale s of one theory in the other."""
    law = maker(loss, heat / curvature, 1, curvature, n)

    def average(function):
        def inner(u):
            r = law.scale * u / (1 - u)
            value = np.exp(law.log_radial_density(r)) if u > 0 else 0.0
            return value * function(r) * law.scale / (1 - u) ** 2

        return integrate.quad(inner, 0, 1 - 1e-9, epsrel=1e-10, limit=400)[0]

    assert average(lambda r: 1) == pytest.approx(1, rel=1e-6)
    order = 0.4 * (2 * law.exponent - n)
    assert average(lambda r: r**order) == pytest.approx(law.moment(order), rel=1e-5)
    r = law.radius_at(2.5)
    assert loss + curvature * r**2 / 2 == pytest.approx(2.5 * loss)
    assert average(lambda q: q <= r) == pytest.approx(law.cumulative(r), abs=1e-5)
    assert law.cumulative(r) + law.survival(r) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("maker", [escape.stationary_law, escape.regression_law])
def test_laws_solve_the_fokker_planck_equation_in_the_plane(maker):
    """A law of the radius alone that the full covariance, across z too, does not leave alone.

    0 = Σ∂_i(hz_iP) + ½Σ∂_i∂_j(ΣᵢⱼP/η), by central differences with an error of order 1e-6.
    """
    rate, batch, h, loss, d = 0.3, 2, 1.5, 0.7, 1e-3
    law = maker(loss, rate, batch, h, 2)

    def spread(z):
        if maker is escape.regression_law:
            noise = escape.regression_noise_covariance(z, h * np.eye(2), loss, rate, batch)
        else:
            noise = escape.noise_covariance(loss + h * (z**2).sum() / 2, h * np.eye(2), rate, batch)
        return noise / rate * law.density(np.linalg.norm(z))

    def flow(z):
        return h * z * law.density(np.linalg.norm(z))

    shifts = d * np.eye(2)
    for z in ([0.3, 0.2], [-1.0, 0.6], [0.1, 2.0]):
        z = np.array(z)
        drift = sum((flow(z + s)[i] - flow(z - s)[i]) / (2 * d) for i, s in enumerate(shifts))
        noise = sum(
            0.5
            * (spread(z + s + t) - spread(z + s - t) - spread(z - s + t) + spread(z - s - t))[i, j]
            / (4 * d**2)
            for i, s in enumerate(shifts)
            for j, t in enumerate(shifts)
        )
        assert abs(drift + noise) < 1e-4 * law.density(np.linalg.norm(z))


@settings(deadline=None, max_examples=20)
@given(makers, heats)
def test_laws_agree_with_the_zero_flux_quadrature(maker, heat):
    """Eq. 17 without its 1, which Itô noise adds: the quadrature has p ∝ 1/D × exp ∫(a/D)."""
    law = maker(0.5, heat, 1)
    steeper = 2 if maker is escape.regression_law else 1
    found = escape.zero_flux_density(
        lambda z: -z, lambda z: heat * (1 + steeper * z**2) / 2, -40, 40
    )
    inside = law.cumulative(40.0)
    np.testing.assert_allclose(found.density, law.density(found.points) / inside, rtol=1e-7)


@settings(deadline=None)
@given(heats, dimensions, st.floats(0.5, 3))
def test_tails_and_critical_dimensions_fit_together(heat, n, curvature):
    """The exponent of times that is not that of the law, or n_c not where the law is lost."""
    rate = heat / curvature
    law = escape.stationary_law(0.5, rate, 1, curvature, n)
    exact = escape.regression_law(0.5, rate, 1, curvature, n)
    assert law.survival_exponent == pytest.approx(
        escape.escape_exponent(rate, 1, curvature, n), rel=1e-12
    )
    assert exact.survival_exponent == pytest.approx(
        escape.regression_escape_exponent(rate, 1, curvature, n), rel=1e-12
    )
    for maker, dimension in (
        (escape.stationary_law, escape.critical_dimension(rate, 1, curvature)),
        (escape.regression_law, escape.regression_critical_dimension(rate, 1, curvature)),
    ):
        # Away from n_c itself, which rounding may put on either side of a whole number.
        below, above = np.ceil(dimension - 1e-9) - 1, np.floor(dimension + 1e-9) + 1
        assert maker(0.5, rate, 1, curvature, int(below)).exponent > 0
        with pytest.raises(OutsideDomain, match="normalized"):
            maker(0.5, rate, 1, curvature, int(above))


def test_rates_meet_kramers_where_the_noise_hardly_changes():
    """Eq. 15 with a wrong prefactor: as Lˢ → L* both rates are of one noise."""
    for small in (1e-3, 1e-4):
        loss, rate, batch = 2.0, 0.1, 10
        heat = escape.frozen_diffusion(loss, 1.5, rate, batch)
        law = escape.escape_rate(loss, loss + small, 1.5, -0.7, rate, batch, 3)
        rival = escape.kramers_rate(small, 1.5, -0.7, heat)
        assert law == pytest.approx(rival, rel=2 * small)


@settings(deadline=None)
@given(st.floats(1.5, 10), st.floats(0.02, 0.2), st.integers(1, 8), st.floats(0.5, 2))
def test_a_rate_depends_on_losses_by_their_ratio(ratio, heat, n, loss):
    """A rate that changes with the unit of the loss, or that a lower minimum does not lower."""
    rate = escape.escape_rate(loss, ratio * loss, 1.0, -1.0, heat, 1, n)
    assert rate == pytest.approx(escape.escape_rate(1.0, ratio, 1.0, -1.0, heat, 1, n), rel=1e-9)
    assert rate < escape.escape_rate(1.0, 0.9 * ratio, 1.0, -1.0, heat, 1, n)
    # Sharper minima and more outliers are left sooner.
    assert rate < escape.escape_rate(loss, ratio * loss, 1.1, -1.0, heat, 1, n)
    assert rate < escape.escape_rate(loss, ratio * loss, 1.0, -1.0, heat, 1, n + 1)


def test_a_path_in_the_changed_time_has_additive_noise():
    """τ summed with the loss at the wrong end of a step: the noise would not come out again."""
    rng, rate, h, dt = np.random.default_rng(2), 0.2, 1.3, 0.01
    kicks, theta = rng.normal(size=500), [0.4]
    for kick in kicks:
        loss = 0.5 + 0.5 * h * theta[-1] ** 2
        theta.append(theta[-1] - h * theta[-1] * dt + np.sqrt(2 * rate * loss * h * dt) * kick)
    theta, times = np.array(theta), dt * np.arange(501)
    losses = 0.5 + 0.5 * h * theta**2
    steps = np.diff(escape.changed_time(times, losses))
    drift = escape.log_loss_drift(losses, (h * theta)[:, None])[:-1, 0]
    left = (np.diff(theta) - drift * steps) / np.sqrt(2 * rate * h * steps)
    np.testing.assert_allclose(left, kicks, atol=1e-10)
    back = escape.original_time(escape.changed_time(times, losses), losses)
    np.testing.assert_allclose(back, times, rtol=1e-12, atol=1e-14)


def test_the_law_in_time_is_gibbs_in_the_changed_time_over_the_loss():
    """App. C: 1/L forgotten or applied twice; Gibbs' law in log L is L^{−B/(ηh)}."""
    rate, h = 0.3, 1.2
    law = escape.stationary_law(0.5, rate, 1, h)
    flat = escape.zero_flux_density(
        lambda z: -h * z / (0.5 + h * z**2 / 2), lambda z: np.full_like(z, rate * h), -60, 60
    )
    loss = 0.5 + h * flat.points**2 / 2
    found = escape.density_in_time(flat.density, loss, flat.weights)
    np.testing.assert_allclose(found, law.density(flat.points), rtol=1e-5)
    again = escape.density_in_changed_time(found, loss, flat.weights)
    np.testing.assert_allclose(again, flat.density, rtol=1e-10)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: escape.noise_covariance(-1.0, np.eye(2), 0.1, 1),
        lambda: escape.noise_covariance(1.0, np.diag([1.0, -1.0]), 0.1, 1),
        lambda: escape.noise_covariance(1.0, [[1.0, 2.0], [0.0, 1.0]], 0.1, 1),
        lambda: escape.noise_covariance(1.0, np.eye(2), 0.1, 11, examples=10),
        lambda: escape.noise_covariance(1.0, np.eye(2), np.nan, 1),
        lambda: escape.regression_noise_covariance([1.0], np.eye(2), 1.0, 0.1, 1),
        lambda: escape.escape_rate(1.0, 0.9, 1.0, -1.0, 0.1, 1),
        lambda: escape.escape_rate(0.0, 0.9, 1.0, -1.0, 0.1, 1),
        lambda: escape.escape_rate(1.0, 2.0, 1.0, 1.0, 0.1, 1),
        lambda: escape.escape_rate(1.0, 2.0, 1.0, -1.0, 0.1, 1, dimension=22),
        lambda: escape.regression_escape_exponent(0.1, 1, 1.0, 23),
        lambda: escape.kramers_rate(1.0, 1.0, -1.0, 0.0),
        lambda: escape.critical_dimension(0.1, 0.5),
        lambda: escape.stationary_law(0.0, 0.1, 1),
        lambda: escape.stationary_law(0.5, 0.1, 1, dimension=1.5),
        lambda: escape.stationary_law(0.5, 0.5, 1).moment(5),
        lambda: escape.stationary_law(0.5, 0.5, 1).radius_at(0.9),
        lambda: escape.changed_time([0, 1, 1], [1, 1, 1]),
        lambda: escape.changed_time([0, 1], [1, 0]),
        lambda: escape.changed_time([0, 1], [1, 1, 1]),
        lambda: escape.density_in_time([0, 0], [1, 1], [1, 1]),
    ],
)
def test_what_is_outside_the_theory_is_refused(wrong):
    """A number returned where there is none."""
    with pytest.raises(OutsideDomain):
        wrong()
