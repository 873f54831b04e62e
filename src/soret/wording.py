"""Numbers as they are written: with the digits that tell a measurement from what it is held to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_FEWEST, _MOST = 3, 6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any, digits: int = _FEWEST) -> str:
    """Return a number with so many digits that count, a word as it is.

    What is not known, None or NaN, is "none".
    """
    if value is None:
        return "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return _finite(float(value), digits)


def _finite(value: float, digits: int) -> str:
    size = math.floor(math.log10(abs(value))) if value else 0
    if -5 <= size < 9:
        text = f"{value:,.{max(0, digits - 1 - size)}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}×10{str(int(power)).translate(_SUPERSCRIPTS)}".replace("-", "−")


def listed(values: Iterable[float]) -> str:
    """Return numbers one after another, with commas between."""
    return ", ".join(number(float(value)) for value in values)


def digits_apart(pairs: Iterable[tuple[Any, Any]]) -> int:
    """Return with how many digits both numbers of every pair can be told apart, 3 to 6.

    Of numbers that are the same to six digits nothing is asked.
    """
    different = [
        (a, b) for a, b in pairs if _known(a) and _known(b) and number(a, _MOST) != number(b, _MOST)
    ]
    for digits in range(_FEWEST, _MOST):
        if all(number(a, digits) != number(b, digits) for a, b in different):
            return digits
    return _MOST


def _known(value: Any) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and math.isfinite(value)


@dataclass(frozen=True)
class Written:
    """The numbers of one result, all with the same digits.

    Attributes
    ----------
    measured, low, high, predicted, rival : str
    within : str
        "0.9 to 1.1", "above 0", "below 5"; empty where the result has no such range.
    """

    measured: str
    low: str
    high: str
    predicted: str
    rival: str
    within: str


def written(
    measured: Any,
    interval: tuple[Any, Any],
    predicted: Any,
    rival: Any,
    within: tuple[Any, Any] | None = None,
) -> Written:
    """Write a measurement, its interval and what it is held to, so that rounding hides no verdict.

    Parameters
    ----------
    measured : float or None
    interval : (float or None, float or None)
    predicted, rival : float, str or None
    within : (float or None, float or None), optional
        What supports; no bound where it is infinite or None.
    """
    low, high = interval
    least, most = within or (None, None)
    held_to = [predicted, rival, least, most]
    pairs = [(low, measured), (measured, high), (predicted, rival)]
    digits = digits_apart([*pairs, *itertools.product((low, high), held_to)])
    return Written(
        measured=number(measured, digits),
        low=number(low, digits),
        high=number(high, digits),
        predicted=number(predicted, digits),
        rival=number(rival, digits),
        within=_range(least, most, digits),
    )


def _range(low: Any, high: Any, digits: int) -> str:
    above, below = _known(low), _known(high)
    if above and below:
        return f"{number(low, digits)} to {number(high, digits)}"
    if above:
        return f"above {number(low, digits)}"
    return f"below {number(high, digits)}" if below else ""
