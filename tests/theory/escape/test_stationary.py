"""Stationary distributions: against quadrature and the Fokker–Planck equation."""

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
