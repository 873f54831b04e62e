"""The noise of one hidden unit: closed forms against quadrature and against samples."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from soret.errors import OutsideDomain
from soret.theory import thermophoresis as theory

bias = st.floats(-2, 2)
norm = st.floats(0.2, 3)


@settings(deadline=None, max_examples=50)
@given(bias, norm)
def test_the_closed_forms_are_the_integrals(b, s):
    """A slip in φ1, φ2 or a derivative: the same integrals by quadrature."""
    assume(b / s > -5)
    closed = theory.amplitudes(b, s)
    normal = stats.norm(scale=s)
    integrated = theory.amplitudes_by_quadrature(b, normal.pdf, (-9 * s, 9 * s))
    np.testing.assert_allclose(closed, integrated, rtol=1e-7, atol=1e-11)


def test_the_derivatives_are_derivatives():
    """∂_bφ1 and ∂_bφ2 against differences of φ1 and φ2."""
    b = np.linspace(-2, 2, 9)[:, None]

    def phis(at):
        return np.stack(theory.amplitudes(at[:, 0], 0.7)[:2], -1)

    differences = theory.differentiate(phis, b)[..., 0]
    found = np.stack(theory.amplitudes(b[:, 0], 0.7)[2:], -1)
    np.testing.assert_allclose(found, differences, rtol=1e-8)


def test_far_below_zero_the_closed_form_keeps_its_digits():
    """Cancellation: E[a₊²] is 2ϕ(t)/|t|³ for t → −∞, and a unit never on is refused."""
    t = -30.0
    leading = 2 * stats.norm.pdf(t) / 30**3 * (1 - 6 / 30**2 + 45 / 30**4)
    assert theory.amplitudes(t, 1.0).phi1 ** 2 == pytest.approx(leading / 4, rel=1e-5)
    with pytest.raises(OutsideDomain):
        theory.amplitudes(-50.0, 1.0)


def test_uniform_inputs_by_quadrature():
    """Sums of uniform inputs, where the answer is a polynomial: u ~ U(0, 1), b = −¼."""
    found = theory.amplitudes_by_quadrature(-0.25, np.ones_like, (0.0, 1.0))
    assert found.phi1**2 == pytest.approx(0.75**3 / 12, rel=1e-10)
    assert found.phi2**2 == pytest.approx(0.75 / 4, rel=1e-10)
    assert found.dphi2 == pytest.approx(0.25 / (2 * found.phi2), rel=1e-6)


def test_the_residual_of_the_net_itself():
    """(p−y)² that depends on the output, against a large sample.

    4·10⁶ examples: five standard errors are 0.4 % of φ2², so a false alarm is below 10⁻⁶.
    """
    V, b = 2.0, 0.3
    rng = np.random.default_rng(1)
    a = rng.normal(size=4_000_000) + b
    p = special.expit(V * np.maximum(a, 0))
    residual = (p - rng.integers(0, 2, a.size)) ** 2
    found = theory.amplitudes_by_quadrature(
        b,
        stats.norm.pdf,
        (-9.0, 9.0),
        lambda a: 0.25 + (special.expit(V * a) - 0.5) ** 2,
    )
    for value, sample in (
        (found.phi1**2, residual * np.maximum(a, 0) ** 2),
        (found.phi2**2, residual * (a > 0)),
    ):
        assert abs(value - sample.mean()) < 5 * sample.std() / np.sqrt(a.size)
    assert found.phi2 > theory.amplitudes(b, 1.0).phi2


@settings(deadline=None)
@given(st.floats(0.01, 3), bias, norm, st.floats(0.1, 2), st.integers(1, 8))
def test_psi_is_the_soret_coefficient_of_its_walk(V, b, s, density, batch):
    """Eq. 27 as printed against Eq. 12 applied to g = (φ1, Vφ2)/√B."""
    found = theory.amplitudes(b, s)
    g, jacobian = theory.as_walk(V, found, batch)
    coefficient = theory.soret_coefficient(g, jacobian) * density
    np.testing.assert_allclose(coefficient, -theory.psi(V, found, density) / batch, rtol=1e-10)
    assert (theory.psi(V, found, density) >= 0).all()


def test_psi_is_proportional_to_the_residual():
    """The bound of Sec. 5: of second degree in p−y."""
    full, half = theory.amplitudes(0.2, 1.3, 0.25), theory.amplitudes(0.2, 1.3, 0.125)
    assert theory.psi(0.4, half) == pytest.approx(theory.psi(0.4, full) / 2)


def test_the_jacobian_of_the_walk_is_one():
    """∂_j g_i at [i, j], along V and b."""
    q = np.array([[0.3, -0.2], [1.0, 0.5]])

    def g(at):
        return theory.as_walk(at[:, 0], theory.amplitudes(at[:, 1], 0.8), 2)[0]

    jacobian = theory.as_walk(q[:, 0], theory.amplitudes(q[:, 1], 0.8), 2)[1]
    np.testing.assert_allclose(jacobian, theory.differentiate(g, q), atol=1e-9)


def test_moments_in_closed_form_are_those_of_a_sample():
    """h_V, h_W, h_b and the rate; five standard errors each, false alarms below 10⁻⁶."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400_000, 3))
    V, W, b = -0.7, np.array([0.5, -1.0, 0.2]), -0.4
    closed = theory.gradient_moments(V, W, b)
    sampled = theory.gradient_moments_of(V, W, b, x)
    for exact, estimate in zip(closed, sampled, strict=True):
        # The largest deviation of any summand is that of a₊², below 3.
        np.testing.assert_allclose(estimate, exact, atol=5 * 3 / np.sqrt(len(x)))


