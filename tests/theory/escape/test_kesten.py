"""Kesten exponents: against closed forms, polynomials and sampled batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from soret.theory import escape


def test_kesten_exponents_are_those_stated():
    """Three settings whose exponents are known to four digits from another computation."""
    for setting, alpha in (((0.1, 1), 17.28), ((0.1, 2), 33.55), ((0.05, 1), 35.24)):
        assert escape.kesten_exponent(*setting) == pytest.approx(alpha, abs=0.006)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 20), st.integers(1, 12), st.floats(0.5, 2))
@pytest.mark.slow
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
@pytest.mark.slow
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
