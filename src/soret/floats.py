"""Arrays of real numbers, whatever they were; what floating point cannot do, as an error."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import SoretError

__all__ = ["in_floats", "real"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def real(name: str, values: ArrayLike, refused: type[SoretError]) -> NDArray[np.float64]:
    """Return values as float64, so that no integer overflows and no sum of float32 loses digits.

    Parameters
    ----------
    name : str
        What the caller calls them.
    values : array_like
        Real numbers, of any type.
    refused : type
        The error to raise if some are masked, complex, text or nothing at all.
    """
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        raise refused(f"{name} has masked values; leave them out, or fill them with nan.")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and not all(map(_is_number, array.flat)):
            raise TypeError
        # "V" without fields: bfloat16 and its like.
        if array.dtype.kind not in "biufOV" or array.dtype.names is not None:
            raise TypeError
        # An extended float may overflow here, and is then infinite.
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise refused(f"{name} must be real numbers, not {_described(values)}.") from None


def in_floats(function: Callable[_P, _R], refused: type[SoretError], why: str) -> Callable[_P, _R]:
    """Return a function that raises `refused` where NumPy would warn, or has no answer.

    Parameters
    ----------
    function : callable
    refused : type
        The error to raise if numbers overflow, divide by 0 or make a singular matrix.
    why : str
        What to say then, the end of a sentence.
    """

    @functools.wraps(function)
    def answer(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            with np.errstate(divide="raise", over="raise", invalid="raise"):
                return function(*args, **kwargs)
        except (FloatingPointError, OverflowError, ZeroDivisionError) as error:
            raise refused(
                f"{function.__name__} is beyond floating point for these numbers ({error}): {why}"
            ) from error
        except np.linalg.LinAlgError as error:
            raise refused(
                f"{function.__name__} has no answer for these numbers ({error}): {why}"
            ) from error

    return answer


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real | Decimal | np.bool_)


def _described(values: Any) -> str:
    kind = getattr(values, "dtype", None)
    known = isinstance(kind, np.dtype) and kind.kind != "O"
    return str(kind) if known else f"a {type(values).__name__}"
