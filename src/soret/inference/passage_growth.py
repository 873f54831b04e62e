"""How mean first-passage times grow with the threshold: its power, and power or exponential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.bootstrap import expanded_percentile, resampling_weights
from soret.inference.checks import answered, must_vary, numbers, whole_number
from soret.inference.curves import MIN_REPLICAS

Floats = NDArray[np.float64]

#: Fewest thresholds that tell a line from a bend with something to spare.
MIN_THRESHOLDS = 4
#: Fewest passages for a resampled mean time to make sense.
MIN_PASSAGES = 8


@dataclass(frozen=True, eq=False)
class PassageGrowth:
    """Mean first-passage times T(c) over a range of thresholds c, and what law they follow.

    Attributes
    ----------
    thresholds, mean_times : ndarray, shape (k,)
        The thresholds used, and T there: time watched over passages.
    exponent : float
        a of T ∝ c^a: the slope on a log–log plot, all points alike.
    interval : tuple of float
        Over resampled replicas.
    rate : float
        b of T ∝ e^{bc}, the rival's.
    advantage : float
        Log-likelihood of the power law minus that of the exponential.
    advantage_interval : tuple of float
        Over resampled replicas: above 0, the times speak for the power law; below 0, for the
        exponential.
    power_p, exponential_p : float
        How probable a departure as large as this one is, if the law holds.
    confidence : float
    replicas : int
    """

    thresholds: Floats
    mean_times: Floats
    exponent: float
    interval: tuple[float, float]
    rate: float
    advantage: float
    advantage_interval: tuple[float, float]
    power_p: float
    exponential_p: float
    confidence: float
    replicas: int

    @property
    def law(self) -> str:
        """What the times follow: "power", "exponential" or "undecided"."""
        low, high = self.advantage_interval
        if low > 0:
            return "power"
        return "exponential" if high < 0 else "undecided"

    def __str__(self) -> str:
        first, last = self.thresholds[[0, -1]]
        return (
            f"{self.law}: log-likelihood of power over exponential {self.advantage:.3g} "
            f"({100 * self.confidence:g} % interval {self.advantage_interval[0]:.3g} to "
            f"{self.advantage_interval[1]:.3g}); exponent {self.exponent:.3g} "
            f"({self.interval[0]:.3g} to {self.interval[1]:.3g}) over {self.thresholds.size} "
            f"thresholds from {first:.3g} to {last:.3g}, {self.replicas} replicas"
        )


@answered()
def passage_growth(
    thresholds: ArrayLike,
    times: ArrayLike,
    censored_at: ArrayLike,
    *,
    within: tuple[float, float] = (0.0, np.inf),
    shortest: float = 0.0,
    least_passed: float = 0.5,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> PassageGrowth:
    r"""Fit log T = a log c + const, and log T = bc + const, and compare them.

    T is the time watched over the number of passages: the mean where all passed, and its most
    likely value for exponential times where some did not. A replica that passes a threshold late
    passes the next ones late too, so the errors of log T hang together: the likelihoods are those
    of normal errors with the covariance Σ over resampled replicas, corrected for its own error as
    Hartlap et al. do [1]_.

    Parameters
    ----------
    thresholds : array_like, shape (n,)
        c > 0, ascending.
    times : array_like, shape (R, n)
        First passages of R ≥ 8 replicas, which must differ; nan where a replica did not pass.
    censored_at : array_like, shape () or (R,)
        How long replicas were watched.
    within : (float, float)
        Which thresholds may be used.
    shortest : float
        Use thresholds only with a mean time of at least this.
    least_passed : float
        Use thresholds only that at least this fraction of replicas passed.
    confidence : float
    resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    InferenceError
        If fewer than four thresholds are left, or the numbers form no passage times.
    SettingsError
        If another argument is outside its range.

    References
    ----------
    .. [1] J. Hartlap, P. Simon, P. Schneider, Astronomy & Astrophysics 464, 399 (2007).
    """
    if not 0 < confidence < 1 or resamples < 100 or not 0 < least_passed <= 1:
        raise SettingsError(
            "passage_growth needs a confidence between 0 and 1, at least 100 resamples and "
            "least_passed above 0 and up to 1."
        )
    c, exposure, passed = _read(thresholds, times, censored_at)
    replicas = len(exposure)
    whole_number("resamples", resamples, 100)
    chosen = passed.sum(0) >= max(MIN_PASSAGES, least_passed * replicas)
    with np.errstate(divide="ignore"):
        chosen &= exposure.sum(0) / passed.sum(0) >= shortest
    chosen &= (c >= within[0]) & (c <= within[1])
    # A covariance of more thresholds than replicas has no inverse.
    most = replicas - 5
    if MIN_THRESHOLDS <= most < chosen.sum():
        chosen[np.flatnonzero(chosen)[most:]] = False
    if chosen.sum() < MIN_THRESHOLDS:
        raise InferenceError(
            f"{int(chosen.sum())} of {c.size} thresholds lie in the range and were passed by "
            f"enough of the {replicas} replicas; {MIN_THRESHOLDS} are needed: watch longer, or "
            "set thresholds closer."
        )
    c, exposure, passed = c[chosen], exposure[:, chosen], passed[:, chosen]
    plain, logs = _log_means(exposure, passed, resamples, seed)
    must_vary("log T over replicas", logs, logs - plain)

    corrected = max((replicas - c.size - 2) / (replicas - 1), 1 / replicas)
    spread = np.cov(logs, rowvar=False)
    inverse = np.linalg.pinv(spread, rcond=1e-10, hermitian=True)
    precision = np.asarray(corrected * inverse, np.float64)
    power, exponential = _Line(np.log(c), precision), _Line(c, precision)
    advantages = 0.5 * (exponential.misfit(logs) - power.misfit(logs))
    slopes = np.array([_slope(np.log(c), row) for row in logs])
    freedom = c.size - 2
    return PassageGrowth(
        c,
        np.exp(plain),
        _slope(np.log(c), plain),
        expanded_percentile(slopes, confidence, replicas),
        _slope(c, plain),
        float(0.5 * (exponential.misfit(plain) - power.misfit(plain))),
        expanded_percentile(advantages, confidence, replicas),
        float(stats.chi2.sf(power.misfit(plain), freedom)),
        float(stats.chi2.sf(exponential.misfit(plain), freedom)),
        confidence,
        replicas,
    )


@answered()
def local_exponent(
    thresholds: ArrayLike,
    times: ArrayLike,
    censored_at: ArrayLike,
    *,
    points: int = 4,
    least_passed: float = 0.5,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return d log T / d log c in windows of neighbouring thresholds.

    Parameters
    ----------
    thresholds, times, censored_at, least_passed, confidence, resamples, seed
        As for `passage_growth`.
    points : int
        Thresholds in a window, at least 2.

    Returns
    -------
    middle, exponent, low, high : ndarray, shape (windows,)
        The geometric middle of each window, the slope there and its interval; empty where too few
        thresholds were passed. Neighbouring windows share thresholds and replicas.
    """
    points, resamples = whole_number("points", points, 2), whole_number("resamples", resamples, 100)
    if not 0 < confidence < 1 or not 0 < least_passed <= 1:
        raise SettingsError(
            "confidence must lie between 0 and 1, least_passed above 0 and up to 1."
        )
    c, exposure, passed = _read(thresholds, times, censored_at)
    chosen = passed.sum(0) >= max(MIN_PASSAGES, least_passed * len(exposure))
    # At the start T may be 0, and has no logarithm.
    chosen &= (exposure > 0).all(axis=0)
    c, exposure, passed = c[chosen], exposure[:, chosen], passed[:, chosen]
    found = []
    if c.size >= points:
        plain, logs = _log_means(exposure, passed, resamples, seed)
        for first in range(c.size - points + 1):
            window = slice(first, first + points)
            x = np.log(c[window])
            slopes = np.array([_slope(x, row) for row in logs[:, window]])
            between = expanded_percentile(slopes, confidence, len(exposure))
            found.append((np.exp((x[0] + x[-1]) / 2), _slope(x, plain[window]), *between))
    middle, slope, low, high = np.array(found).reshape(-1, 4).T
    return middle, slope, low, high