NETS = st.integers(0, 10**6)


def pair(seed, nonnegative=False):
    """A unit and one of larger V², b, and inputs; W and a W that is larger everywhere."""
    rng = np.random.default_rng(seed)
    features = rng.integers(1, 8)
    scale = np.exp(rng.uniform(-2, 2))
    V = rng.normal() * rng.choice([-1, 1])
    W, b = scale * rng.normal(size=features), scale * rng.normal()
    low, high = (
        (V, W, b),
        (
            -V * (1 + rng.exponential()),
            W + scale * rng.exponential(size=features) * rng.integers(0, 2, features),
            b + scale * rng.exponential() * rng.integers(0, 2),
        ),
    )
    x = rng.normal(size=(200, features))
    return low, high, np.abs(x) if nonnegative else x


@settings(deadline=None, max_examples=300)
@given(NETS)
def test_moments_are_monotone_in_the_square_of_v_and_in_b(seed):
    """Property 4.1, exactly for every set of inputs, and in closed form."""
    (V, W, b), (larger_V, _, larger_b), x = pair(seed)
    for moments in (
        lambda V, b: theory.gradient_moments_of(V, W, b, x),
        lambda V, b: theory.gradient_moments(V, W, b),
    ):
        for low, high in zip(moments(V, b), moments(larger_V, larger_b), strict=True):
            assert (low <= high * (1 + 1e-12) + 1e-300).all()


@settings(deadline=None, max_examples=300)
@given(NETS)
def test_with_inputs_that_are_not_negative_moments_are_monotone_in_w(seed):
    """Property 4.2."""
    low, high, x = pair(seed, nonnegative=True)
    below, above = (theory.gradient_moments_of(*unit, x) for unit in (low, high))
    for small, large in zip(below, above, strict=True):
        assert (small <= large * (1 + 1e-12)).all()


def test_property_42_as_printed_has_the_weights_mixed_up():
    """With w2 on the left and w1 on the right, as h_W and h_b are printed, it is wrong."""
    x = np.ones((1, 1))
    left = theory.gradient_moments_of(1.0, np.array([2.0]), -1.0, x)
    right = theory.gradient_moments_of(1.0, np.array([0.5]), -1.0, x)
    assert left.bias > right.bias
    assert (left.weights > right.weights).all()


def test_with_gaussian_inputs_moments_are_not_monotone_in_w():
    """Why W is left out of U for x ~ N(0, I): the condition x ≥ 0 is needed."""
    low = theory.gradient_moments(1.0, np.array([-2.0]), 0.0)
    high = theory.gradient_moments(1.0, np.array([-1.0]), 0.0)
    assert high.output_weight < low.output_weight


def test_what_a_unit_cannot_be_is_refused():
    """A number returned where there is none."""
    found = theory.amplitudes(0.0, 1.0)
    for attempt in (
        lambda: theory.amplitudes(0.0, 0.0),
        lambda: theory.amplitudes(0.0, 1.0, -0.1),
        lambda: theory.psi(-1.0, found),
        lambda: theory.psi(1.0, found, -1.0),
        lambda: theory.as_walk(-1.0, found),
        lambda: theory.as_walk(1.0, found, 0),
        lambda: theory.gradient_moments(1.0, np.zeros(3), 0.0),
        lambda: theory.gradient_moments_of(1.0, np.ones(3), 0.0, np.ones((5, 2))),
        lambda: theory.amplitudes_by_quadrature(-2.0, np.ones_like, (0.0, 1.0)),
        lambda: theory.amplitudes_by_quadrature(0.0, np.ones_like, (1.0, 1.0)),
        lambda: theory.amplitudes_by_quadrature(0.0, lambda u: -np.ones_like(u), (0.0, 1.0)),
    ):
        with pytest.raises(OutsideDomain):
            attempt()
