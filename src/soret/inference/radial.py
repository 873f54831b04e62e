r"""The power-law family of Eq. 17 on a quadratic bowl, fitted by its own likelihood.

P(z) ∝ (1 + |z|²/s²)^{−φ} in n dimensions, with s known, on a shell a ≤ |z| < b. In
:math:`\ell = \log(1 + |z|^2/s^2)`, which is log L/L* for s² = 2L*/h, it is an exponential family
with the sufficient statistic ℓ: the likelihood has one maximum, where the mean of ℓ is the one
expected. The rival, exponential in |z|², is fitted in the same way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, numbers, whole_number

Floats = NDArray[np.float64]

_GAUSS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True, eq=False)
class RadialFit:
    """An exponent φ of P ∝ (1 + |z|²/s²)^{−φ}, on a shell.

    Attributes
    ----------
    exponent : float
        φ.
    interval : tuple of float
        From the profile of the likelihood, with as many samples as the chains are worth.
    confidence : float
    shell : tuple of float
        a and b, in the unit of the data.
    samples : int
        In the shell.
    effective : float
        Independent samples that would have the same error.
    goodness : float
        How probable a histogram as far from the fitted law is if that law holds.
    rival_rate : float
        β of the rival P ∝ exp(−β|z|²/s²), fitted on the same shell.
    log_ratio : float
        Log-likelihood of the power over that of the rival, per sample.
    ratio_z : float
        The same over its standard error between chains, after Vuong: above 2 the power is the
        better one, below −2 the exponential.
    """

    exponent: float
    interval: tuple[float, float]
    confidence: float
    shell: tuple[float, float]
    samples: int
    effective: float
    goodness: float
    rival_rate: float
    log_ratio: float
    ratio_z: float

    def __str__(self) -> str:
        return (
            f"exponent {self.exponent:.4g} ({100 * self.confidence:g} % interval "
            f"{self.interval[0]:.4g} to {self.interval[1]:.4g}) for |z| from {self.shell[0]:.3g} "
            f"to {self.shell[1]:.3g}, {self.samples} samples worth {self.effective:.0f}; fits with "
            f"p = {self.goodness:.2g}, better than an exponential by {self.ratio_z:.1f} errors"
        )


@answered()
def radial_fit(
    radius: ArrayLike,
    scale: float,
    dimension: int = 1,
    *,
    shell: tuple[float, float] = (0.0, np.inf),
    bins: int = 12,
    confidence: float = 0.95,
) -> RadialFit:
    r"""Fit the exponent of Eq. 17 to the samples in a shell, and test the fit.

    Chains are independent; what is in a chain need not be. Each chain adds up ℓ over its samples
    in the shell, and the error of the mean of ℓ is from the differences between chains. The
    profile of the likelihood is that of n_eff samples, n_eff = Var ℓ / Var ℓ̄, and the interval is
    where it has fallen by t²/2, Student's t with chains − 1 degrees. Goodness is Hotelling's T²
    of the counts in bins that the fitted law makes equally probable, with the covariance between
    chains and with what the fit of φ took out of them. Measured with 16 to 64 chains, correlated
    and not, 95 % intervals cover in 94 to 96 %, and goodness is below 0.05 in 3 to 7 %.

    Parameters
    ----------
    radius : array_like, shape (R, n)
        |z| for R chains that differ; nan is left out, infinity is refused.
    scale : float
        s > 0, √(2L*/h) in the paper's law.
    dimension : int
        Of z.
    shell : (float, float)
        a and b.
    bins : int
        For the goodness of fit; there must be three chains a bin.
    confidence : float

    Raises
    ------
    InferenceError
        If fewer than two samples a bin lie in the shell, or some are negative.
    SettingsError
        If an argument is outside its range.
    """
    r = numbers("radius", radius, replicas=0)
    low, high = float(shell[0]), float(shell[1])
    dimension, bins = whole_number("dimension", dimension, 1), whole_number("bins", bins, 4)
    if not (0 < scale < np.inf and 0 <= low < high and 0 < confidence < 1):
        raise SettingsError("scale and dimension must be positive, the shell and confidence rise.")
    if r.ndim != 2 or bins < 4 or len(r) < 3 * bins:
        raise SettingsError(
            f"radius must be (chains, samples) with three chains for each of {bins} bins or more, "
            f"at least four, but is {r.shape}."
        )
    if (r < 0).any() or np.isinf(r).any():
        raise InferenceError("a radius is negative or infinite; give |z|, nan where it diverged.")
    inside = (r >= low) & (r < high)
    if inside.sum() < 2 * bins:
        raise InferenceError(
            f"only {inside.sum()} samples lie between {low:g} and {high:g}; "
            f"a fit with {bins} bins needs {2 * bins}."
        )
    law = _Shell(low / scale, high / scale, dimension)
    x = np.where(inside, r / scale, 0.0)
    count, sums = inside.sum(1), np.where(inside, np.log1p(x**2), 0.0).sum(1)
    total, chains = int(count.sum()), len(r)
    mean = sums.sum() / total
    exponent = law.solve(mean, "power")
    _, expected, variance = law.moments(exponent, "power")
    between = (sums - count * expected) / total
    error_square = (between**2).sum() * chains / (chains - 1)
    if not error_square > 1e-20 * variance / total:
        raise InferenceError("the chains are all alike; independent ones have different means.")
    effective = float(variance / error_square)

    def fall(phi: float) -> float:
        change = law.moments(phi, "power")[0] - law.moments(exponent, "power")[0]
        return float(effective * ((phi - exponent) * mean + change) - quantile**2 / 2)

    quantile = stats.t.isf((1 - confidence) / 2, chains - 1)
    reach = quantile / np.sqrt(effective * variance)
    interval = (_cross(fall, exponent, -reach), _cross(fall, exponent, reach))

    square = np.where(inside, x**2, 0.0)
    rate = law.solve(square.sum() / total, "exponential")
    power_norm = law.moments(exponent, "power")[0]
    rival_norm = law.moments(rate, "exponential")[0]
    ratio = -exponent * sums + rate * square.sum(1) + count * (rival_norm - power_norm)
    log_ratio = float(ratio.sum() / total)
    spread = ratio - count * log_ratio
    ratio_z = float(ratio.sum() / np.sqrt((spread**2).sum() * chains / (chains - 1)))
    return RadialFit(
        exponent=exponent,
        interval=interval,
        confidence=confidence,
        shell=(low, high),
        samples=total,
        effective=effective,
        goodness=_goodness(law, exponent, x, inside, between, bins),
        rival_rate=rate,
        log_ratio=log_ratio,
        ratio_z=ratio_z,
    )


@answered()
def expected_exponent(
    mean_log: float, scale: float, dimension: int = 1, *, shell: tuple[float, float] = (0.0, np.inf)
) -> float:
    """Return the exponent that `radial_fit` finds in endless samples of some other law.

    Parameters
    ----------
    mean_log : float
        The mean of log(1 + |z|²/s²) on the shell under that law.
    scale, dimension, shell
        As for `radial_fit`.

    Raises
    ------
    InferenceError
        If no exponent has this mean.
    SettingsError
        If another argument is outside its range.
    """
    low, high = float(shell[0]), float(shell[1])
    dimension = whole_number("dimension", dimension, 1)
    if not (0 < scale < np.inf and 0 <= low < high):
        raise SettingsError("scale must be positive, and the shell rise.")
    mean = numbers("mean_log", mean_log)
    if mean.ndim or not 0 < mean < np.inf:
        raise InferenceError(f"mean_log must be one number, positive and finite, not {mean_log}.")
    return _Shell(shell[0] / scale, shell[1] / scale, dimension).solve(float(mean), "power")


@answered()
def histogram_p(counts: ArrayLike, probabilities: ArrayLike) -> float:
    """Return how probable counts as far from a law are if the law holds: Hotelling's T².

    Parameters
    ----------
    counts : array_like, shape (R, m)
        Of R ≥ 3m independent chains in m ≥ 2 bins that cover everything: not negative, finite.
    probabilities : array_like, shape (m,)
        What the law says of the bins, all above 0.

    Raises
    ------
    InferenceError
        If there are not three chains a bin, or a bin is empty in nearly all of them.
    """
    n, p = numbers("counts", counts, replicas=0), numbers("probabilities", probabilities)
    if n.ndim != 2 or p.shape != n.shape[1:] or len(n) < 3 * p.size or p.size < 2:
        raise InferenceError(f"counts of {n.shape} do not test {p.size} bins: three chains a bin.")
    if not (np.isfinite(n) & (n >= 0)).all() or not (np.isfinite(p) & (p > 0)).all():
        raise InferenceError("counts must be finite and not negative, probabilities above 0.")
    if ((n > 0).sum(0) < 5).any():
        raise InferenceError("a bin was met by fewer than five chains; make it wider.")
    return _hotelling(n - n.sum(1, keepdims=True) * p / p.sum())


def _hotelling(off: Floats) -> float:
    """p of the mean of rows being zero; the last column is minus the sum of the others."""
    chains, free = len(off), off.shape[1] - 1
    mean = off[:, :-1].mean(0)
    covariance = np.atleast_2d(np.cov(off[:, :-1].T))
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 0).all() or not np.linalg.cond(covariance / np.outer(scale, scale)) < 1e13:
        raise InferenceError(
            "counts do not vary between chains in every bin, or vary together; make bins wider."
        )
    square = chains * mean @ np.linalg.solve(covariance, mean)
    left = chains - free
    return float(stats.f.sf(square * left / (free * (chains - 1)), free, left))


def _goodness(
    law: _Shell, exponent: float, x: Floats, inside: NDArray[np.bool_], between: Floats, bins: int
) -> float:
    edges, probability, lean = law.bins(exponent, bins)
    place = np.clip(np.searchsorted(edges, x, "right") - 1, 0, bins - 1)
    counts = np.stack([((place == k) & inside).sum(1) for k in range(bins)], axis=1)
    off = counts - counts.sum(1, keepdims=True) * probability
    # φ̂ moves with ℓ̄ and takes the expected shares along: what each chain did to it is taken out.
    total = counts.sum()
    return _hotelling(off - total * between[:, None] * lean)


def _cross(fall: Callable[[float], float], best: float, reach: float) -> float:
    end = best + reach
    for _ in range(60):
        if fall(end) > 0:
            return float(optimize.brentq(fall, best, end))
        end += reach
    raise InferenceError("the likelihood does not bound the exponent on this shell.")


class _Shell:
    """Normalizations and moments on a ≤ x < b, in x = |z|/s = sinh w."""

    def __init__(self, low: float, high: float, dimension: int) -> None:
        self._low, self._high, self._n = np.arcsinh(low), np.arcsinh(high), dimension

    def nodes(self, parameter: float, kind: str) -> tuple[Floats, Floats, Floats]:
        """Return w, log weights and the statistic, dense where the mass is."""
        if kind == "power" and 2 * parameter <= self._n and np.isinf(self._high):
            raise InferenceError("the exponent is at half the dimension: nothing is normalized.")
        high = self._high if np.isfinite(self._high) else self._far(parameter, kind)
        # Panels grow geometrically from the inner end, where a steep law has its mass.
        steps = np.concatenate([[0.0], np.geomspace(1e-4, 1, 40)])
        edges = self._low + (high - self._low) * steps
        half = np.diff(edges)[:, None] / 2
        w = (edges[:-1, None] + half * (1 + _GAUSS[0])).ravel()
        # sinh and cosh themselves would overflow.
        log_sinh, log_cosh = (
            w + np.log(-np.expm1(-2 * w) / 2),
            w + np.log1p(np.exp(-2 * w)) - np.log(2),
        )
        log_volume = (self._n - 1) * log_sinh + log_cosh
        statistic = 2 * log_cosh if kind == "power" else np.sinh(w) ** 2
        logs = log_volume - parameter * statistic + np.log((half * _GAUSS[1]).ravel())
        return w, logs, statistic

    def moments(self, parameter: float, kind: str) -> tuple[float, float, float]:
        """Return the log normalization, and mean and variance of the statistic."""
        _, logs, statistic = self.nodes(parameter, kind)
        top = logs.max()
        weights = np.exp(logs - top)
        total = weights.sum()
        mean = (weights * statistic).sum() / total
        variance = (weights * (statistic - mean) ** 2).sum() / total
        return float(top + np.log(total)), float(mean), float(variance)

    def solve(self, mean: float, kind: str) -> float:
        """Return the parameter with this mean of the statistic, which falls with it."""
        lowest = self._n / 2 * (1 + 1e-3) if kind == "power" else 1e-9
        if np.isfinite(self._high):
            lowest = -1e3
        high = max(2 * lowest, 1.0)
        while self.moments(high, kind)[1] > mean:
            high *= 2
            if high > 1e7:
                raise InferenceError("all samples lie at the inner end of the shell.")
        if self.moments(lowest, kind)[1] < mean:
            raise InferenceError("the samples lie too far out for any law of the family.")
        return float(
            optimize.brentq(lambda v: self.moments(v, kind)[1] - mean, lowest, high, xtol=1e-11)
        )

    def bins(self, exponent: float, bins: int) -> tuple[Floats, Floats, Floats]:
        """Return edges in x, shares under the power, and what a change of ℓ̄ makes of them."""
        w, logs, _ = self.nodes(exponent, "power")
        weights = np.exp(logs - logs.max())
        inner = np.interp(np.arange(1, bins) / bins, np.cumsum(weights) / weights.sum(), w)
        edges = np.sinh(np.concatenate([[self._low], inner, [self._high]]))
        whole, mean, variance = self.moments(exponent, "power")
        pieces = [_Shell(a, b, self._n) for a, b in itertools.pairwise(edges)]
        norms, means, _ = np.array([piece.moments(exponent, "power") for piece in pieces]).T
        share = np.exp(norms - whole)
        return edges, share, share * (means - mean) / variance

    def _far(self, parameter: float, kind: str) -> float:
        """Where the law has fallen by e^{−45} from the inner end, or so."""
        if kind == "exponential":
            return float(np.arcsinh(np.sqrt(np.sinh(self._low) ** 2 + (45 + self._n) / parameter)))
        # The integrand is below a power of cosh w, which is flat at first.
        rise = float(np.log(np.cosh(self._low))) + (45 + self._n) / (2 * parameter - self._n)
        return float(np.arccosh(np.exp(rise))) if rise < 300 else rise + float(np.log(2))
