"""A learning rate that changes with the step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from soret.errors import SettingsError
from soret.problems.model_checks import explained

Schedule = Callable[[Array], Any]
"""From the number of steps made before, an int32, to a learning rate or a factor on it."""


def check_schedule(schedule: Schedule, name: str) -> None:
    """Refuse a schedule that cannot be traced, or that returns no number.

    Raises
    ------
    SettingsError
        Saying why.
    """
    step = jax.ShapeDtypeStruct((), jnp.int32)
    try:
        found = jax.eval_shape(schedule, step)
    except Exception as error:
        raise SettingsError(
            f"{name} is a function of the step that fails: {explained(error)}"
        ) from error
    if getattr(found, "shape", None) != () or found.dtype.kind not in "fi":
        raise SettingsError(f"{name} is a function that returns {found}; it must return a number.")
    first = float(jax.jit(schedule)(jnp.int32(0)))
    if not first >= 0 or first == float("inf"):
        raise SettingsError(f"{name} is {first:g} at step 0; it must be at least 0, and finite.")
