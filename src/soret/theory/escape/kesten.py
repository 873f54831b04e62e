r"""The tail of SGD's own recursion on linear regression, at any learning rate (Kesten, 1973).

z′ = (1 − (η/B)Σxxᵀ)z + (η/B)Σxε with x ~ N(0, h1) multiplies |z| far out by a random factor A.
By rotation its law does not depend on where z points:

    A² = (1 − (ηh/B)s)² + (ηh/B)² s q,   s ~ χ²_B,  q ~ χ²_{n−1} (0 for n = 1).

If E log A < 0 there is one stationary law; if also P(A > 1) > 0, it has P(|z| > r) ~ r^{−α} with
E A^α = 1, α > 0. The density falls as L^{−(n + α)/2}, (1 + α)/2 in one dimension.

As η → 0 at fixed B, α does not tend to that of either diffusion. At α of order B/η the mean is
made by single large batches, s = (1 + w)B/(ηh), where no central limit theorem holds: for every n

    α → (w/2) B/(ηh),   w ln w = w + 1,   w/2 = 1.7956,

against 2 for the noise (6) and 1 for Gaussian noise of the exact covariance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from soret.errors import ConvergenceError, OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import Floats, finite, positive, temperature, whole

_PANELS, _ORDER = 48, 16
# In √χ²; beyond, there would be more panels than memory.
_FARTHEST = 1e5


@closed_form
def multiplier_moment(
    order: float,
    learning_rate: float,
    batch_size: int,
    curvature: float = 1.0,
    dimension: int = 1,
) -> float:
    """Return E A^k, by quadrature to about ten digits.

    A is the factor by which a step multiplies |z| far out, A² = (1 − (ηh/B)s)² + (ηh/B)² s q with
    s ~ χ²_B and q ~ χ²_{n−1}.

    Parameters
    ----------
    order : float
        k ≥ 0.
    learning_rate, curvature : float
        η, h > 0.
    batch_size, dimension : int
        B, n ≥ 1.
    """
    if not (np.isfinite(order) and order >= 0):
        raise OutsideDomain(f"the order is {order:g}; it must be at least 0.")
    step = float(temperature(learning_rate, batch_size, curvature))
    logs, weights = _multiplier(
        step, whole("batch_size", batch_size), whole("dimension", dimension), order
    )
    return float(np.exp(_log_moment(order, logs, weights)))


@closed_form
def lyapunov_exponent(
    learning_rate: float, batch_size: int, curvature: float = 1.0, dimension: int = 1
) -> float:
    """Return E log A, per step: below 0 the recursion is stationary, above it |z| → ∞ (Kesten).

    A is the factor by which a step multiplies |z| far out, A² = (1 − (ηh/B)s)² + (ηh/B)² s q with
    s ~ χ²_B and q ~ χ²_{n−1}.

    Parameters as for `multiplier_moment`; to about eight digits.
    """
    step = float(temperature(learning_rate, batch_size, curvature))
    logs, weights = _multiplier(
        step, whole("batch_size", batch_size), whole("dimension", dimension), 0.0
    )
    return float((np.exp(weights) * logs).sum())


@closed_form
def kesten_exponent(
    learning_rate: float, batch_size: int, curvature: float = 1.0, dimension: int = 1
) -> float:
    """Return α > 0 with E A^α = 1: P(|z| > r) ~ r^{−α} (Kesten 1973).

    A is the factor by which a step multiplies |z| far out, A² = (1 − (ηh/B)s)² + (ηh/B)² s q with
    s ~ χ²_B and q ~ χ²_{n−1}.

    Parameters as for `multiplier_moment`.

    Raises
    ------
    OutsideDomain
        If E log A ≥ 0: nothing is stationary.
    """
    growth = lyapunov_exponent(learning_rate, batch_size, curvature, dimension)
    if growth >= 0:
        raise OutsideDomain(
            f"|z| grows by e^{growth:.3g} a step; a stationary law needs a smaller learning rate."
        )
    step = float(temperature(learning_rate, batch_size, curvature))
    return _root(lambda order: _log_moment(order, *_multiplier(step, batch_size, dimension, order)))


@closed_form
def kesten_exponent_of(multipliers: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return α > 0 with Σ w|A|^α = 1 (Kesten 1973), for multipliers of one dimension.

    For a finite data set, batch of one: A = 1 − ηx² for each example.

    Parameters
    ----------
    multipliers : array_like, shape (m,)
    weights : array_like, shape (m,), optional
        Their probabilities, up to a factor; equal by default.

    Raises
    ------
    OutsideDomain
        If |A| ≤ 1 always: then the stationary law is bounded and has no power-law tail. If
        E log|A| ≥ 0: then there is none.
    """
    sizes = np.abs(finite("multipliers", multipliers)).ravel()
    share = np.ones(sizes.size) if weights is None else positive("weights", weights).ravel()
    if sizes.size == 0 or share.size != sizes.size:
        raise OutsideDomain(f"{share.size} weights do not fit {sizes.size} multipliers.")
    if not sizes.max() > 1:
        raise OutsideDomain(
            f"no multiplier is above 1 (the largest is {sizes.max():g}); there is no tail."
        )
    share = share / share.sum()
    with np.errstate(divide="ignore"):
        logs = np.log(sizes)
    if (share * logs).sum() >= 0:
        raise OutsideDomain("the multipliers grow on average; nothing is stationary.")
    return _root(lambda order: float(special.logsumexp(order * logs, b=share)))


