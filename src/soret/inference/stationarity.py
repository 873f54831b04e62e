"""Whether what is measured along a run has stopped changing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from soret.errors import InferenceError, SettingsError


@dataclass(frozen=True)
class Stationarity:
    """What the second half of a run says of the first.

    Attributes
    ----------
    change : float
        Mean of the second half over that of the first, less 1.
    interval : (float, float)
        95 %, over replicas or blocks.
    tolerance : float
    verdict : {"stationary", "drifting", "undecided"}
        Stationary if the interval lies within ± the tolerance, drifting if it lies outside.
    """

    change: float
    interval: tuple[float, float]
    tolerance: float
    verdict: Literal["stationary", "drifting", "undecided"]


def stationarity(series: ArrayLike, *, tolerance: float = 0.05) -> Stationarity:
    """Compare the means of the two halves of a positive quantity, such as a squared speed.

    Parameters
    ----------
    series : array_like, shape (R, T)
        One row a replica. Rows are independent; nothing is assumed of times.
    tolerance : float
        The relative change that counts as none.

    Raises
    ------
    InferenceError
        If there are fewer than 3 replicas or 4 records, or means are not above 0.
    """
    x = np.asarray(series, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 3 or x.shape[1] < 4 or not np.isfinite(x).all():
        raise InferenceError("a series must be finite, of 3 replicas and 4 records at least.")
    if not tolerance > 0:
        raise SettingsError(f"tolerance is {tolerance:g}; it must be above 0.")
    half = x.shape[1] // 2
    first, second = x[:, :half].mean(1), x[:, -half:].mean(1)
    if not first.mean() > 0:
        raise InferenceError("the mean of a series must be above 0 to have a relative change.")
    change = second.mean() / first.mean() - 1
    # The ratio of two means that share their replicas, by the delta method.
    moved = (second - (1 + change) * first) / first.mean()
    reach = float(stats.t.ppf(0.975, len(x) - 1) * stats.sem(moved))
    low, high = float(change - reach), float(change + reach)
    verdict: Literal["stationary", "drifting", "undecided"] = "undecided"
    if -tolerance <= low and high <= tolerance:
        verdict = "stationary"
    elif high < -tolerance or tolerance < low:
        verdict = "drifting"
    return Stationarity(float(change), (low, high), tolerance, verdict)
