"""What every inference needs of its numbers, and what none may return."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import numbers as abstract
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError, SettingsError
from soret.floats import in_floats, real

Floats = NDArray[np.float64]
# Fourth powers of numbers up to 2**200 can be held.
_FAR = 200
_P = ParamSpec("_P")
_R = TypeVar("_R")
# Weights of resamples take resamples times replicas of memory.
_MOST_RESAMPLES = 10**6


def numbers(name: str, values: ArrayLike, *, replicas: int | None = None) -> Floats:
    """Return values as float64, so that no integer overflows and no sum of float32 loses digits.

    Parameters
    ----------
    name : str
        What the caller calls them.
    values : array_like
        Real numbers, of any type.
    replicas : int, optional
        The axis of replicas. A labelled array says which one that is, and must say this one.

    Raises
    ------
    InferenceError
        If some are masked, complex, text or nothing at all, or the replicas lie on another axis.
    """
    dims = tuple(getattr(values, "dims", ()))
    if replicas is not None and "replica" in dims and dims.index("replica") != replicas:
        raise InferenceError(
            f"the dimension 'replica' of {name} must be number {replicas + 1}, but the dimensions "
            f"are {dims}; transpose it."
        )
    return real(name, values, InferenceError)


def whole_number(name: str, value: Any, least: int) -> int:
    """Return a setting as an integer; refuse fractions and what is below `least`.

    Raises
    ------
    SettingsError
        If it is none.
    """
    try:
        number = float(value) if isinstance(value, abstract.Real) else np.nan
    except OverflowError:
        number = np.inf
    if not number.is_integer() or number < least:
        raise SettingsError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    return int(value)


def unit(*arrays: Floats) -> int:
    """Return the power of two to take finite numbers in units of, so that no square is lost.

    To divide by a power of two rounds nothing. It is 0 for all numbers that need none.
    """
    largest = max((float(np.abs(array).max(initial=0.0)) for array in arrays), default=0.0)
    power = int(np.frexp(largest)[1])
    return power if abs(power) > _FAR else 0


def in_unit(array: Floats, power: int) -> Floats:
    """Return an array in units of 2**power."""
    return np.asarray(np.ldexp(array, -power))


def back(value: float, power: int) -> float:
    """Return a number in units of 2**power in units of 1; refuse one that is out of reach.

    Raises
    ------
    InferenceError
        If it overflows, or is not 0 and underflows.
    """
    with np.errstate(over="ignore", under="ignore"):
        made = float(np.ldexp(value, power))
    if np.isfinite(value) and (np.isinf(made) or (made == 0) != (value == 0)):
        raise InferenceError(
            "a result lies outside of what floating point can hold; give the numbers in a unit "
            "in which they are closer to 1."
        )
    return made


def rounding(values: ArrayLike, array: Floats) -> float:
    """Return what rounding alone makes values differ by, which were float32 perhaps."""
    kind = getattr(values, "dtype", None)
    try:
        precise = np.finfo(np.dtype(kind)) if kind is not None else np.finfo(np.float64)
    except (TypeError, ValueError):
        precise = np.finfo(np.float64)
    return (
        16
        * max(float(precise.eps), float(np.finfo(np.float64).eps))
        * float(np.abs(array).max(initial=0.0))
    )


def must_vary(name: str, values: ArrayLike, array: Floats) -> None:
    """Refuse numbers that are all one, but for rounding.

    Raises
    ------
    InferenceError
        If they are.
    """
    half = array / 2  # of numbers whose difference would overflow
    if not array.size or float(np.ptp(half)) <= rounding(values, array) / 2:
        raise InferenceError(f"{name} is constant but for rounding; nothing can be told from it.")


def answered(*undefined: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let a function raise where NumPy would warn, and return no nan that it does not announce.

    Settings, which are what is annotated as a number, a pair of them or a text, must be that.

    Parameters
    ----------
    *undefined : str
        Fields of the result that may be nan, as its docstring says; "" if it is no dataclass.

    Raises
    ------
    InferenceError
        From the function: if numbers overflow, divide by 0 or make a singular matrix, or a field
        comes out as nan.
    SettingsError
        From the function: if a setting is none.
    """

    def wrap(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)
        kinds = {
            name: str(parameter.annotation) for name, parameter in signature.parameters.items()
        }
        guarded = in_floats(
            function,
            InferenceError,
            "some are too large or too small, or do not vary independently of each other.",
        )

        @functools.wraps(function)
        def answer(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            bound = signature.bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                bound.arguments[name] = _setting(name, value, kinds[name])
            found = guarded(*bound.args, **bound.kwargs)
            bad = [field for field, value in _fields(found) if field not in undefined]
            if bad:
                raise InferenceError(
                    f"{function.__name__} has no answer for these numbers: "
                    f"{', '.join(bad) or 'it'} would be nan."
                )
            return found

        return answer

    return wrap


def _fields(found: Any) -> list[tuple[str, Any]]:
    """Return the fields that hold nan."""
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        named = [(field.name, getattr(found, field.name)) for field in dataclasses.fields(found)]
    else:
        named = [("", part) for part in (found if isinstance(found, tuple) else (found,))]
    return [(name, value) for name, value in named if _has_nan(value)]


def _has_nan(value: Any) -> bool:
    if isinstance(value, float | tuple | np.ndarray):
        array = np.asarray(value)
        return array.dtype.kind == "f" and bool(np.isnan(array).any())
    return False


def _setting(name: str, value: Any, kind: str) -> Any:
    """Return a setting, a whole number as an integer; refuse one that is not of its kind."""
    if value is None and "None" in kind:
        return value
    kind = kind.removesuffix(" | None")
    if kind == "int":
        count = whole_number(name, value, 0)
        if name == "resamples" and count > _MOST_RESAMPLES:
            raise SettingsError(f"resamples must be at most {_MOST_RESAMPLES:,}, not {count:,}.")
        return count
    if kind == "float":
        array = real(name, value, SettingsError)
        if array.ndim or np.isnan(array):
            raise SettingsError(f"{name} must be one number, not {value!r}.")
    elif kind in ("tuple[float, float]", "Sequence[float]"):
        array = real(name, value, SettingsError)
        if array.ndim != 1 or np.isnan(array).any() or (kind[0] == "t" and array.size != 2):
            what = "two numbers" if kind[0] == "t" else "a list of numbers"
            raise SettingsError(f"{name} must be {what}, not {value!r}.")
    elif kind == "str" and not isinstance(value, str):
        raise SettingsError(f"{name} must be a name, not {value!r}.")
    return value
