"""Judging a measured number against a predicted one, and powers: shared by the claims on flows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import soret
from soret.claims.collapse import EXPONENT_TOLERANCE
from soret.claims.verdict import Result, Verdict

# A formula taken to leading order in η is within a few per cent of what it stands for at the
# learning rates used, and formulas that differ do so by a factor, ½, 3/2 or 2. Chosen before any
# run.
RATIO_TOLERANCE = 0.1

_RESAMPLES = 2000
# More replicas than these are put into groups of the same size before they are resampled: the
# means of groups are independent too, and few enough to be quick.
_MOST_RESAMPLED = 512
_BOOTSTRAP_SEED = 0x5EED


def judge_number(
    quantity: str,
    samples: NDArray[np.float64],
    *,
    predicted: float,
    rival: float | str,
    tolerance: float = RATIO_TOLERANCE,
    note: str = "",
) -> Result:
    """Test that a mean over replicas is the number predicted, to within a tolerance.

    Supported if the 95 % t-interval lies within the tolerance, contradicted if it lies outside,
    else inconclusive.

    Parameters
    ----------
    quantity : str
    samples : (R,) array
        One estimate a replica.
    predicted : float
    rival : float or str
    tolerance : float
        Absolute, around the prediction.
    note : str
    """
    interval = mean_interval(samples)
    return Result(
        quantity,
        predicted,
        float(np.mean(samples)) if len(samples) else np.nan,
        interval,
        rival,
        verdict_within(interval, predicted - tolerance, predicted + tolerance),
        note,
    )


def judge_power(
    quantity: str,
    values: NDArray[np.float64],
    samples: NDArray[np.float64],
    *,
    predicted: float,
    rival: float,
    note: str = "",
) -> Result:
    """Test that |mean over replicas| goes as a power of a hyperparameter.

    The exponent is the slope of a weighted straight line in both logarithms; its interval is from
    resampled replicas. The tolerance is that of the collapse: a quarter of the way to the rival.
    Inconclusive where a mean cannot be told from zero, means differ in sign, or there is one value.

    Parameters
    ----------
    quantity : str
    values : (H,) array
        The hyperparameter.
    samples : (H, R) array
        One estimate for every value and replica.
    predicted, rival : float
    note : str
    """
    samples = _grouped(samples)
    intervals = np.array([mean_interval(row) for row in samples])
    signs = np.sign(intervals)
    told = (signs == signs[0, 0]).all() and signs[0, 0] != 0
    if not told or len(set(values.tolist())) < 2:
        text = (
            "a power needs two values of the hyperparameter"
            if told
            else "the means cannot all be told from zero, or differ in sign"
        )
        nowhere = (np.nan, np.nan)
        note = f"{note}; {text}" if note else text
        return Result(quantity, predicted, np.nan, nowhere, rival, Verdict.INCONCLUSIVE, note)
    mean = np.abs(samples.mean(1))
    weights = mean**2 / (samples.var(1, ddof=1) / samples.shape[1])
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    bootstrap = soret.inference.bootstrap
    shares = bootstrap.resampling_weights(samples.shape[1], _RESAMPLES, rng)
    # A resampled mean on the wrong side of zero says only that it is small.
    resampled = np.maximum(shares @ samples.T * signs[0, 0], 1e-3 * mean)
    slopes = _slope(np.log(values), np.log(resampled), weights)
    interval = bootstrap.expanded_percentile(slopes, 0.95, samples.shape[1])
    measured = float(_slope(np.log(values), np.log(mean), weights))
    slack = EXPONENT_TOLERANCE * abs(predicted - rival)
    verdict = verdict_within(interval, predicted - slack, predicted + slack)
    return Result(quantity, predicted, measured, interval, rival, verdict, note)


def judge_sign(quantity: str, samples: NDArray[np.float64], *, note: str = "") -> Result:
    """Test that a mean over replicas is below zero.

    Parameters
    ----------
    quantity : str
    samples : (R,) array
    note : str
    """
    interval = mean_interval(samples)
    verdict = verdict_within(interval, -np.inf, 0.0)
    mean = float(np.mean(samples)) if len(samples) else np.nan
    return Result(quantity, "below 0", mean, interval, "not below 0", verdict, note)


def mean_interval(samples: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % t-interval of a mean over replicas; NaN where there are fewer than two."""
    from scipy import stats

    if len(samples) < 2:
        return np.nan, np.nan
    half = float(stats.t.ppf(0.975, len(samples) - 1) * stats.sem(samples))
    mean = float(np.mean(samples))
    return mean - half, mean + half


def verdict_within(interval: tuple[float, float], low: float, high: float) -> Verdict:
    """Supported if the interval is inside a range, contradicted if outside, else inconclusive."""
    if low <= interval[0] and interval[1] <= high:
        return Verdict.SUPPORTED
    outside = interval[1] < low or high < interval[0]
    return Verdict.CONTRADICTED if outside else Verdict.INCONCLUSIVE


def _grouped(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means of groups of replicas, where there are many; those left over are left out."""
    size = max(1, -(-samples.shape[1] // _MOST_RESAMPLED))
    groups = samples.shape[1] // size
    return samples[:, : groups * size].reshape(len(samples), groups, size).mean(-1)


def _slope(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    w = weights / weights.sum()
    centred = x - w @ x
    return np.asarray(y @ (w * centred) / (w @ centred**2))
