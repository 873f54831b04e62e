"""Arguments of the escape theories, checked before a formula is evaluated."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import finite, not_negative, positive

Floats = NDArray[np.float64]

# Whole numbers up to here are floats, each its own.
_MOST = 2**53
#: Most cells of a chain, whose matrix has as many entries squared.
MOST_CELLS = 10_000

__all__ = ["Floats", "at_least", "finite", "not_negative", "positive", "temperature", "whole"]


def at_least(name: str, values: ArrayLike, least: float) -> Floats:
    """Return values as float64; refuse what is below `least`."""
    array = finite(name, values)
    if not (array >= least).all():
        raise OutsideDomain(f"{name} goes down to {array.min():g}; it must be at least {least:g}.")
    return array


def whole(name: str, value: float, least: int = 1, most: int = _MOST) -> int:
    """Return a value as an integer; refuse fractions and what is below `least` or above `most`."""
    number = float(value)
    if not (number.is_integer() and least <= number <= most):
        limit = f" and at most {most}" if most < _MOST else ""
        raise OutsideDomain(
            f"{name} is {number:g}; it must be a whole number, at least {least}{limit}."
        )
    return int(value)


def temperature(
    learning_rate: ArrayLike, batch_size: ArrayLike, curvature: ArrayLike = 1.0
) -> Floats:
    """Return ηh/B, the strength of the noise on the scale of the drift."""
    return (
        positive("learning_rate", learning_rate)
        * positive("curvature", curvature)
        / at_least("batch_size", batch_size, 1)
    )
