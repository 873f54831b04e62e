"""What an observable returns, or why it cannot be traced, in one sentence."""

import traceback
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from soret.errors import SettingsError
from soret.observables.state import Observable, State, name
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


def measured(observable: Observable, problem: Problem, state: State) -> Array:
    """Return an observable as it is recorded.

    Raises
    ------
    SettingsError
        If it fails, or returns no array.
    """
    try:
        return as_record(observable(problem, state))
    except SettingsError:
        raise
    except Exception as error:
        raise refusal(observable, problem, error) from error


def record_shape(observable: Observable, problem: Problem, replicas: Any) -> jax.ShapeDtypeStruct:
    """Return shape and type of an observable of one replica.

    Parameters
    ----------
    observable : function
    problem : Problem
    replicas : Replicas, or Ensemble
        Shapes of `params` and `velocity`, with the replica as the first axis.

    Raises
    ------
    SettingsError
        If the observable cannot be traced, or returns no array.
    """
    params, velocity = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype),
        (replicas.params, replicas.velocity),
    )

    def measure(params: Any, velocity: Any, step: Array) -> Array:
        return measured(observable, problem, State(params, velocity, step))

    return eqx.filter_eval_shape(measure, params, velocity, jax.ShapeDtypeStruct((), jnp.int32))


def check_level(level: Observable, problem: Problem, replicas: Any) -> None:
    """Refuse a level that is no scalar; parameters as for `record_shape`.

    Raises
    ------
    SettingsError
        If it is none, or cannot be traced.
    """
    shape = record_shape(level, problem, replicas).shape
    if shape != ():
        raise SettingsError(
            f"the watched level {name(level)!r} has shape {shape}; it must be a scalar."
        )
