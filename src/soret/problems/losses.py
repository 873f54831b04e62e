"""Losses of one example: ``loss(output, label) -> scalar``."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from soret.errors import SettingsError

Loss = Callable[[Array, Array], Array]


def binary_cross_entropy(
    output: Float[Array, "*one"], label: Int[Array, ""] | Float[Array, ""]
) -> Float[Array, ""]:
    """−y ln σ(f) − (1−y) ln(1−σ(f)) of a logit f and a label y in {0, 1}."""
    logit = output.reshape(())
    return optax.losses.sigmoid_binary_cross_entropy(logit, label.astype(logit.dtype))


def cross_entropy(output: Float[Array, "classes"], label: Int[Array, ""]) -> Float[Array, ""]:
    """−ln softmax(f)_y of class scores f and an integer label y."""
    return optax.losses.softmax_cross_entropy_with_integer_labels(output, label)


def mean_square(
    output: Float[Array, "*shape"], label: Float[Array, "*shape"] | Int[Array, "*shape"]
) -> Float[Array, ""]:
    """½‖f − y‖²."""
    residual = output - label.astype(output.dtype).reshape(output.shape)
    return jnp.asarray(0.5, output.dtype) * jnp.sum(residual**2)


def mean_square_sign(
    output: Float[Array, "*one"], label: Int[Array, ""] | Float[Array, ""]
) -> Float[Array, ""]:
    """½(f − s)² of a scalar f and the sign s = 2y − 1 of a label y in {0, 1}."""
    return mean_square(output.reshape(()), 2 * label - 1)


def mean_square_one_hot(output: Float[Array, "classes"], label: Int[Array, ""]) -> Float[Array, ""]:
    """½‖f − e_y‖² of class scores f and the unit vector of an integer label y."""
    return mean_square(output, jax.nn.one_hot(label, output.shape[-1], dtype=output.dtype))


LOSSES: dict[str, Loss] = {
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
    "mean_square": mean_square,
    "mean_square_one_hot": mean_square_one_hot,
    "mean_square_sign": mean_square_sign,
}


def of_classes(kind: str, classes: int) -> tuple[str, int]:
    """Return the loss of a classifier by name, and how many outputs it takes.

    Parameters
    ----------
    kind : {"cross_entropy", "mean_square"}
    classes : int
        Two classes take a scalar output, more take one a class.

    Raises
    ------
    SettingsError
        If the kind is none of these.
    """
    names = {
        "cross_entropy": ("binary_cross_entropy", "cross_entropy"),
        "mean_square": ("mean_square_sign", "mean_square_one_hot"),
    }
    if kind not in names:
        raise SettingsError(f"loss is {kind!r}; use 'cross_entropy' or 'mean_square'.")
    scalar, vector = names[kind]
    return (scalar, 1) if classes == 2 else (vector, classes)


def as_loss(loss: str | Loss) -> Loss:
    """Return a loss function from its name, or the function itself.

    Raises
    ------
    SettingsError
        If the name is not one of `LOSSES`.
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise SettingsError(f"loss {loss!r} is unknown; use a function or one of {sorted(LOSSES)}.")
    return LOSSES[loss]