def _log_moment(order: float, logs: Floats, log_weights: Floats) -> float:
    return float(special.logsumexp(order * logs + log_weights))


def _root(log_moment: Callable[[float], float]) -> float:
    """The positive zero of a convex function that is 0 and falls at 0."""
    high = 1.0
    while log_moment(high) <= 0:
        high *= 2
        if high > 2**17:
            raise ConvergenceError("the tail's exponent is above 131072; it is not looked for.")
    low = high / 2
    while log_moment(low) >= 0:
        low /= 2
        if low < 1e-6:
            raise ConvergenceError("the exponent is below 0.000001: stationary only just.")
    return float(optimize.brentq(log_moment, low, high, xtol=1e-12, rtol=1e-13))


def _multiplier(step: float, batch: int, dimension: int, order: float) -> tuple[Floats, Floats]:
    """Nodes of log A and the logarithms of their weights, as far out as A^order makes them count.

    A weight alone would underflow where a high power still outgrows it.
    """
    s, s_weights = _chi_square(batch, 2 * order, 1 / step)
    along = 1 - step * s
    if dimension == 1:
        with np.errstate(divide="ignore"):
            return np.log(np.abs(along)), s_weights
    q, q_weights = _chi_square(dimension - 1, order, None)
    square = along[:, None] ** 2 + step**2 * s[:, None] * q
    return 0.5 * np.log(square).ravel(), (s_weights[:, None] + q_weights).ravel()


def _chi_square(degrees: int, extra: float, kink: float | None) -> tuple[Floats, Floats]:
    """Gauss nodes for χ² of some degrees, and log weights, far enough out for `extra`/2 powers.

    In x = √χ², where the density is smooth; around the kink, where |1 − s/kink| is not, panels
    shrink geometrically from both sides.
    """
    far = np.sqrt(degrees + 2 * extra) + 14
    if far > _FARTHEST:
        raise OutsideDomain(
            f"a batch, dimension or power of {degrees + 2 * extra:.2g} is too large for the "
            f"quadrature; it reaches up to {_FARTHEST**2:.0e}."
        )
    # On the scale of x the density is about as wide as 1, wherever a power puts its peak.
    edges = np.linspace(0, far, max(_PANELS, int(far)) + 1)
    if kink is not None and np.sqrt(kink) < far:
        near = far / (edges.size - 1) * 0.5 ** np.arange(40)
        around = np.sqrt(kink) + np.concatenate([-near, [0.0], near])
        edges = np.union1d(edges, around[(around > 0) & (around < far)])
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    half = np.diff(edges)[:, None] / 2
    nodes = (edges[:-1, None] + half * (1 + x)).ravel()
    log = (degrees - 1) * np.log(nodes) - nodes**2 / 2
    log -= (degrees / 2 - 1) * np.log(2) + special.gammaln(degrees / 2)
    return nodes**2, np.log((half * w).ravel()) + log
