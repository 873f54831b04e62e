"""How far apart two ensembles of curves are, beyond what chance puts between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, back, in_unit, numbers, unit
from soret.inference.curves import MIN_REPLICAS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CurveDistance:
    """The root mean square of the difference of two mean curves.

    Attributes
    ----------
    distance : float
        In the units of the curves; of logarithms, exp(distance) is the typical factor.
    interval : (float, float)
    points : int
    replicas : int
    """

    distance: float
    interval: tuple[float, float]
    points: int
    replicas: int


@answered()
def curve_distance(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95
) -> CurveDistance:
    r"""Measure how far apart the mean curves of two ensembles are.

    The mean square of the difference of means is larger than that of the true difference, D², by
    the variance of the means, which is subtracted; below zero it is zero. What is left, S, varies
    by

    .. math::

        V(D^2) = 4 D^2\, \frac{u^{\mathsf T} \Sigma u}{n} + 2\,
        \frac{\operatorname{tr} \Sigma^2}{n^2}

    for n replicas whose differences have the covariance Σ, u being the direction of the mean one;
    of squares there is more chance the larger they are. The interval is therefore that of all D
    with :math:`(S - D^2)^2 \le t^2 V(D^2)`, as Wilson's is of a proportion [1]_, Student's t with
    n − 1 degrees of freedom, tr Σ² estimated without its bias for normal values [2]_.

    Measured with 8 to 64 replicas, normal and exponential, correlated along the curve and not, at
    no distance, at the error of the mean and at many errors, 95 % intervals cover in 93 to 98 %.

    Parameters
    ----------
    first, second : (replicas, points) array
        Curves at the same places; replica by replica from the same start, so that what the
        start does cancels. Places at which any value is missing (nan or infinite) are left out.
        At least eight replicas; where they are all alike the interval has no width.
    confidence : float

    Raises
    ------
    InferenceError
        If the shapes differ, replicas are too few, or no place is left.
    SettingsError
        If `confidence` is out of range.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       Journal of the American Statistical Association 22, 209 (1927).
    .. [2] Z. Bai and H. Saranadasa, "Effect of high dimension: by an example of a two sample
       problem", Statistica Sinica 6, 311 (1996).
    """
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence is {confidence}; it must lie between 0 and 1.")
    a, b = numbers("first", first, replicas=0), numbers("second", second, replicas=0)
    if a.shape != b.shape or a.ndim != 2:
        raise InferenceError(
            f"both must be of one shape (replicas, points), but are {a.shape} and {b.shape}."
        )
    kept = (np.isfinite(a) & np.isfinite(b)).all(axis=0)
    power = unit(a[:, kept], b[:, kept])
    apart = in_unit(a[:, kept], power) - in_unit(b[:, kept], power)
    power, apart = power + unit(apart), in_unit(apart, unit(apart))
    replicas, points = apart.shape
    if replicas < MIN_REPLICAS or not points:
        raise InferenceError(
            f"{replicas} replicas have {points} places in common; it takes at least "
            f"{MIN_REPLICAS} replicas and one place."
        )
    square, (low, high) = _square(apart, confidence)
    distance, least, most = (back(np.sqrt(max(value, 0.0)), power) for value in (square, low, high))
    return CurveDistance(distance, (least, most), points, replicas)


def _square(apart: Floats, confidence: float) -> tuple[float, tuple[float, float]]:
    """Return the mean square of the true differences (R, points), and its interval."""
    n, points = apart.shape
    mean = apart.mean(axis=0)
    away = apart - mean
    # tr Σ and tr Σ², from whichever of two matrices is the smaller.
    products = (away @ away.T if n < points else away.T @ away) / points / (n - 1)
    trace, squared = float((away**2).sum()) / points / (n - 1), float((products**2).sum())
    squared = max(squared - trace**2 / (n - 1), 0.0) * (n - 1) ** 2 / ((n - 2) * (n + 1))
    found = float((mean**2).mean())
    along = float(((away @ mean) ** 2).sum()) / points**2 / (n - 1)
    square = found - trace / n
    t2 = float(stats.t.isf((1 - confidence) / 2, n - 1)) ** 2
    slope, least = 4 * (along / found if found > 0 else 0.0) / n, 2 * squared / n**2
    # The two roots of (S − D²)² = t²(slope·D² + least).
    middle = square + t2 * slope / 2
    half = float(np.sqrt(max(middle**2 - square**2 + t2 * least, 0.0)))
    return square, (middle - half, middle + half)
