"""Tails p(x) ∝ x^{−α}, x ≥ xmin: exponents, goodness of fit, and power against exponential.

The fits and likelihoods are those of the `powerlaw` package; what correlated chains do to errors
is added here. For the family of Eq. 17, whose body is known too, see `radial_fit`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, in_unit, numbers, whole_number
from soret.inference.curves import MIN_REPLICAS

Floats = NDArray[np.float64]

#: Fewest samples of a tail.
MIN_SAMPLES = 50

_CANDIDATES = 40
_SIMULATIONS = 499
_MOST_SIMULATED = 1000
# Where the package's own numerical fits are at home; elsewhere values change their unit.
_USUAL = (1e-3, 1e3)


@dataclass(frozen=True, eq=False)
class PowerTail:
    """The exponent of a tail.

    Attributes
    ----------
    exponent : float
        α of the density; P(X > x) falls as x^{1−α}.
    interval : tuple of float
    confidence : float
    xmin : float
        Where the tail begins.
    samples, offered : int
        In the tail, and given.
    effective : float
        Independent samples that would have the same error.
    distance : float
        Kolmogorov–Smirnov, between tail and fit.
    goodness : float
        How probable a distance as large is for a power law. Where xmin was chosen to make it
        small, it is too large: only a small one says something.
    ratio_z : float
        Log-likelihood of the power over that of an exponential on the same tail, over its
        standard error (Vuong).
    ratio_p : float
        Two-sided: how probable a ratio as far from 0 is if both are equally good.
    """

    exponent: float
    interval: tuple[float, float]
    confidence: float
    xmin: float
    samples: int
    offered: int
    effective: float
    distance: float
    goodness: float
    ratio_z: float
    ratio_p: float

    def __str__(self) -> str:
        told = "either" if self.ratio_p > 0.05 else "a power" if self.ratio_z > 0 else "exponential"
        return (
            f"exponent {self.exponent:.3g} ({100 * self.confidence:g} % interval "
            f"{self.interval[0]:.3g} to {self.interval[1]:.3g}) above {self.xmin:.3g}, "
            f"{self.samples} of {self.offered} samples worth {self.effective:.0f}; "
            f"fits with p = {self.goodness:.2g}; {told} (p = {self.ratio_p:.2g})"
        )


@answered()
def power_tail(
    values: ArrayLike,
    xmin: float | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> PowerTail:
    r"""Fit a power law to a tail, after Clauset, Shalizi and Newman [1]_.

    The exponent is the most likely one, :math:`1 + n/\sum \log(x/x_{min})`. Where xmin is not
    given, it is the one of 40 quantiles (of the upper half) at which the Kolmogorov–Smirnov
    distance is least, and the interval knows of the choice: the error is that of the exponents of
    resampled values or chains, each with an xmin of its own. Samples of one chain may be
    correlated, chains are independent: errors are from the differences between chains, and the
    distance is compared with that of as many independent samples as the tail is worth.

    Measured on a power law, 95 % intervals cover in 92 to 97 % where xmin is given, with 8 to 64
    chains, correlated and not, and in 94 to 97 % of 100 to 1,600 values where it is chosen;
    goodness is below 0.05 in 0 to 4 %, for the exponent was fitted to the same samples and few
    chains say little of their worth.

    Parameters
    ----------
    values : array_like, shape (n,) or (R, n)
        Positive; of one dimension they are independent, of two they are R ≥ 8 chains that differ.
        At least 50 lie in the tail, and no value there is met so often that the fit of a
        continuous law is wrong by more than its error: more than 2√n times of n. (Whole numbers p
        of the share of the least one are fitted p/2 too steep; take ``powerlaw.Fit`` with
        ``discrete=True`` for them.)
    xmin : float, optional
        Where the tail begins.
    confidence : float
    resamples : int
        Of the values or chains, where xmin is chosen; at least 100.
    seed : int
        Of these, and of the simulated null distribution of the distance.

    Raises
    ------
    InferenceError
        If values are not positive and finite, tied as said above, chains fewer than eight or all
        alike, or the tail has fewer than 50 samples.
    SettingsError
        If another argument is outside its range.

    References
    ----------
    .. [1] A. Clauset, C. R. Shalizi and M. E. J. Newman, "Power-law distributions in empirical
       data", SIAM Review 51, 661 (2009).
    """
    if not 0 < confidence < 1 or (xmin is not None and not xmin > 0):
        raise SettingsError("confidence must lie between 0 and 1, and xmin above 0.")
    resamples = whole_number("resamples", resamples, 100)
    x = numbers("values", values, replicas=None if np.ndim(values) < 2 else 0)
    if x.ndim not in (1, 2) or x.size == 0 or not (np.isfinite(x) & (x > 0)).all():
        raise InferenceError("values must be positive and finite, (n,) or (chains, n).")
    if x.ndim == 2 and len(x) < MIN_REPLICAS:
        raise InferenceError(f"errors need at least {MIN_REPLICAS} chains, not {len(x)}.")
    start = float(xmin) if xmin is not None else _best_start(x)
    if not np.isfinite(start):
        raise SettingsError(f"xmin must be finite, not {start:g}.")
    inside = x >= start
    total = int(inside.sum())
    if total < MIN_SAMPLES:
        raise InferenceError(
            f"only {total} values are {start:g} or more; a tail needs at least {MIN_SAMPLES}."
        )
    _refuse_ties(x[inside])
    power, exponential = _fits(x[inside], start)
    alpha = float(power.alpha)
    # 1/(α − 1) is the mean of log(x/xmin): its error is that of a ratio between chains.
    excess = np.where(inside, np.log(np.where(inside, x, start) / start) - 1 / (alpha - 1), 0.0)
    error = _error(excess, total) * (alpha - 1) ** 2
    if not error > 1e-6 * (alpha - 1) / np.sqrt(total):
        raise InferenceError("the chains are all alike; independent ones have different tails.")
    effective = float((alpha - 1) ** 2 / error**2)
    units = len(x) if x.ndim == 2 else total
    if xmin is None:
        error = max(error, _error_with_choice(x, resamples, np.random.default_rng(seed)))
    half = float(stats.t.isf((1 - confidence) / 2, units - 1) * error)
    ratio = np.zeros_like(x)
    tail = in_unit(x[inside], _unit(start))
    ratio[inside] = power.loglikelihoods(tail) - exponential.loglikelihoods(tail)
    mean = float(ratio.sum() / total)
    z = mean / _error(np.where(inside, ratio - mean, 0.0), total)
    return PowerTail(
        exponent=alpha,
        interval=(alpha - half, alpha + half),
        confidence=confidence,
        xmin=start,
        samples=total,
        offered=x.size,
        effective=effective,
        distance=float(power.D),
        # What few chains make of their own correlation may be below none.
        goodness=_goodness(float(power.D), min(effective, total), np.random.default_rng(seed)),
        ratio_z=float(z),
        ratio_p=float(2 * stats.t.sf(abs(z), units - 1)),
    )


def _best_start(x: Floats) -> float:
    candidates = np.unique(np.quantile(x, np.linspace(0.5, 1, _CANDIDATES, endpoint=False)))
    enough = [start for start in candidates if (x >= start).sum() >= MIN_SAMPLES]
    if not enough:
        raise InferenceError(f"a tail needs at least {MIN_SAMPLES} values above some quantile.")
    # One value is no tail.
    enough = [start for start in enough if x.max() > start] or enough[:1]
    _refuse_ties(x[x >= enough[-1]])
    distances = [_fits(x[x >= start], start)[0].D for start in enough]
    return float(enough[int(np.argmin(distances))])


def _error_with_choice(x: Floats, resamples: int, rng: np.random.Generator) -> float:
    """Return the spread of exponents of resampled values or chains, xmin chosen in each.

    Half of what lies between the quantiles of a normal number's ± one deviation, which a few
    resamples with a tail of their own do not move.
    """
    logs, found = np.log(x), []
    for _ in range(resamples):
        drawn = logs[rng.integers(len(logs), size=len(logs))]
        exponent = _quick_exponent(np.sort(drawn, axis=None))
        if np.isfinite(exponent):
            found.append(exponent)
    if not found:
        return 0.0
    return float(np.ptp(np.quantile(found, stats.norm.cdf([-1, 1])))) / 2


def _quick_exponent(logs: Floats) -> float:
    """Return the exponent above the best of the starts, from sorted logarithms."""
    best, exponent = np.inf, np.nan
    for start in np.unique(np.quantile(logs, np.linspace(0.5, 1, _CANDIDATES, endpoint=False))):
        tail = logs[np.searchsorted(logs, start) :] - start
        mean = tail.mean()
        if tail.size < MIN_SAMPLES or not mean > 0:
            continue
        apart = abs(-np.expm1(-tail / mean) - np.arange(tail.size) / tail.size).max()
        if apart < best:
            best, exponent = apart, 1 + 1 / mean
    return float(exponent)


def _fits(tail: Floats, start: float) -> tuple[Any, Any]:
    # It brings mpmath and tqdm, and takes longer to import than to fit.
    import powerlaw

    power = _unit(start)
    with warnings.catch_warnings():
        # It warns of what it does not find, and returns something.
        warnings.simplefilter("error", UserWarning)
        # Whether whole numbers are too coarse is tested here; a rate of 0.002 is close to no edge.
        warnings.filterwarnings("ignore", "discrete=False but data", UserWarning)
        warnings.filterwarnings("ignore", "Fitted parameters are very close", UserWarning)
        try:
            # Its own range of α ends at 3.
            fit = powerlaw.Fit(
                in_unit(tail, power),
                discrete=False,
                xmin=float(np.ldexp(start, -power)),
                parameter_ranges={"alpha": (1.0, None)},
                verbose=0,
            )
            return fit.power_law, fit.exponential
        except UserWarning as error:
            raise InferenceError(
                f"no power or exponential can be fitted above {start:g} ({error})."
            ) from error


def _unit(start: float) -> int:
    return 0 if _USUAL[0] < start < _USUAL[1] else int(np.frexp(start)[1])


def _refuse_ties(tail: Floats) -> None:
    """Refuse values so discrete that the fit is wrong by more than its error.

    Where a value has the share p, a continuous fit is off by about p/2 of α − 1, whose error is
    1/√n of it.
    """
    seen, counts = np.unique(tail, return_counts=True)
    most = int(counts.argmax())
    if counts[most] > 2 * np.sqrt(tail.size):
        raise InferenceError(
            f"{counts[most]} of the {tail.size} values of the tail are {seen[most]:g}, too many "
            "for a continuous law; give values before they are rounded or cut off, or fit a "
            "discrete law (powerlaw.Fit with discrete=True)."
        )


def _error(off: Floats, total: int) -> float:
    """The standard error of a mean over `total` values, from what adds up in each chain."""
    sums = off if off.ndim == 1 else off.sum(1)
    units = total if off.ndim == 1 else len(off)
    return float(np.sqrt((sums**2).sum() * units / (units - 1)) / total)


def _goodness(distance: float, effective: float, rng: np.random.Generator) -> float:
    """p of a distance, by simulation: log x is exponential, whatever xmin and α."""
    n = int(np.clip(effective, 2, _MOST_SIMULATED))
    drawn = np.sort(rng.exponential(size=(_SIMULATIONS, n)), axis=1)
    cumulative = -np.expm1(-drawn / drawn.mean(1, keepdims=True))
    steps = np.arange(n + 1) / n
    apart = np.maximum(cumulative - steps[:-1], steps[1:] - cumulative).max(1)
    # Beyond the most simulated, distances shrink as the root of their number.
    beaten = apart * np.sqrt(n) >= distance * np.sqrt(max(effective, 2))
    return float((1 + beaten.sum()) / (1 + _SIMULATIONS))
