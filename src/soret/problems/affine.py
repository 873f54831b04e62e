"""The affine map of a layer."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float


def affine(values: Mapping[str, Array], x: Float[Array, "inputs"]) -> Float[Array, "outputs"]:
    """Return W x + b, or W x where there is no bias.

    Of many examples XLA multiplies in the order that is written: with the examples first, their
    outputs lie one after the other, as the next layer reads them, and nothing is transposed.

    Parameters
    ----------
    values : mapping
        W (outputs, inputs), and b (outputs,) where there is a bias.
    x : (inputs,)
    """
    a = jnp.tensordot(x, values["W"], (0, 1))
    return a + values["b"] if "b" in values else a
