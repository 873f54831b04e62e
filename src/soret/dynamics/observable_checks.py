"""Why an observable cannot be traced, in one sentence."""

import traceback
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from soret.errors import SettingsError
from soret.observables.state import Observable, name
from soret.problems import Problem
from soret.problems.model_checks import explained, where

_LANDSCAPE = str(Path(__file__).parents[1] / "landscape")
_TRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.UnexpectedTracerError,
)


def as_record(value: Any) -> Array:
    """Return an observable as an array that can hold NaN: counts and booleans become floats.

    Raises
    ------
    NoArrayError
        If it is none, as half a sentence.
    """
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise NoArrayError(
            f"it returns a {type(value).__name__}; an observable returns one number or array, and "
            "several are given as observe=[one, other]"
        ) from error
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(jnp.float32)


class NoArrayError(TypeError):
    """An observable that returns no array."""


def refusal(observable: Observable, problem: Problem, error: Exception) -> SettingsError:
    """Return what to raise for an observable that failed as it was traced."""
    reason = str(error) if isinstance(error, NoArrayError) else explained(error)
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, _TRACED) and any(f.filename.startswith(_LANDSCAPE) for f in frames):
        reason = (
            "soret.landscape measures at a point, and not within an observable, where there are no "
            "numbers yet; record soret.observables.parameters, and measure at "
            f"problem.unflatten(...) of them afterwards{where(error)}"
        )
    return SettingsError(
        f"observable {name(observable)!r} fails on problem {problem.name!r}: {reason}."
    )
