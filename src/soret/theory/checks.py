"""Arguments checked before a formula is evaluated."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain

Floats = NDArray[np.float64]


def finite(name: str, values: ArrayLike) -> Floats:
    """Return values as float64; refuse NaN and infinity."""
    array = np.asarray(values, dtype=np.float64)
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
