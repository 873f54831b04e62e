"""Does y grow as a power of x or exponentially in x? By likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, numbers, whole_number
from soret.inference.curves import MIN_REPLICAS
from soret.inference.jackknife import jackknife_interval, means_without
from soret.inference.points import events

Floats = NDArray[np.float64]

#: Fewest points: both lines have two coefficients, and something must be left to compare.
MIN_POINTS = 4

#: Fewest replicas for each degree of freedom of the fit, points less two: of fewer the covariance
#: is so uncertain that a right law of skewed values is rejected at 5 % in 9 %.
REPLICAS_A_DEGREE = 4

#: Least log-likelihood ratio that tells two laws apart: one is e² = 7.4 times as likely.
EVIDENCE = 2.0
# Numbers that replicas left out in turn may take of memory at once.
_AT_ONCE = 2**22
# Powers of two of x between which its unit is left alone.
_USUAL = 20


@dataclass(frozen=True, eq=False)
class Growth:
    """A power of x against an exponential of x.

    Attributes
    ----------
    exponent, exponent_interval : float, tuple of float
        a of y ∝ x^a.
    rate, rate_interval : float, tuple of float
        b of y ∝ exp(bx).
    log_ratio : float
        Log-likelihood of the power over that of the exponential; both have two parameters, so
        that it is half the difference of their AIC, too.
    ratio_interval : tuple of float
        Of it, when the data are drawn again: what another experiment would have found.
    power_p, exponential_p : float
        How probable residuals as large as those about each are where it holds.
    confidence : float
    points : int
    replicas : int
        Replicas; 0 where standard errors were given.
    """

    exponent: float
    exponent_interval: tuple[float, float]
    rate: float
    rate_interval: tuple[float, float]
    log_ratio: float
    ratio_interval: tuple[float, float]
    power_p: float
    exponential_p: float
    confidence: float
    points: int
    replicas: int

    @property
    def winner(self) -> Literal["power", "exponential", "neither"]:
        """Which one the likelihood prefers, whatever the draw; "neither" if that is not told.

        It takes a log-likelihood ratio of 2 or more (`EVIDENCE`) with an interval that leaves out
        0. The winner is the better one, which need not be a good one: see its p.
        """
        if self.log_ratio >= EVIDENCE and self.ratio_interval[0] > 0:
            return "power"
        against = self.log_ratio <= -EVIDENCE and self.ratio_interval[1] < 0
        return "exponential" if against else "neither"

    @property
    def power_weight(self) -> float:
        """The Akaike weight of the power, between 0 and 1."""
        return float(1 / (1 + np.exp(-np.clip(self.log_ratio, -700, 700))))

    def __str__(self) -> str:
        told = {"power": "a power", "exponential": "an exponential", "neither": "either"}
        return (
            f"{told[self.winner]}: log-likelihood ratio {self.log_ratio:.3g} "
            f"({100 * self.confidence:g} % interval {self.ratio_interval[0]:.3g} to "
            f"{self.ratio_interval[1]:.3g}) for x^{self.exponent:.3g} "
            f"({self.exponent_interval[0]:.3g} to {self.exponent_interval[1]:.3g}; p = "
            f"{self.power_p:.2g}) over exp({self.rate:.3g} x) ({self.rate_interval[0]:.3g} to "
            f"{self.rate_interval[1]:.3g}; p = {self.exponential_p:.2g}), {self.points} points"
        )


@answered()
def power_or_exponential(
    x: ArrayLike,
    y: ArrayLike,
    y_error: ArrayLike | None = None,
    *,
    per: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Growth:
    r"""Compare log y = A + a log x with log y = A + b x by their likelihoods.

    Errors of log y are taken to be normal. With standard errors, points are independent, and
    intervals are those of estimates from points drawn again with these errors: that of the
    log-likelihood ratio doubles its noise, and is wide rather than narrow. With replicas, the mean
    of y (over the mean of `per`, if given) is fitted by generalized least squares with their
    covariance, for neighbouring thresholds are passed by the same replicas, and intervals are from
    replicas left out in turn, the covariance estimated anew each time
    (:mod:`soret.inference.jackknife`); the likelihood is that of the covariance's inverse less its
    bias [1]_. p is from :math:`\chi^2`, or from Hotelling's distribution where the covariance was
    estimated.

    Measured with 8 to 64 replicas of 4 points and 32 and 64 of 8, normal and exponential,
    correlated and not: 95 % intervals cover in 93 to 97 %, the right law is rejected at 5 % in 3 to
    8 %, and the wrong one won in none of 28,000 data sets.

    Parameters
    ----------
    x : array_like, shape (n,)
        Positive, at 4 or more different places.
    y : array_like, shape (n,) or (R, n)
        Positive. With replicas, at least 8 and four times the points less two, that differ at every
        one.
    y_error : array_like, shape (n,), optional
        Standard errors where there are no replicas, below half of y.
    per : array_like, shape (R, n), optional
        Denominators, as for `loglog_slope`.
    confidence : float
    resamples, seed : int
        Of the points drawn again, where standard errors are given.

    Raises
    ------
    InferenceError
        If the numbers are not positive and finite, too few, or their errors too large.
    SettingsError
        If another argument is outside its range.

    References
    ----------
    .. [1] J. Hartlap, P. Simon, P. Schneider, Astronomy & Astrophysics 464, 399 (2007).
    """
    if not 0 < confidence < 1 or resamples < 100:
        raise SettingsError("confidence must lie between 0 and 1, with 100 resamples or more.")
    whole_number("resamples", resamples, 100)
    places, values = numbers("x", x), numbers("y", y)
    if values.ndim == 2:
        numbers("y", y, replicas=0)
    if places.ndim != 1 or values.ndim not in (1, 2) or values.shape[-1] != places.size:
        raise InferenceError(
            f"x must be of shape (n,) and y of (n,) or (replicas, n), but are {places.shape} and "
            f"{values.shape}."
        )
    if np.unique(places).size < MIN_POINTS or not (np.isfinite(places) & (places > 0)).all():
        raise InferenceError(f"x must be positive, at {MIN_POINTS} different places or more.")
    if not (np.isfinite(values) & (values > 0)).all():
        raise InferenceError("y must be positive and finite to take logarithms.")
    if values.ndim == 1:
        logs, covariance = _independent(values, y_error, per)
        laws = _Laws(places, covariance)
        estimates, replicas = laws.estimates(logs), 0
        rng = np.random.default_rng(seed)
        noise = np.sqrt(np.diag(covariance)) * rng.normal(size=(resamples, places.size))
        ends = np.quantile(
            laws.estimates(logs + noise), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0
        )
        intervals = [(float(low), float(high)) for low, high in ends.T]
    else:
        below, replicas = _denominators(values, y_error, per), len(values)
        logs, covariance = _means(values, below)
        _check(covariance)
        laws = _Laws(places, covariance)
        # The log-likelihood ratio is `replicas` times that of one.
        grown = np.array([1.0, 1.0, replicas])
        estimates = laws.estimates(logs) * _of_one(replicas, places.size) * grown
        intervals = [
            jackknife_interval(float(whole), without, confidence)
            for whole, without in zip(
                estimates, (_without_each(places, values, below) * grown).T, strict=True
            )
        ]
    return Growth(
        exponent=float(estimates[0]),
        exponent_interval=intervals[0],
        rate=float(estimates[1]),
        rate_interval=intervals[1],
        log_ratio=float(estimates[2]),
        ratio_interval=intervals[2],
        power_p=_p(float(laws.power.square(logs)), places.size - 2, replicas),
        exponential_p=_p(float(laws.exponential.square(logs)), places.size - 2, replicas),
        confidence=confidence,
        points=places.size,
        replicas=replicas,
    )


class _Laws:
    """Both laws, for errors of one covariance."""

    def __init__(self, x: Floats, covariance: Floats) -> None:
        self.power, self.exponential = _Line(np.log(x), covariance), _Line(x, covariance)

    def estimates(self, logs: Floats) -> Floats:
        """Return exponent, rate and log-likelihood ratio of each row; shape (..., 3)."""
        ratio = (self.exponential.square(logs) - self.power.square(logs)) / 2
        return np.stack([self.power.slope(logs), self.exponential.slope(logs), ratio], axis=-1)


class _Line:
    """Generalized least squares of a straight line; the covariance, or each of several, is fixed.

    Parameters
    ----------
    x : ndarray, shape (n,)
    covariance : ndarray, shape (..., n, n)
    """

    def __init__(self, x: Floats, covariance: Floats) -> None:
        root = np.linalg.inv(np.linalg.cholesky(covariance))
        # A column far from 1 would be taken for nothing, or the other one would.
        far = int(np.frexp(np.abs(x).max())[1])
        self._power = far if abs(far) > _USUAL else 0
        columns = root @ np.stack([np.ones_like(x), np.ldexp(x, -self._power)], axis=1)
        inverse = np.linalg.pinv(columns)
        self._slope = (inverse @ root)[..., 1, :]
        self._left = (np.eye(x.size) - columns @ inverse) @ root

    def slope(self, y: Floats) -> Floats:
        return np.ldexp(np.asarray((self._slope * y).sum(-1)), -self._power)

    def square(self, y: Floats) -> Floats:
        """χ² of the residuals."""
        return np.asarray(((self._left @ y[..., None])[..., 0] ** 2).sum(-1))


def _p(square: float, degrees: int, replicas: int) -> float:
    if not replicas:
        return float(stats.chi2.sf(square, degrees))
    left = replicas - degrees
    return float(stats.f.sf(square * left / (degrees * (replicas - 1)), degrees, left))


def _independent(
    y: Floats, y_error: ArrayLike | None, per: ArrayLike | None
) -> tuple[Floats, Floats]:
    if per is not None:
        raise InferenceError("a ratio of means needs replicas of both.")
    if y_error is None:
        raise InferenceError("give replicas, or standard errors of y.")
    try:
        errors = np.broadcast_to(numbers("y_error", y_error), y.shape)
    except InferenceError:
        raise
    except ValueError:
        raise InferenceError("y_error must be one number for each point.") from None
    with np.errstate(over="ignore", invalid="ignore"):
        relative = errors / y
    if not (np.isfinite(relative) & (relative > 0) & (relative < 0.5)).all():
        raise InferenceError("errors of y must be positive and below half of it.")
    return np.log(y), np.diag(relative**2)


def _denominators(y: Floats, y_error: ArrayLike | None, per: ArrayLike | None) -> Floats:
    if y_error is not None:
        raise InferenceError("give replicas or standard errors, not both.")
    needed = max(MIN_REPLICAS, REPLICAS_A_DEGREE * (y.shape[1] - 2))
    if len(y) < needed:
        raise InferenceError(
            f"{y.shape[1]} points need at least {needed} replicas for their covariance, "
            f"not {len(y)}."
        )
    return np.ones_like(y) if per is None else events(y, per)


def _means(y: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of means over means, and their covariance."""
    above, under = y.mean(0), below.mean(0)
    influence = y / above - below / under
    covariance = influence.T @ influence / (len(y) * (len(y) - 1))
    return np.log(above / under), covariance


