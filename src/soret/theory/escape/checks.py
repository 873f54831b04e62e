"""Arguments of the escape theories, checked before a formula is evaluated."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import finite, not_negative, positive

Floats = NDArray[np.float64]

__all__ = ["Floats", "at_least", "finite", "not_negative", "positive", "temperature", "whole"]


def at_least(name: str, values: ArrayLike, least: float) -> Floats:
    """Return values as float64; refuse what is below `least`."""
    array = finite(name, values)
    if not (array >= least).all():
        raise OutsideDomain(f"{name} goes down to {array.min():g}; it must be at least {least:g}.")
    return array


def whole(name: str, value: float, least: int = 1) -> int:
    """Return a value as an integer; refuse fractions and what is below `least`."""
    if not (np.isfinite(value) and value == int(value) and value >= least):
        raise OutsideDomain(f"{name} is {value:g}; it must be a whole number, at least {least}.")
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
