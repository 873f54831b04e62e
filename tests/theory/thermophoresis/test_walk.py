"""Flows of walks: the formulas against each other, against jumps counted exactly, and refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize

from soret.errors import OutsideDomain
from soret.theory import thermophoresis as theory


def random_fields(seed, n, points=5):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(points, n)),
        rng.normal(size=(points, n, n)),
        rng.uniform(0.1, 2, size=points),
        rng.normal(size=(points, n)),
        rng.uniform(0.01, 0.2, size=points),
    )


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_the_parts_add_up_to_the_exact_flow(seed, n):
    """A sign or a factor wrong in one of the four parts."""
    fields = random_fields(seed, n)
    whole = theory.ito_flux(*fields)
    np.testing.assert_allclose(sum(theory.ito_parts(*fields)), whole, atol=1e-9 * abs(whole).max())


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_the_printed_formula_is_the_thermophoretic_part_and_twice_the_diffusive(seed, n):
    """What the errata say of Eq. 10, for any field."""
    fields = random_fields(seed, n)
    unit = fields[0] / np.linalg.norm(fields[0], axis=-1, keepdims=True)
    printed, parts = theory.flow_density(*fields), theory.ito_parts(*fields)
    along = [(part * unit).sum(-1) for part in parts]
    np.testing.assert_allclose(printed.diffusive, 2 * along[0], rtol=1e-10)
    np.testing.assert_allclose(printed.thermophoretic, along[1], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(along[3], 0, atol=1e-12)
    np.testing.assert_allclose(printed.total, printed.diffusive + printed.thermophoretic)


def test_the_exact_flow_is_the_divergence_it_says_it_is():
    """Indices of the Jacobian swapped: the field is neither symmetric nor free of divergence."""

    def g(q):
        return np.stack([1 + q[..., 0] * q[..., 1] ** 2, np.exp(0.3 * q[..., 0]) + q[..., 1]], -1)

    def density(q):
        return 1 + 0.2 * np.sin(q[..., 0]) * q[..., 1]

    def spread(q):
        return (g(q)[..., :, None] * g(q)[..., None, :]) * density(q)[..., None, None]

    q = np.random.default_rng(0).uniform(0.2, 1, size=(7, 2))
    flat = theory.differentiate(lambda at: spread(at).reshape(*at.shape[:-1], 4), q)
    divergence = np.einsum("pijj->pi", flat.reshape(-1, 2, 2, 2))
    found = theory.ito_flux(
        g(q), theory.differentiate(g, q), density(q), theory.differentiate(density, q), 0.3
    )
    np.testing.assert_allclose(found, -0.5 * 0.3**2 * divergence, rtol=1e-8)


def crossing(g, density, at, rate):
    """The mass that a step carries to the right across `at`, counted with no expansion."""
    from_left = optimize.brentq(lambda q: q + rate * g(q) - at, at - 1, at)
    from_right = optimize.brentq(lambda q: q - rate * g(q) - at, at, at + 1)
    right = integrate.quad(density, from_left, at, epsrel=1e-12)[0]
    left = integrate.quad(density, at, from_right, epsrel=1e-12)[0]
    return (right - left) / 2


@pytest.mark.parametrize("slope", [0.0, 0.4])
@pytest.mark.parametrize("tilt", [0.0, 0.7])
def test_the_flow_in_one_dimension_is_what_crosses(slope, tilt):
    """The factor of the diffusive part, against mass counted with no expansion at all.

    The printed formula must be off by a factor of two where there is only diffusion.
    """

    def g(q):
        return 1 + slope * q + 0.1 * slope * q**2

    def density(q):
        return np.exp(tilt * q)

    def exact(rate):
        return crossing(g, density, 0.3, rate) / rate**2

    # The error is of order η²: two step sizes remove it.
    counted = (4 * exact(0.01) - exact(0.02)) / 3
    at = np.array([0.3])
    fields = (
        g(at),
        np.array([[slope + 0.2 * slope * 0.3]]),
        density(0.3),
        tilt * density(at),
    )
    assert theory.ito_flux(*fields)[0] == pytest.approx(counted, rel=1e-6, abs=1e-9)
    if slope == 0 and tilt > 0:
        assert theory.flow_density(*fields).total == pytest.approx(2 * counted, rel=1e-6)
    if tilt == 0 and slope > 0:
        assert theory.flow_density(*fields).total == pytest.approx(counted, rel=1e-6)


def test_one_coordinate_gives_the_one_dimensional_limit():
    """Eq. 34 and 35 against Eq. 12 and a derivative taken numerically."""
    q = np.linspace(0.1, 1, 9)[:, None]

    def g(at):
        return 1 + np.sin(at)

    slope = theory.differentiate(g, q)
    limit = theory.soret_coefficient_1d(g(q)[:, 0], slope[:, 0, 0], 0.1)
    np.testing.assert_allclose(theory.soret_coefficient(g(q), slope, 0.1), limit)
    squares = theory.differentiate(lambda at: g(at) ** 2, q)[:, 0, 0]
    np.testing.assert_allclose(limit, -0.5 * 0.1**2 * squares, rtol=1e-8)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_soret_coefficient_is_not_above_zero_under_the_papers_condition(seed):
    """Eq. 12: ∂_i g_j ≥ 0 and g of one sign."""
    rng = np.random.default_rng(seed)
    g, jacobian = rng.uniform(0.01, 1, (6, 3)), rng.uniform(0, 1, (6, 3, 3))
    assert (theory.soret_coefficient(g, jacobian) <= 0).all()
    np.testing.assert_allclose(
        theory.soret_coefficient(g, jacobian, 0.5), 0.25 * theory.soret_coefficient(g, jacobian)
    )


def test_what_is_outside_the_domain_is_refused():
    """A number returned where there is none."""
    g, jacobian, density, gradient, rate = random_fields(0, 2)
    for fields in (
        (0 * g, jacobian, density, gradient, rate),
        (g, jacobian, -density, gradient, rate),
        (g, jacobian, density, gradient, 0 * rate),
        (g, jacobian, density, gradient[:, :1], rate),
        (g, jacobian[:, :1], density, gradient, rate),
        (np.nan * g, jacobian, density, gradient, rate),
    ):
        with pytest.raises(OutsideDomain):
            theory.flow_density(*fields)
        with pytest.raises(OutsideDomain):
            theory.ito_parts(*fields)
    with pytest.raises(OutsideDomain):
        theory.soret_coefficient_1d(-1.0, 1.0)
    with pytest.raises(OutsideDomain):
        theory.differentiate(np.sin, np.ones((1, 1)), step=0)