def _check(covariance: Floats) -> None:
    if not np.sqrt(np.diag(covariance)).min() > 1e-14 or not np.linalg.cond(covariance) < 1e12:
        raise InferenceError(
            "some points do not differ between replicas, or always err together; leave out all but "
            "one of those."
        )


def _without_each(x: Floats, y: Floats, below: Floats) -> Floats:
    """Return the estimates without each replica, (R, 3), the covariance estimated anew."""
    n = len(y)
    above, under = means_without(y), means_without(below)
    logs, found = np.log(above / under), []
    each = max(1, _AT_ONCE // y.size)
    for first in range(0, n, each):
        some = slice(first, first + each)
        influence = y / above[some, None] - below / under[some, None]
        # Without itself.
        rows = np.arange(n)[some]
        influence[rows - first, rows] = 0.0
        covariance = influence.swapaxes(1, 2) @ influence / ((n - 1) * (n - 2))
        found.append(_Laws(x, covariance).estimates(logs[some]))
    return np.concatenate(found) * _of_one(n - 1, x.size)


def _of_one(replicas: int, points: int) -> Floats:
    """Return what takes estimates to those of one replica, the inverse covariance less its bias."""
    unbiased = (replicas - points - 2) / (replicas - 1)
    return np.array([1.0, 1.0, unbiased / replicas])
