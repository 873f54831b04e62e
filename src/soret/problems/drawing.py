"""A user's `init` as a function of the key alone."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from soret.data import generator
from soret.errors import SettingsError


def from_key(init: Callable[..., Any], x: jax.ShapeDtypeStruct, name: str) -> Callable[..., Any]:
    """Return ``init`` itself, or, where it asks for more than a key, with an example of zeros.

    Flax's and Haiku's ``module.init(key, example)`` find the shapes of the parameters by running
    the module.

    Raises
    ------
    SettingsError
        If it fails either way.
    """
    try:
        eqx.filter_eval_shape(init, key_shape())
    except TypeError as error:
        if "missing" not in str(error):
            raise
        missing = str(error)
    else:
        return init

    def with_example(key: Array) -> Any:
        return init(key, jnp.zeros(x.shape, x.dtype))

    try:
        eqx.filter_eval_shape(with_example, key_shape())
    except Exception as error:
        raise SettingsError(
            f"init(key) of problem {name!r} fails: {missing}; and init(key, example), with an "
            f"example of shape {x.shape}, too: {error}"
        ) from error
    return with_example


def key_shape() -> Any:
    """Return the shape of a typed key."""
    return jax.eval_shape(lambda: generator.as_jax_key(jnp.zeros(2, jnp.uint32)))


def check_key(key: Any) -> None:
    """Refuse what is no key of `jax.random`, typed or as its numbers."""
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key) and shape == ()
    if not typed and not (dtype == jnp.uint32 and shape is not None and len(shape) == 1):
        said = f"of shape {shape} and type {dtype}" if shape else repr(key)
        raise SettingsError(f"key is {said}; give one key, as jax.random.key(0).")
