"""What claims on trained networks share: their images, and intervals over replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Verdict, images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soret.data import Dataset

    Floats = NDArray[np.float64]


def even_odd(claim: Any) -> Dataset:
    """Return the first so many of a claim's images in two classes."""
    return soret.data.even_odd(images.first(claim, images.load(claim)))


def mean_interval(values: Floats) -> tuple[float, tuple[float, float]]:
    """Return the mean over replicas and Student's 95 % interval; NaN where there are too few."""
    from scipy import stats

    values = values[np.isfinite(values)]
    if values.size < 2:
        return (float(values.mean()) if values.size else np.nan), (np.nan, np.nan)
    half = float(stats.t.ppf(0.975, values.size - 1) * stats.sem(values))
    mean = float(values.mean())
    return mean, (mean - half, mean + half)


def verdict_below(interval: tuple[float, float], limit: float, rival: float) -> Verdict:
    """Return what an interval says of "at most `limit`" where the rival says `rival`."""
    low, high = interval
    if high <= limit < rival:
        return Verdict.SUPPORTED
    return Verdict.CONTRADICTED if low > limit else Verdict.INCONCLUSIVE
