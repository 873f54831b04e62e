r"""The straight line through points with errors in both coordinates, by maximum likelihood.

For errors that are normal, independent between points and correlated by r_i within one,

    χ²(a, b) = Σ W_i (y_i − a − b x_i)²,   1/W_i = σ_y² + b²σ_x² − 2 b r σ_x σ_y,

once the true positions are eliminated [1]_. Its minimum is found by York's iteration, for many
sets of points at once. SciPy's own ODR is deprecated, and has no correlated errors.

References
----------
.. [1] D. York, N. M. Evensen, M. López Martínez and J. De Basabe Delgado, "Unified equations for
   the slope, intercept, and standard errors of the best straight line", American Journal of
   Physics 72, 367 (2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from soret.errors import ConvergenceError, InferenceError

Floats = NDArray[np.float64]

_ITERATIONS = 500


@dataclass(frozen=True)
class Errors:
    """Standard errors of points, and the correlation of the two errors of one point.

    Attributes
    ----------
    x, y : ndarray, shape (..., n)
        Not negative; not both 0 at a point.
    correlation : ndarray, shape (..., n)
        Between −1 and 1.
    """

    x: Floats
    y: Floats
    correlation: Floats

    def part(self, chosen: slice | NDArray[np.intp]) -> Errors:
        """Return the errors of some of the points."""
        return Errors(self.x[..., chosen], self.y[..., chosen], self.correlation[..., chosen])

    def weights(self, slope: Floats | float) -> Floats:
        """Return W for each slope: the shape of `slope`, then (n,)."""
        b = np.asarray(slope, dtype=np.float64)[..., None]
        cross = 2 * b * self.correlation * self.x * self.y
        return np.asarray(1 / (self.y**2 + b**2 * self.x**2 - cross))


def fit_line(x: Floats, y: Floats, errors: Errors) -> tuple[Floats, Floats]:
    """Return intercepts and slopes of the most likely lines.

    Parameters
    ----------
    x, y : ndarray, shape (..., n)
        Sets of points.
    errors : Errors
        Of all sets, or of each.

    Raises
    ------
    InferenceError
        If all points lie at one x.
    ConvergenceError
        If the iteration does not settle: the errors are as large as the range of the points.
    """
    centre = x - x.mean(-1, keepdims=True)
    spread = (centre**2).sum(-1)
    if not (spread > 0).all():
        raise InferenceError("all points lie at one place; they have no slope.")
    slope = (centre * (y - y.mean(-1, keepdims=True))).sum(-1) / spread
    for _ in range(_ITERATIONS):
        x_mean, y_mean, weights = _centroid(x, y, errors, slope)
        u, v = x - x_mean[..., None], y - y_mean[..., None]
        b = slope[..., None]
        # W β, with 1/ω = σ² multiplied out so that an error of 0 is allowed.
        shared = errors.correlation * errors.x * errors.y
        beta = weights * (u * errors.y**2 + b * v * errors.x**2 - (b * u + v) * shared)
        new = (weights * beta * v).sum(-1) / (weights * beta * u).sum(-1)
        change = np.abs(new - slope)
        slope = new
        if (change <= 1e-12 * (1 + np.abs(slope))).all():
            x_mean, y_mean, _ = _centroid(x, y, errors, slope)
            return y_mean - slope * x_mean, slope
    raise ConvergenceError(
        "the line through the points did not settle: their errors are as large as their range."
    )


def chi_square(x: Floats, y: Floats, errors: Errors, slope: Floats | float) -> Floats:
    """Return χ² of points of shape (n,) at each slope, least over intercepts."""
    slopes = np.asarray(slope, dtype=np.float64)
    x_mean, y_mean, weights = _centroid(x, y, errors, slopes)
    off = y - y_mean[..., None] - slopes[..., None] * (x - x_mean[..., None])
    return np.asarray((weights * off**2).sum(-1))


def likelihood_interval(
    x: Floats, y: Floats, errors: Errors, slope: float, confidence: float
) -> tuple[float, float]:
    """Return where the profile of χ² over the slope has risen by the quantile of χ²₁.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    errors : Errors
    slope : float
        The best.
    confidence : float

    Raises
    ------
    InferenceError
        If χ² does not rise so far on some side: a vertical line is not excluded.
    """
    allowed = chi_square(x, y, errors, slope) + stats.chi2.ppf(confidence, 1)
    # Angles in place of slopes: the search ends at the vertical.
    best = float(np.arctan(slope))

    def excess(angle: float | Floats) -> Floats:
        return np.asarray(chi_square(x, y, errors, np.tan(angle)) - allowed)

    ends = []
    for edge in (-np.pi / 2, np.pi / 2):
        angles = best + (edge - best) * np.geomspace(1e-9, 1 - 1e-9, 300)
        beyond = excess(angles) > 0
        if not beyond.any():
            raise InferenceError("the points do not even tell the slope from that of a vertical.")
        first = int(beyond.argmax())
        inner = angles[first - 1] if first else best
        root = optimize.brentq(lambda a: float(excess(a)), inner, angles[first], xtol=1e-15)
        ends.append(float(np.tan(root)))
    return ends[0], ends[1]


def adjusted(x: Floats, y: Floats, errors: Errors, intercept: Floats, slope: Floats) -> Floats:
    """Return the most likely true positions x of points, given the line; shape (..., n).

    They are independent of how far the points lie off the line.
    """
    b = slope[..., None]
    off = y - intercept[..., None] - b * x
    lean = b * errors.x**2 - errors.correlation * errors.x * errors.y
    return np.asarray(x + errors.weights(slope) * lean * off)


def _centroid(x: Floats, y: Floats, errors: Errors, slope: Floats) -> tuple[Floats, Floats, Floats]:
    weights = errors.weights(slope)
    total = weights.sum(-1)
    return (weights * x).sum(-1) / total, (weights * y).sum(-1) / total, weights
