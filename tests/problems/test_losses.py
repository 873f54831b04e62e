"""Losses of one example against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.errors import SettingsError
from soret.problems import binary_cross_entropy, cross_entropy, label_smoothing, mean_square
from soret.problems.losses import as_loss, in_words, mean_square_one_hot, mean_square_sign

# Compiled: one operation at a time takes much longer. So below.
binary = jax.jit(binary_cross_entropy)
several = jax.jit(cross_entropy)
binary_slope = jax.jit(jax.value_and_grad(binary_cross_entropy))
several_slope = jax.jit(jax.value_and_grad(cross_entropy))

logits = st.floats(-30, 30, width=32)


@settings(max_examples=40, deadline=None)
@given(logit=logits, label=st.sampled_from([0, 1]))
def test_binary_cross_entropy(logit: float, label: int) -> None:
    """−y ln σ − (1 − y) ln(1 − σ), with the sign of the logit for the label 1."""
    expected = np.logaddexp(0, logit) - label * logit
    found = float(binary(np.float32(logit), np.int32(label)))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(scores=st.lists(logits, min_size=3, max_size=3), label=st.integers(0, 2))
def test_cross_entropy(scores: list[float], label: int) -> None:
    """−ln softmax(f)_y."""
    expected = np.logaddexp.reduce(scores) - scores[label]
    found = float(several(np.array(scores, np.float32), np.int32(label)))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_two_classes_are_one_logit() -> None:
    """Binary cross-entropy is cross-entropy of the scores (0, f)."""
    for label in (0, 1):
        one = binary_cross_entropy(jnp.float32(1.3), jnp.int32(label))
        two = cross_entropy(jnp.array([0.0, 1.3]), jnp.int32(label))
        assert float(one) == pytest.approx(float(two), rel=1e-6)


def test_mean_square_is_half_the_square() -> None:
    """A factor of two in every learning rate."""
    assert float(mean_square(jnp.float32(3.0), jnp.int32(1))) == 2.0
    assert float(mean_square(jnp.array([3.0, 0.0]), jnp.array([1.0, 1.0]))) == 2.5


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_far_logits_stay_finite(logit: float) -> None:
    """An overflow that would count as divergence."""
    for label in (0, 1):
        loss = float(binary(np.float32(logit), np.int32(label)))
        assert np.isfinite(loss)


def test_names_and_functions() -> None:
    """A name that means another loss."""
    assert as_loss("cross_entropy") is cross_entropy
    assert as_loss(max) is max
    with pytest.raises(SettingsError, match="loss 'l1' is unknown; use a function or one of"):
        as_loss("l1")


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("logit", [-30.0, -1.0, 0.0, 2.0, 30.0])
def test_gradient_of_binary_cross_entropy_is_p_minus_y(logit: float, label: int) -> None:
    """The sign that the paper's print of the loss has wrong (thermophoresis, Eq. 15)."""
    _, found = binary_slope(np.float32(logit), np.int32(label))
    assert float(found) == pytest.approx(1 / (1 + np.exp(-logit)) - label, abs=1e-6)


def exact(scores: np.ndarray, label: int) -> tuple[float, np.ndarray]:
    """Cross-entropy and its gradient in float64, from differences, so that nothing cancels."""
    ahead = np.delete(scores - scores[label], label)
    others = np.logaddexp.reduce(ahead)
    gradient = np.exp(scores - scores[label] - np.logaddexp(0, others))
    gradient[label] = -np.exp(-np.logaddexp(0, -others))
    return float(np.logaddexp(0, others)), gradient


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e8, 1e30, -1e30])
@pytest.mark.parametrize(
    "scores",
    [
        [0.0, 0.0, 0.0],
        [64.0, 0.0, -64.0],
        [0.0, 32.0, 16.0],
        [1e30, -1e30, 0.0],
        [1e8, 0.0, 1e8],
        [20.0, 0.0, 0.0],
    ],
)
def test_cross_entropy_at_all_sizes(scores: list[float], offset: float) -> None:
    """Catches: ln 3 that becomes 0 (or a gradient NaN) where scores share a large offset."""
    given = np.array(scores, np.float32) + np.float32(offset)
    for label in range(3):
        loss, gradient = exact(given.astype(float), label)
        found, slope = several_slope(given, np.int32(label))
        assert float(found) == pytest.approx(loss, rel=2e-6)
        np.testing.assert_allclose(slope, gradient, rtol=1e-5, atol=1e-37)


