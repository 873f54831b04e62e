"""One curve from many replicas, without leaving out what must not be left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """A curve with its band.

    Attributes
    ----------
    middle : (T,) array
        NaN where there is nothing to say.
    low, high : (T,) array or None
        None where there is one replica, or none.
    count : (T,) int array
        Replicas that have a value.
    in_words : str
        What middle and band are.
    """

    middle: Floats
    low: Floats | None
    high: Floats | None
    count: NDArray[np.int64]
    in_words: str


def summarize(values: Floats, name: str, replicas: bool) -> Summary:
    """Summarize (R, T) values of a variable over its R replicas.

    The mean, with a 95 % interval, is over the replicas that are still finite at that moment.
    A first passage that is missing is later than all others, not absent: its median and
    quartiles take it so, and are not drawn where they would fall among the missing ones.
    """
    count = np.isfinite(values).sum(axis=0)
    if not replicas or len(values) == 1:
        return Summary(np.where(count > 0, values[0], np.nan), None, None, count, "as saved")
    if name == "first_passage":
        later = np.where(np.isnan(values), np.inf, values)
        # A definite replica's value, so that infinity never takes part in an average.
        low, middle, high = np.quantile(later, (0.25, 0.5, 0.75), axis=0, method="higher")
        return Summary(middle, low, high, count, "median over replicas, band: quartiles")
    finite = np.isfinite(values)
    freedom = np.where(count > 1, count - 1, np.nan)
    # Where a sum overflows there is nothing to draw: infinite, or not a number.
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.where(finite, values, 0.0).sum(axis=0)
        mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
        squares = np.where(finite, (values - mean) ** 2, 0.0).sum(axis=0)
        quantile = special.stdtrit(np.maximum(freedom, 1), 0.975)
        half = quantile * np.sqrt(squares / freedom / np.maximum(count, 1))
        low, high = mean - half, mean + half
    words = "mean over replicas, band: 95 % interval of the mean"
    return Summary(mean, low, high, count, words)
