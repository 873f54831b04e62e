"""Where arrays are made."""

import jax
import jax.numpy as jnp

from soret.numerics.configuration import single_precision


@single_precision()
def default_device() -> jax.Device:
    """Return the device that JAX puts arrays on where nobody says otherwise."""
    (device,) = jnp.zeros(()).devices()
    return device