def test_a_loss_near_zero_keeps_its_digits() -> None:
    """Catches: 2e-9 that is 0, and a gradient that is 0 with it."""
    loss, gradient = exact(np.array([20.0, 0.0, 0.0]), 0)
    found, slope = several_slope(np.array([20.0, 0, 0], np.float32), np.int32(0))
    assert float(found) == pytest.approx(loss, rel=1e-5)
    assert loss < 1e-8
    np.testing.assert_allclose(slope, gradient, rtol=1e-5)


def test_the_hessian_of_cross_entropy() -> None:
    """diag p − p pᵀ, at an offset too: what curvature and Gauss–Newton are made of."""
    scores = np.array([1.0, -2.0, 0.5])
    p = np.exp(scores) / np.exp(scores).sum()
    hessian = jax.jit(jax.hessian(cross_entropy))
    for offset in (0.0, 64.0):
        found = hessian(np.asarray(scores + offset, np.float32), np.int32(1))
        np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), atol=1e-6)


@pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("logit", [-1e30, -1e8, -90.0, -17.0, 0.0, 17.0, 90.0, 1e8, 1e30])
def test_binary_cross_entropy_at_all_sizes(logit: float, label: float) -> None:
    """Catches: overflow, 0·∞, and a gradient rounded to 0."""
    one, zero = np.logaddexp(0, -logit), np.logaddexp(0, logit)
    expected = label * one + (1 - label) * zero
    slope = (1 - label) * np.exp(-one) - label * np.exp(-zero)
    found, gradient = binary_slope(np.float32(logit), np.float32(label))
    assert float(found) == pytest.approx(expected, rel=2e-6, abs=1e-37)
    assert float(gradient) == pytest.approx(slope, rel=1e-5, abs=1e-37)


def test_labels_of_any_type_are_the_same_labels() -> None:
    """Catches: 2·0 − 1 = 255 for bytes without a sign."""
    for dtype in (jnp.uint8, jnp.int32, jnp.bool_, jnp.float32):
        assert float(mean_square_sign(jnp.float32(0.5), jnp.asarray(0, dtype))) == 1.125
        assert float(mean_square(jnp.float32(0.5), jnp.asarray(1, dtype))) == 0.125
        assert float(binary_cross_entropy(jnp.float32(0), jnp.asarray(1, dtype))) > 0.69
    assert float(mean_square_one_hot(jnp.zeros(3), jnp.uint8(2))) == 0.5


class TestLabelSmoothing:
    @pytest.mark.parametrize("amount", [0.0, 0.1, 1.0])
    def test_is_cross_entropy_against_the_softer_target(self, amount: float) -> None:
        """Catches: α spread over K − 1 classes, or over none."""
        scores = np.array([1.0, -2.0, 0.5, 3.0])
        target = np.full(4, amount / 4) + (1 - amount) * np.eye(4)[2]
        expected = -target @ (scores - np.logaddexp.reduce(scores))
        found = jax.jit(label_smoothing(amount))(np.asarray(scores, np.float32), np.int32(2))
        assert float(found) == pytest.approx(expected, rel=1e-5)

    def test_of_a_logit_is_that_of_two_scores(self) -> None:
        smooth = jax.jit(label_smoothing(0.2))
        for label in (0, 1):
            one = smooth(jnp.float32(1.3), jnp.int32(label))
            two = smooth(jnp.array([0.0, 1.3]), jnp.int32(label))
            assert float(one) == pytest.approx(float(two), rel=1e-5)

    def test_at_an_offset(self) -> None:
        both = jax.jit(jax.value_and_grad(label_smoothing(0.1)))
        found, slope = both(np.full(3, 1e8, np.float32), np.int32(1))
        assert float(found) == pytest.approx(np.log(3), rel=1e-5)
        np.testing.assert_allclose(slope, [0.3, -0.6, 0.3], atol=1e-6)

    def test_is_named_in_a_saved_run(self) -> None:
        assert in_words(label_smoothing(0.1)) == "LabelSmoothing(amount=0.1)"
        assert in_words(cross_entropy) == "cross_entropy"
        assert label_smoothing(0.1) == label_smoothing(0.1)

    @pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan"), True, "0.1", None])
    def test_refuses(self, amount: object) -> None:
        with pytest.raises(SettingsError, match="from 0 to 1"):
            label_smoothing(amount)  # type: ignore[arg-type]
