"""Statistics of numbers of which some are missing (NaN): of those that are known.

As NumPy's ``nanmean`` and its kin, and NaN without a word where nothing is known: that all
replicas of a run diverged is said once, by the run.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["deviation", "largest", "mean", "quantiles", "reach", "smallest"]

Floats = NDArray[np.float64]


def mean(values: ArrayLike, axis: int | None = None) -> Floats:
    """Return the mean of the known values, NaN where there is none."""
    return _of_known(np.nanmean, values, axis)


def deviation(values: ArrayLike, axis: int | None = None, ddof: int = 0) -> Floats:
    """Return the standard deviation of the known values, NaN where there are not more than ddof."""

    def statistic(known: Floats, axis: int) -> Floats:
        return np.asarray(np.nanstd(known, axis=axis, ddof=ddof))

    return _of_known(statistic, values, axis, ddof + 1)


def reach(values: ArrayLike, axis: int = 0, confidence: float = 0.95) -> Floats:
    """Return how far Student's interval of the mean of the known values reaches to either side.

    Exact for normal values, for error bars; NaN of fewer than two. Verdicts allow for skewness, too
    (`soret.inference.student_interval`).
    """
    from scipy import special

    known = (~np.isnan(np.asarray(values, float))).sum(axis=axis)
    quantile = special.stdtrit(np.maximum(known - 1, 1), (1 + confidence) / 2)
    return np.asarray(quantile * deviation(values, axis, 1) / np.sqrt(np.maximum(known, 1)))


def smallest(values: ArrayLike, axis: int | None = None) -> Floats:
    """Return the smallest of the known values, NaN where there is none."""
    return _of_known(np.nanmin, values, axis)


def largest(values: ArrayLike, axis: int | None = None) -> Floats:
    """Return the largest of the known values, NaN where there is none."""
    return _of_known(np.nanmax, values, axis)


def quantiles(values: ArrayLike, shares: Sequence[float], axis: int | None = None) -> Floats:
    """Return quantiles of the known values, (shares, ...), NaN where there is none."""
    return _of_known(lambda v, axis: np.nanquantile(v, shares, axis=axis), values, axis)


def _of_known(
    statistic: Callable[..., Floats], values: ArrayLike, axis: int | None, least: int = 1
) -> Floats:
    """Return a statistic over an axis, or over everything; NaN of fewer than `least` values."""
    array = np.asarray(values, float)
    if axis is None:
        array, axis = array.reshape(-1), 0
    few = (~np.isnan(array)).sum(axis=axis, keepdims=True) < least
    # In place of too few, numbers that the statistic is defined for.
    shape = list(array.shape)
    shape[axis] = max(least, shape[axis])
    filled = np.where(few, 0.0, array) if array.shape[axis] >= least else np.zeros(shape)
    return np.where(few.squeeze(axis), np.nan, statistic(filled, axis=axis))
