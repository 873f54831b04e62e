"""A learning rate that changes with the step."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from soret.errors import SettingsError
from soret.problems import model_checks

Schedule = Callable[[Array], Any]
"""From the number of steps made before, an int32, to a learning rate or a factor on it."""

# The most steps at which a schedule is looked at before a run: a fraction of a second.
_MOST_STEPS = 10**6
# What rounding may leave of a rate that ends at zero, as a part of the largest.
ROUNDED = 1e-6
# A shape that peaks outside is hardly meant as a factor on the rates of a grid.
_USUAL_PEAK = (0.5, 2.0)


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
            f"{name} is a function of the step that fails: {model_checks.explained(error)}"
        ) from error
    if getattr(found, "shape", None) != () or found.dtype.kind not in "fi":
        raise SettingsError(f"{name} is a function that returns {found}; it must return a number.")
    first = float(jax.jit(schedule)(jnp.int32(0)))
    if not first >= 0 or first == float("inf"):
        raise SettingsError(f"{name} is {first:g} at step 0; it must be at least 0, and finite.")


def check_rates(schedule: Schedule, name: str, steps: int) -> float:
    """Refuse a schedule that is negative or not finite at a step of a run; return its maximum.

    Of a run of more than a million steps a million are looked at, evenly spaced, the first and
    the last among them.

    Parameters
    ----------
    schedule : function
        One that `check_schedule` accepts.
    name : str
        What it is called: ``learning_rate`` or ``schedule``.
    steps : int
        Of the run.

    Raises
    ------
    SettingsError
        Naming the first step that is wrong, of those looked at.
    """
    made = looked_at(steps)
    at = jax.jit(jax.vmap(lambda step: jnp.asarray(schedule(step), jnp.float32)))
    values = np.asarray(at(made))
    finite = np.isfinite(values)
    largest = float(np.max(values, where=finite, initial=0))
    wrong = ~finite | (values < -ROUNDED * largest)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise SettingsError(
            f"{name} is {values[first]:g} at step {made[first]:,}; it must be at least 0, and "
            f"finite, at every one of the {steps:,} steps."
        )
    return largest


def looked_at(steps: int, most: int = _MOST_STEPS) -> NDArray[np.int32]:
    """Return the steps of a run that a schedule is looked at: a million or `most`, or all."""
    number = min(steps, _MOST_STEPS, max(most, 2))
    return np.linspace(0, steps - 1, number).round().astype(np.int32)


def warn_of_peak(peak: float, rates: Sequence[float]) -> None:
    """Warn of a factor on the learning rates whose maximum over a run is far from 1."""
    low, high = _USUAL_PEAK
    if low <= peak <= high:
        return
    given = ", ".join(f"{rate:g}" for rate in rates)
    real = ", ".join(f"{peak * rate:g}" for rate in rates)
    model_checks.warn(
        f"schedule is a factor on the learning rate, and its largest over the run is {peak:g}: "
        f"learning_rate says {given}, and the largest that is used is {real}; give a schedule "
        "that peaks at 1, and the peaks of the rates as learning_rate."
    )
