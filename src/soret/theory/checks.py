"""Arguments checked before a formula is evaluated."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.floats import in_floats, real

Floats = NDArray[np.float64]
_P = ParamSpec("_P")
_R = TypeVar("_R")


def finite(name: str, values: ArrayLike) -> Floats:
    """Return values as float64; refuse NaN and infinity."""
    array = real(name, values, OutsideDomain)
    if not array.size:
        raise OutsideDomain(f"{name} is empty.")
    if not np.isfinite(array).all():
        raise OutsideDomain(f"{name} is not finite everywhere.")
    return array


def positive(name: str, values: ArrayLike) -> Floats:
    """Return values as float64; refuse what is not above 0."""
    array = finite(name, values)
    if not (array > 0).all():
        raise OutsideDomain(f"{name} goes down to {array.min():g}; it must be above 0.")
    return array


def not_negative(name: str, values: ArrayLike) -> Floats:
    """Return values as float64; refuse what is below 0."""
    array = finite(name, values)
    if not (array >= 0).all():
        raise OutsideDomain(f"{name} goes down to {array.min():g}; it must be at least 0.")
    return array


def closed_form(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function refuse arguments that are no numbers, and results that are none.

    What is annotated as a number or an array of them must be one, without nan; whether it lies
    where the formula holds is for the function to say. Overflow, division by 0, singular
    matrices and shapes that do not fit each other raise `OutsideDomain`.
    """
    kinds = {
        name: set(str(parameter.annotation).replace(" ", "").split("|"))
        for name, parameter in inspect.signature(function).parameters.items()
    }
    signature = inspect.signature(function)
    guarded = in_floats(
        function, OutsideDomain, "an argument is too large, too small or without noise."
    )

    @functools.wraps(function)
    def answer(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            _check_number(name, value, kinds[name])
        try:
            return guarded(*args, **kwargs)
        except ValueError as error:
            if isinstance(error, OutsideDomain) or "broadcast" not in str(error):
                raise
            raise OutsideDomain(f"shapes of arguments do not fit: {error}.") from error

    return answer


def _check_number(name: str, value: Any, kinds: set[str]) -> None:
    if callable(value) or (value is None and "None" in kinds):
        return
    if not kinds & {"float", "int", "ArrayLike"}:
        return
    array = real(name, value, OutsideDomain)
    if np.isnan(array).any():
        raise OutsideDomain(f"{name} is not finite everywhere.")
    if not array.size or ("ArrayLike" not in kinds and array.ndim):
        raise OutsideDomain(f"{name} must be {'one number' if array.size else 'given'}.")
    if (
        "int" in kinds
        and "float" not in kinds
        and "ArrayLike" not in kinds
        and not float(array).is_integer()
    ):
        raise OutsideDomain(f"{name} is {value:g}; it must be a whole number.")