class _Line:
    """The misfit χ² of the best line in x, for errors of a given precision matrix."""

    def __init__(self, x: Floats, precision: Floats) -> None:
        design = np.stack([np.ones_like(x), x - x.mean()], axis=1)
        normal = design.T @ precision @ design
        weighted = precision @ design
        self._residual = precision - weighted @ np.linalg.solve(normal, weighted.T)

    def misfit(self, y: Floats) -> Floats:
        """Return χ² of each row."""
        return np.asarray(np.einsum("...i,ij,...j", y, self._residual, y))


def _log_means(
    exposure: Floats, passed: Floats, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Return log T of all replicas, (k,), and of resampled ones, (resamples, k)."""
    shares = resampling_weights(len(exposure), resamples, np.random.default_rng(seed))
    events = shares @ passed
    # A resample without a passage has no mean; there is hardly one where half passed.
    complete = (events > 0).all(axis=1)
    watched = shares[complete] @ exposure
    if not (watched > 0).all():
        raise InferenceError(
            "nearly all replicas passed a threshold at time 0, whose logarithm says nothing; give "
            "the shortest mean time to use, or leave that threshold out."
        )
    logs = np.log(watched / events[complete])
    return np.log(exposure.sum(0) / passed.sum(0)), logs


def _slope(x: Floats, y: Floats) -> float:
    away = x - x.mean()
    return float(away @ y / (away @ away))


def _read(
    thresholds: ArrayLike, times: ArrayLike, censored_at: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return thresholds, the time each replica was watched for each, and whether it passed."""
    c = numbers("thresholds", thresholds)
    first = numbers("times", times, replicas=0)
    if c.ndim != 1 or first.ndim != 2 or first.shape[1] != c.size:
        raise InferenceError(
            f"times must be of shape (replicas, {c.size}), one for each threshold, not "
            f"{first.shape}."
        )
    if not (np.isfinite(c).all() and (c > 0).all() and (np.diff(c) > 0).all()):
        raise InferenceError("thresholds must be positive and ascend.")
    if len(first) < MIN_REPLICAS:
        raise InferenceError(f"at least {MIN_REPLICAS} replicas are needed, not {len(first)}.")
    limit = numbers("censored_at", censored_at)
    if limit.shape not in ((), (1,), (len(first),)):
        raise InferenceError(
            f"censored_at must be one number, or one for each of {len(first)} replicas, not of "
            f"shape {limit.shape}."
        )
    limit = np.broadcast_to(limit.reshape(-1, 1), first.shape)
    passed = ~np.isnan(first)
    if not (np.isfinite(limit).all() and (limit > 0).all()):
        raise InferenceError("censored_at must be positive and finite.")
    if not ((first[passed] >= 0) & (first[passed] <= limit[passed])).all():
        raise InferenceError("a passage time is negative, or later than censored_at.")
    return c, np.where(passed, first, limit), passed.astype(np.float64)
