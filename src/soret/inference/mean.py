"""The mean of independent values, with an interval that allows for their skewness."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, back, in_unit, numbers, unit

Floats = NDArray[np.float64]
Interval = tuple[float, float]

#: Fewest values whose skewness can be seen.
SKEWED_FROM = 5
# Below this skewness the transformation is the identity, in all digits that count.
_STRAIGHT = 1e-8


@answered("")
def student_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, Interval]:
    r"""Return the mean of independent values and its interval; NaN where there are too few.

    From five values on it is Student's, transformed for skewness as Hall does [1]_: with x̄, the
    standard deviation s and the skewness γ of n values, :math:`g(w) = w + \gamma w^2/3 +
    \gamma^2 w^3/27 + \gamma/6n` of :math:`w = (\bar x - \mu)/s` is symmetric to order 1/n where w
    itself is not, and the ends are where √n g is Student's quantile with n − 1 degrees of freedom.
    Of fewer than five, skewness cannot be seen: Student's interval as it is, which is right for
    normal values.

    Measured, 95 % intervals of the mean of 8 to 64 values cover in 94 to 95 %, for normal and for
    exponential ones; of four exponential values in 88 %.

    Parameters
    ----------
    values : (n,) array
        What is not finite is left out. Of fewer than two there is no interval, of none no mean.
    confidence : float

    Raises
    ------
    InferenceError
        If values are no numbers of one dimension.
    SettingsError
        If `confidence` is out of range.

    References
    ----------
    .. [1] P. Hall, "On the removal of skewness by transformation", Journal of the Royal
       Statistical Society B 54, 221 (1992).
    """
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence is {confidence}; it must lie between 0 and 1.")
    known = numbers("values", values)
    if known.ndim != 1:
        raise InferenceError(f"values must be of one dimension, not of shape {known.shape}.")
    known = known[np.isfinite(known)]
    power = unit(known)
    known = in_unit(known, power)
    if known.size < 2:
        return (back(known.mean(), power) if known.size else np.nan), (np.nan, np.nan)
    mean, (low, high) = skewed_interval(known, confidence)
    return back(mean, power), (back(low, power), back(high, power))


def skewed_interval(values: Floats, confidence: float) -> tuple[float, Interval]:
    """Return the mean of two values or more, all finite, and its interval, as `student_interval`.

    Parameters
    ----------
    values : ndarray, shape (n,)
    confidence : float
    """
    n = values.size
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    reach = float(stats.t.isf((1 - confidence) / 2, n - 1)) / np.sqrt(n)
    skewness = _skewness(values) if n >= SKEWED_FROM else 0.0
    low, high = (mean - deviation * _inverse(end, skewness, n) for end in (reach, -reach))
    # Where a value is unlike all others, the mean may be beyond an end of what is expected of it.
    return mean, (min(low, mean), max(high, mean))


def asymmetry(values: Floats, confidence: float) -> float:
    """Return the skewness times the reach of the interval: 1 is where Hall's g ends.

    Beyond w = −3/γ it tells one w from another no longer; and long before that the skewness is
    seen too small, for it is made by values that are rarer than one in n.

    Parameters
    ----------
    values : ndarray, shape (n,)
    confidence : float
    """
    n = values.size
    reach = float(stats.t.isf((1 - confidence) / 2, n - 1)) / np.sqrt(n)
    return float(_skewness(values) * reach)


def _skewness(values: Floats) -> float:
    """Return the skewness, less its bias for normal values; 0 where nothing varies."""
    n, away = values.size, values - values.mean()
    spread = float(np.sqrt((away**2).mean()))
    if not spread > 0:
        return 0.0
    return float(((away / spread) ** 3).mean() * np.sqrt(n * (n - 1)) / (n - 2))


def _inverse(value: float, skewness: float, n: int) -> float:
    """Return the w at which Hall's g is `value`."""
    shifted = value - skewness / (6 * n)
    if abs(skewness) < _STRAIGHT:
        return shifted
    return float(3 * (np.cbrt(1 + skewness * shifted) - 1) / skewness)
