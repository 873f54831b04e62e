"""Whether what is measured along a run has stopped changing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, in_unit, numbers, unit, whole_number


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


@answered()
def stationarity(
    series: ArrayLike, *, tolerance: float = 0.05, blocks: int | None = None
) -> Stationarity:
    """Compare the means of the two halves of a positive quantity, such as a squared speed.

    The interval is Student's of the ratio's linearization. Measured with 4 to 64 rows, normal and
    exponential, correlated in time and not, it covers in 93 to 96 %.

    Parameters
    ----------
    series : array_like, shape (R, T)
        Finite, of at least 4 records. One row a replica, at least 3. Rows are independent; nothing
        is assumed of times.
    tolerance : float
        The relative change that counts as none.
    blocks : int, optional
        Cut each half into so many blocks of time, and take these for independent: for a single
        run. Each must be much longer than the correlation in time.

    Raises
    ------
    InferenceError
        If there are fewer than 3 replicas or blocks, or 4 records, or means are not above 0.
    """
    x = numbers("series", series, replicas=0)
    blocks = None if blocks is None else whole_number("blocks", blocks, 1)
    if x.ndim != 2:
        raise InferenceError(
            f"the series have shape {x.shape}; give (replicas, records), and of one series "
            "series[None] and blocks."
        )
    if x.shape[1] < 4 or not np.isfinite(x).all():
        raise InferenceError("a series must be finite, of at least 4 records.")
    if len(x) * (blocks or 1) < 3 or x.shape[1] < 2 * (blocks or 1):
        raise InferenceError(
            f"{len(x)} rows and {blocks or 1} blocks of {x.shape[1]} records have no interval; it "
            "takes 3 rows, or 3 blocks to each half."
        )
    if not tolerance > 0:
        raise SettingsError(f"tolerance is {tolerance:g}; it must be above 0.")
    x = in_unit(x, unit(x))
    half = x.shape[1] // 2 // (blocks or 1) * (blocks or 1)
    first, second = (
        part.reshape(len(x) * (blocks or 1), -1) for part in (x[:, :half], x[:, -half:])
    )
    first, second = first.mean(1), second.mean(1)
    if not first.mean() > 0:
        raise InferenceError("the mean of a series must be above 0 to have a relative change.")
    change = second.mean() / first.mean() - 1
    # The ratio of two means by the delta method: of halves that share their replicas, or of
    # blocks that share nothing.
    freedom = len(first) - 1
    if blocks is None:
        error = stats.sem(second - (1 + change) * first)
    else:
        error = np.hypot(stats.sem(second), (1 + change) * stats.sem(first))
    reach = float(stats.t.ppf(0.975, freedom) * error / first.mean())
    low, high = float(change - reach), float(change + reach)
    verdict: Literal["stationary", "drifting", "undecided"] = "undecided"
    if -tolerance <= low and high <= tolerance:
        verdict = "stationary"
    elif high < -tolerance or tolerance < low:
        verdict = "drifting"
    return Stationarity(float(change), (low, high), tolerance, verdict)
