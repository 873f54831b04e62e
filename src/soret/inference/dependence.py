"""Does y grow as a power of x or exponentially in x? By likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.bootstrap import expanded_percentile, resampling_weights
from soret.inference.checks import answered, numbers, whole_number
from soret.inference.curves import MIN_REPLICAS

Floats = NDArray[np.float64]

#: Fewest points: both lines have two coefficients, and something must be left to compare.
MIN_POINTS = 4

#: Least log-likelihood ratio that tells two laws apart: one is e² = 7.4 times as likely.
EVIDENCE = 2.0
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
        Replicas resampled; 0 where standard errors were given.
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

    Errors of log y are taken to be normal. With standard errors, points are independent; with
    replicas, the mean of y (over the mean of `per`, if given) is fitted by generalized least
    squares with the covariance that whole resampled replicas have, for neighbouring thresholds
    are passed by the same replicas. p is from :math:`\chi^2`, or from Hotelling's distribution
    where the covariance was estimated.

    The interval of the log-likelihood ratio is of the ratio that resamples have, and doubles its
    noise: it is wide rather than narrow. On synthetic powers and exponentials the wrong one won
    in none of 800 data sets, with and without replicas (the tests repeat it).

    Parameters
    ----------
    x : array_like, shape (n,)
        Positive, at 4 or more different places.
    y : array_like, shape (n,) or (R, n)
        Positive. With replicas, at least 8 and two for each point, that differ at every one.
    y_error : array_like, shape (n,), optional
        Standard errors where there are no replicas, below half of y.
    per : array_like, shape (R, n), optional
        Denominators, as for `loglog_slope`.
    confidence : float
    resamples, seed : int

    Raises
    ------
    InferenceError
        If the numbers are not positive and finite, too few, or their errors too large.
    SettingsError
        If another argument is outside its range.
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
    rng = np.random.default_rng(seed)
    if values.ndim == 1:
        logs, covariance, many = _independent(values, y_error, per, resamples, rng)
        replicas = 0
    else:
        logs, covariance, many = _resampled(values, y_error, per, resamples, rng)
        replicas = len(values)
    power = _Line(np.log(places), covariance)
    exponential = _Line(places, covariance)
    ratio = (exponential.square(logs) - power.square(logs)) / 2
    ratios = (exponential.square(many) - power.square(many)) / 2

    def interval(estimates: Floats) -> tuple[float, float]:
        if replicas:
            return expanded_percentile(estimates, confidence, replicas)
        low, high = np.quantile(estimates, [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)

    return Growth(
        exponent=float(power.slope(logs)),
        exponent_interval=interval(power.slope(many)),
        rate=float(exponential.slope(logs)),
        rate_interval=interval(exponential.slope(many)),
        log_ratio=float(ratio),
        ratio_interval=interval(ratios),
        power_p=_p(float(power.square(logs)), places.size - 2, replicas),
        exponential_p=_p(float(exponential.square(logs)), places.size - 2, replicas),
        confidence=confidence,
        points=places.size,
        replicas=replicas,
    )


class _Line:
    """Generalized least squares of a straight line; the covariance is fixed."""

    def __init__(self, x: Floats, covariance: Floats) -> None:
        self._root = np.linalg.inv(np.linalg.cholesky(covariance))
        # A column far from 1 would be taken for nothing, or the other one would.
        far = int(np.frexp(np.abs(x).max())[1])
        self._power = far if abs(far) > _USUAL else 0
        columns = self._root @ np.stack([np.ones_like(x), np.ldexp(x, -self._power)], axis=1)
        self._inverse = np.linalg.pinv(columns)
        self._left = np.eye(x.size) - columns @ self._inverse

    def slope(self, y: Floats) -> Floats:
        return np.ldexp(np.asarray(y @ (self._inverse @ self._root)[1]), -self._power)

    def square(self, y: Floats) -> Floats:
        """χ² of the residuals."""
        return np.asarray(((y @ (self._left @ self._root).T) ** 2).sum(-1))


def _p(square: float, degrees: int, replicas: int) -> float:
    if not replicas:
        return float(stats.chi2.sf(square, degrees))
    left = replicas - degrees
    return float(stats.f.sf(square * left / (degrees * (replicas - 1)), degrees, left))


def _independent(
    y: Floats,
    y_error: ArrayLike | None,
    per: ArrayLike | None,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
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
    logs = np.log(y)
    many = logs + relative * rng.normal(size=(resamples, y.size))
    return logs, np.diag(relative**2), many


def _resampled(
    y: Floats,
    y_error: ArrayLike | None,
    per: ArrayLike | None,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    if y_error is not None:
        raise InferenceError("give replicas or standard errors, not both.")
    needed = max(MIN_REPLICAS, 2 * y.shape[1])
    if len(y) < needed:
        raise InferenceError(
            f"{y.shape[1]} points need at least {needed} replicas for their covariance, "
            f"not {len(y)}."
        )
    below = np.ones_like(y) if per is None else numbers("per", per, replicas=0)
    if below.shape != y.shape or not (np.isfinite(below) & (below >= 0)).all():
        raise InferenceError("per must be finite, not negative, and of the shape of y.")
    shares = resampling_weights(len(y), resamples, rng)
    under = shares @ below
    if not (under > 0).all():
        raise InferenceError(
            "some resample has nothing to divide by: leave out points with so few events."
        )
    influence = y / y.mean(0) - below / below.mean(0)
    covariance = influence.T @ influence / (len(y) * (len(y) - 1))
    if not np.sqrt(np.diag(covariance)).min() > 1e-14 or not np.linalg.cond(covariance) < 1e12:
        raise InferenceError(
            "some points do not differ between replicas, or always err together; leave out all but "
            "one of those."
        )
    return np.log(y.mean(0) / below.mean(0)), covariance, np.log(shares @ y / under)
