"""Losses of one example: ``loss(output, label) -> scalar``.

What a named loss takes for outputs and labels is checked in `soret.problems.labels`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Integer, Real

from soret.errors import SettingsError

Loss = Callable[[Array, Array], Array]

# Where the label's own score is left out of a sum of exponentials; float32 begins just below.
_NOTHING = -3.4e38


def binary_cross_entropy(
    output: Float[Array, "*one"], label: Real[Array, ""] | Bool[Array, ""]
) -> Float[Array, ""]:
    """−y ln σ(f) − (1−y) ln(1−σ(f)) of a logit f and a label y in {0, 1}, or between."""
    logit = output.reshape(())
    return optax.losses.sigmoid_binary_cross_entropy(logit, label.astype(logit.dtype))


def cross_entropy(output: Float[Array, "classes"], label: Integer[Array, ""]) -> Float[Array, ""]:
    """−ln softmax(f)_y of class scores f and an integer label y.

    Written as ln(1 + Σ_{j≠y} exp(f_j − f_y)): differences of scores come first, so that an offset
    they share costs no digits, and neither a loss near 0 nor its gradient is rounded to it.
    """
    own = jnp.arange(output.shape[-1]) == label
    ahead = output - jnp.sum(jnp.where(own, output, 0))
    others = jnp.where(own, _NOTHING, jnp.maximum(ahead, _NOTHING))
    return jnp.logaddexp(jax.nn.logsumexp(others), 0)


def mean_square(
    output: Float[Array, "..."], label: Real[Array, "..."] | Bool[Array, "..."]
) -> Float[Array, ""]:
    """½‖f − y‖² of a label of the output's shape, or one number of either kind."""
    residual = output - label.astype(output.dtype).reshape(output.shape)
    return jnp.asarray(0.5, output.dtype) * jnp.sum(residual**2)


def mean_square_sign(
    output: Float[Array, "*one"], label: Real[Array, ""] | Bool[Array, ""]
) -> Float[Array, ""]:
    """½(f − s)² of a scalar f and the sign s = 2y − 1 of a label y in {0, 1}."""
    # As a float first: of bytes without a sign, 2·0 − 1 is 255.
    return mean_square(output.reshape(()), 2 * label.astype(output.dtype) - 1)


def mean_square_one_hot(
    output: Float[Array, "classes"], label: Integer[Array, ""]
) -> Float[Array, ""]:
    """½‖f − e_y‖² of class scores f and the unit vector of an integer label y."""
    return mean_square(output, jax.nn.one_hot(label, output.shape[-1], dtype=output.dtype))


LOSSES: dict[str, Loss] = {
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
    "mean_square": mean_square,
    "mean_square_one_hot": mean_square_one_hot,
    "mean_square_sign": mean_square_sign,
}


def as_loss(loss: str | Loss) -> Loss:
    """Return a loss function from its name, or the function itself.

    Raises
    ------
    SettingsError
        If the name is not one of `LOSSES`.
    """
    if callable(loss):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise SettingsError(f"loss {loss!r} is unknown; use a function or one of {sorted(LOSSES)}.")
    return LOSSES[loss]


def in_words(loss: str | Loss) -> str:
    """Return what a loss is called in a saved run."""
    if isinstance(loss, str):
        return loss
    named: Any = {function: name for name, function in LOSSES.items()}
    try:
        return str(named.get(loss) or getattr(loss, "__qualname__", None) or repr(loss))
    except TypeError:  # not hashable
        return repr(loss)
