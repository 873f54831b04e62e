r"""A smooth function of means over replicas: odds, a rate, a ratio, a slope through either.

The delta method takes the function for a straight line at the means, and its error for that of a
normal number. Here the function itself is evaluated without each replica in turn, and the interval
is Student's of the pseudo-values (:mod:`soret.inference.jackknife`). A function that makes errors
symmetric, such as a logarithm, does more for it than a correction for their skewness, which of few
and coarse numbers is not known.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, numbers
from soret.inference.curves import MIN_REPLICAS
from soret.inference.jackknife import jackknife_interval, means_without

Floats = NDArray[np.float64]


@answered()
def function_of_means(
    function: Callable[[Floats], ArrayLike], values: ArrayLike, *, confidence: float = 0.95
) -> tuple[float, tuple[float, float]]:
    r"""Return f(mean of the values) and its interval.

    Intervals are closest to what they say where f is nearly a straight line over the errors of
    the means: take log odds in place of odds and the logarithm of a rate in place of the rate, and
    its ends back. A weight that is itself estimated belongs into f, as a function of means of
    squares: it errs with what it weighs.

    Columns may depend on each other, as runs with the same random numbers do; independent runs may
    be put side by side in any order.

    Measured with 8 to 64 replicas, 95 % intervals cover in 92 to 97 %: of log-odds of shares of
    time, of the logarithm of a rate (events over time watched), of that of a ratio of means, and of
    weighted slopes through the first two. Of eight replicas with three events, or as rarely in one
    of two states, they cover in 98 %: such counts are coarse.

    Parameters
    ----------
    function : callable
        Takes means (..., k) to numbers (...); differentiable at the true means.
    values : array_like, shape (R, k)
        k numbers of each of R ≥ 8 independent replicas, finite.
    confidence : float

    Returns
    -------
    estimate : float
    interval : (float, float)

    Raises
    ------
    InferenceError
        If values are not of this form or too few, or the function is not finite at the means of
        all replicas or of all but one: too few of them have what it divides by, say.
    SettingsError
        If `confidence` is out of range.

    Examples
    --------
    The rate of escapes, of replicas watched for some time that escaped or did not:

    >>> def log_rate(means):
    ...     return np.log(means[..., 0] / means[..., 1])
    >>> rate, (low, high) = function_of_means(log_rate, np.stack([escaped, watched], axis=1))
    """
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence is {confidence}; it must lie between 0 and 1.")
    x = numbers("values", values, replicas=0)
    if x.ndim != 2 or not x.shape[1] or not np.isfinite(x).all():
        raise InferenceError(f"values must be finite, of shape (replicas, k), not {x.shape}.")
    if len(x) < MIN_REPLICAS:
        raise InferenceError(f"an interval needs at least {MIN_REPLICAS} replicas, not {len(x)}.")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        whole = np.asarray(function(x.mean(0)), dtype=np.float64)
        without = np.asarray(function(means_without(x)), dtype=np.float64)
    if whole.shape or without.shape != (len(x),):
        raise InferenceError(
            f"the function must take means (..., k) to numbers (...), but makes {whole.shape} of "
            f"{x.shape[1:]} and {without.shape} of {x.shape}."
        )
    if not (np.isfinite(whole) and np.isfinite(without).all()):
        raise InferenceError(
            "the function is not finite at the means of all replicas, or of all but one: too few "
            "of them have what it divides by or takes the logarithm of."
        )
    return float(whole), jackknife_interval(float(whole), without, confidence)
