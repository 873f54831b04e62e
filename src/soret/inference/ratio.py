r"""Does a quantity depend on learning rate η and batch size S through η/S alone?

Every replica is one repetition of the whole scan over (η, S), with a start of its own, so that
what is read off one replica is independent of the others: intervals are those of the mean over
replicas (`soret.inference.student_interval`). With x = ln η and z = ln S, y = a x + b z + c is
fitted to each by least squares; only the ratio counts where b = −a, and scaling both by k at a
fixed ratio moves y by (a + b) ln k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, back, in_unit, must_vary, numbers, unit
from soret.inference.mean import student_interval

Floats = NDArray[np.float64]
Interval = tuple[float, float]

_MIN_REPLICAS = 3
_MIN_POINTS = 4


@dataclass(frozen=True)
class RatioDependence:
    """How y goes with η and S.

    Attributes
    ----------
    correlation, correlation_interval
        Pearson's of y with ln(η/S), a replica's at a time; averaged as Fisher's z.
    rate, rate_interval
        a: what ln η does at fixed S.
    batch, batch_interval
        b: what ln S does at fixed η.
    both, both_interval
        a + b: what scaling both does at a fixed ratio; 0 if only the ratio counts.
    exchange, exchange_interval
        −b/a, with Fieller's interval: 1 if only the ratio counts, 0 if only η does. The interval
        is infinite where a cannot be told from 0.
    points : int
        Pairs (η, S) used: those at which every replica has a value.
    replicas : int
    confidence : float
    """

    correlation: float
    correlation_interval: Interval
    rate: float
    rate_interval: Interval
    batch: float
    batch_interval: Interval
    both: float
    both_interval: Interval
    exchange: float
    exchange_interval: Interval
    points: int
    replicas: int
    confidence: float


@answered()
def ratio_dependence(
    learning_rate: ArrayLike, batch_size: ArrayLike, y: ArrayLike, *, confidence: float = 0.95
) -> RatioDependence:
    """Fit y = a ln η + b ln S + c over a scan, replica by replica.

    Measured with 4 to 64 replicas, normal and exponential, correlated along the scan and not,
    95 % intervals cover in 92 to 97 %.

    Parameters
    ----------
    learning_rate, batch_size : (n,) array
        η and S of each point of the scan.
    y : (n, replicas) array
        What was measured, such as the logarithm of a norm; NaN (or infinite, as the logarithm of
        0 is) where it could not be. A point at which any replica is missing is left out, so that
        replicas can be compared. At least 4 points and 3 replicas, and not constant.
    confidence : float

    Raises
    ------
    InferenceError
        If fewer than 4 points or 3 replicas are left, or the points do not tell η from S.
    SettingsError
        If `confidence` is out of range.
    """
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence is {confidence}; it must lie between 0 and 1.")
    eta, size = numbers("learning_rate", learning_rate), numbers("batch_size", batch_size)
    values = numbers("y", y, replicas=1)
    if eta.ndim != 1 or eta.shape != size.shape or values.shape != (*eta.shape, *values.shape[1:2]):
        raise InferenceError(
            f"y must be of shape (points, replicas), with a learning rate and a batch size a "
            f"point; the shapes are {values.shape}, {eta.shape} and {size.shape}."
        )
    if not (np.isfinite(eta) & np.isfinite(size) & (eta > 0) & (size > 0)).all():
        raise InferenceError("learning rates and batch sizes must be positive and finite.")
    whole = np.isfinite(values).all(axis=1)
    eta, size, values = eta[whole], size[whole], values[whole]
    n, replicas = values.shape
    if n < _MIN_POINTS or replicas < _MIN_REPLICAS:
        raise InferenceError(
            f"{n} points of {replicas} replicas have all their values; it takes at least "
            f"{_MIN_POINTS} points and {_MIN_REPLICAS} replicas."
        )
    power = unit(values)
    values = in_unit(values, power)
    x, z = np.log(eta), np.log(size)
    columns = np.stack([x - x.mean(), z - z.mean()], axis=1)
    if np.linalg.matrix_rank(columns, tol=1e-8) < 2 or np.ptp(x - z) < 1e-8:
        raise InferenceError("the points do not tell learning rate from batch size.")
    must_vary("y", y, values)
    a, b = np.linalg.lstsq(columns, values - values.mean(axis=0), rcond=None)[0]
    if a.mean() == 0:
        raise InferenceError("y does not go with the learning rate at all; b/a has no value.")
    scores = np.arctanh(np.clip(_correlations(x - z, values), -1 + 1e-12, 1 - 1e-12))
    mean, interval = student_interval(scores, confidence)
    return RatioDependence(
        float(np.tanh(mean)),
        (float(np.tanh(interval[0])), float(np.tanh(interval[1]))),
        *_in_units(student_interval(a, confidence), power),
        *_in_units(student_interval(b, confidence), power),
        *_in_units(student_interval(a + b, confidence), power),
        float(-b.mean() / a.mean()),
        _fieller(-b, a, confidence),
        n,
        replicas,
        confidence,
    )


def _in_units(found: tuple[float, Interval], power: int) -> tuple[float, Interval]:
    mean, (low, high) = found
    return back(mean, power), (back(low, power), back(high, power))


def _correlations(x: Floats, values: Floats) -> Floats:
    """Return Pearson's correlation of x with each column; 0 for one that does not vary."""
    u, v = x - x.mean(), values - values.mean(axis=0)
    spread = np.linalg.norm(u) * np.linalg.norm(v, axis=0)
    return np.asarray((u @ v) / np.where(spread > 0, spread, 1.0))


def _fieller(above: Floats, below: Floats, confidence: float) -> Interval:
    """Return Fieller's interval of a ratio of means of paired values."""
    n = len(above)
    t2 = stats.t.ppf((1 + confidence) / 2, n - 1) ** 2
    covariance = np.cov(above, below, ddof=1) / n
    p, q = above.mean(), below.mean()
    # All r with (p − r q)² ≤ t² Var(p − r q).
    c2 = q**2 - t2 * covariance[1, 1]
    c1 = p * q - t2 * covariance[0, 1]
    c0 = p**2 - t2 * covariance[0, 0]
    if c2 <= 0:
        return -np.inf, np.inf
    root = np.sqrt(max(c1**2 - c2 * c0, 0.0))
    return float((c1 - root) / c2), float((c1 + root) / c2)
