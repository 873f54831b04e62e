"""Losses of one example against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.errors import SettingsError
from soret.problems import binary_cross_entropy, cross_entropy, mean_square
from soret.problems.losses import as_loss

logits = st.floats(-30, 30, width=32)


@settings(max_examples=40, deadline=None)
@given(logit=logits, label=st.sampled_from([0, 1]))
def test_binary_cross_entropy(logit: float, label: int) -> None:
    """−y ln σ − (1 − y) ln(1 − σ), with the sign of the logit for the label 1."""
    expected = np.logaddexp(0, logit) - label * logit
    found = float(binary_cross_entropy(jnp.float32(logit), jnp.int32(label)))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(scores=st.lists(logits, min_size=3, max_size=3), label=st.integers(0, 2))
def test_cross_entropy(scores: list[float], label: int) -> None:
    """−ln softmax(f)_y."""
    expected = np.logaddexp.reduce(scores) - scores[label]
    found = float(cross_entropy(jnp.array(scores, jnp.float32), jnp.int32(label)))
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
        loss = float(binary_cross_entropy(jnp.float32(logit), jnp.int32(label)))
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
    found = jax.grad(lambda f: binary_cross_entropy(f, jnp.int32(label)))(jnp.float32(logit))
    assert float(found) == pytest.approx(1 / (1 + np.exp(-logit)) - label, abs=1e-6)
