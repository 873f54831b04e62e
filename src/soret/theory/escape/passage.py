r"""Mean first-passage times in one dimension, by quadrature, for state-dependent noise (Itô).

For dx = a(x)dt + √(2D(x)) dW the time T solves aT′ + DT″ = −1. With Φ = −∫a/D, the zero-flux
density is p ∝ e^{−Φ}/D, the scale has the density e^Φ, and between reflection at `lower` and
absorption at `upper`

    T(x) = ∫_x^upper dy e^{Φ(y)} ∫_lower^y dz e^{−Φ(z)}/D(z).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate

from soret.errors import ConvergenceError, OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import Floats, at_least, finite, positive
from soret.theory.escape.stationary import StationaryLaw

Field = Callable[[Floats], ArrayLike]
Wall = Literal["absorbing", "reflecting"]

ORDER = 12
"""Gauss nodes in a panel."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(ORDER)


def _antiderivative() -> Floats:
    """The matrix that takes values at the nodes of [−1, 1] to integrals from −1 to the nodes."""
    legendre = np.polynomial.legendre
    basis = np.linalg.inv(legendre.legvander(_NODES, ORDER - 1))
    integrals = [legendre.legval(_NODES, legendre.legint(row, lbnd=-1)) for row in basis.T]
    return np.stack(integrals, axis=1)


_INTEGRATE = _antiderivative()


class ZeroFlux(NamedTuple):
    """The stationary density without flux, at quadrature points.

    Attributes
    ----------
    points, weights, density : ndarray, shape (m,)
        Σ weights·density = 1.
    """

    points: Floats
    weights: Floats
    density: Floats


@closed_form
def zero_flux_density(
    drift: Field, diffusion: Field, lower: float, upper: float, panels: int = 256
) -> ZeroFlux:
    """Return p ∝ D^{−1} exp ∫(a/D) between reflecting walls, normalized.

    Parameters
    ----------
    drift, diffusion : callable
        a and D > 0 at points, shape (m,) to shape (m,); the noise is √(2D) dW, Itô.
    lower, upper : float
        The walls.
    panels : int
        Of 12 Gauss nodes each.
    """
    grid = _Grid(drift, diffusion, lower, upper, panels)
    mass = np.exp(-(grid.potential - grid.potential.min())) / grid.spread
    total = grid.weights * mass
    return ZeroFlux(grid.points.ravel(), grid.weights.ravel(), (mass / total.sum()).ravel())


@closed_form
def mean_first_passage_time(
    drift: Field,
    diffusion: Field,
    start: float,
    lower: float,
    upper: float,
    at_lower: Wall = "reflecting",
    at_upper: Wall = "absorbing",
    relative: float = 1e-8,
) -> float:
    r"""Return the mean time until a path that starts inside is absorbed.

    The solution of aT′ + DT″ = −1 at `start`: T = 0 where a wall absorbs, T′ = 0 where it reflects.

    Parameters
    ----------
    drift, diffusion : callable
        a and D > 0 at points, shape (m,) to shape (m,); smooth on [lower, upper], walls included.
    start : float
        Between the walls.
    lower, upper : float
    at_lower, at_upper : {"absorbing", "reflecting"}
        At least one absorbs.
    relative : float
        Largest difference between the answer and that with half as many panels.

    Returns
    -------
    float
        In the unit of t in dx = a dt + √(2D) dW.

    Raises
    ------
    OutsideDomain
        If nothing absorbs, D ≤ 0 somewhere, or the barrier is beyond e^700.
    ConvergenceError
        If 8,192 panels are not enough.
    """
    if not lower <= start <= upper or not lower < upper:
        raise OutsideDomain(f"the start {start:g} does not lie between {lower:g} and {upper:g}.")
    walls = (at_lower, at_upper)
    if any(wall not in ("absorbing", "reflecting") for wall in walls):
        raise OutsideDomain(f"walls are {walls}; each must be absorbing or reflecting.")
    if "absorbing" not in walls:
        raise OutsideDomain("both walls reflect; nothing ever passes.")
    if at_upper == "reflecting":
        # The mirror image absorbs at its upper wall.
        return mean_first_passage_time(
            lambda x: -np.asarray(drift(-x)),
            lambda x: diffusion(-x),
            *(-start, -upper, -lower, "reflecting", "absorbing", relative),
        )
    before, panels = np.inf, 32
    while panels <= 8192:
        found = _passage(drift, diffusion, start, lower, upper, at_lower, panels)
        if abs(found - before) <= relative * abs(found):
            return found
        before, panels = found, 2 * panels
    raise ConvergenceError(f"the passage time does not settle to {relative:g} in 8192 panels.")


@closed_form
def radial_passage_time(law: StationaryLaw, ratio: ArrayLike, start: float = 0.0) -> Floats:
    r"""Return the mean time until L first reaches ratio · L*, on the surface of a stationary law.

    T = ∫_r₀^R P(|z| ≤ r)/(D(r)p(r)) dr, with p the density of |z|; exact for the radial diffusion
    of both theories in any dimension, when watched at all times.

    Parameters
    ----------
    law : StationaryLaw
    ratio : array_like, shape (...)
        c = L/L* ≥ 1.
    start : float
        |z| at the start.

    Returns
    -------
    ndarray, shape (...)
        In t = ηk: divide by η for steps; 0 where the start is beyond the threshold.
    """
    ends = law.radius_at(ratio)
    begin = float(np.abs(finite("start", start)))

    def slowness(r: float) -> float:
        if r == 0:
            return 0.0
        density = law.log_radial_density(r)
        return float(np.exp(np.log(law.cumulative(r)) - density) / law.diffusion_at(r))

    def time(end: float) -> float:
        if end <= begin:
            return 0.0
        # The integrand grows by orders of magnitude: most of it lies near the end.
        inner = begin + (end - begin) * np.array([0.0, 0.5, 0.8, 0.95, 1.0])
        parts = [
            integrate.quad(slowness, a, b, epsrel=1e-11, epsabs=0, limit=200)[0]
            for a, b in pairwise(inner)
        ]
        return float(sum(parts))

    return np.vectorize(time, otypes=[float])(ends)


class _Grid:
    """Panels, the potential Φ = −∫a/D and the diffusion at their nodes, shape (panels, ORDER)."""

    def __init__(self, drift: Field, diffusion: Field, lower: float, upper: float, panels: int):
        if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
            raise OutsideDomain(f"the walls are {lower:g} and {upper:g}; they must be in order.")
        at_least("panels", panels, 1)
        edges = np.linspace(lower, upper, panels + 1)
        self.half = (upper - lower) / panels / 2
        self.points = edges[:-1, None] + self.half * (1 + _NODES)
        self.weights = np.broadcast_to(self.half * _WEIGHTS, self.points.shape)
        self.spread = self.field("diffusion", diffusion)
        positive("diffusion", self.spread)
        self.potential = -self.up_to(self.field("drift", drift) / self.spread)

    def field(self, name: str, function: Field) -> Floats:
        flat = finite(name, function(self.points.ravel()))
        return np.broadcast_to(flat, (self.points.size,)).reshape(self.points.shape)

    def up_to(self, values: Floats) -> Floats:
        """Integrals from the lower wall to the nodes."""
        whole = (self.weights * values).sum(1)
        before = np.cumsum(whole) - whole
        return before[:, None] + self.half * values @ _INTEGRATE.T


def _passage(
    drift: Field,
    diffusion: Field,
    start: float,
    lower: float,
    upper: float,
    at_lower: Wall,
    panels: int,
) -> float:
    grid = _Grid(drift, diffusion, lower, upper, panels)
    low, high = grid.potential.min(), grid.potential.max()
    if high - low > 700:
        raise OutsideDomain(
            f"∫a/D varies by {high - low:g} between the walls; beyond 700 times leave the numbers."
        )
    scale = np.exp(grid.potential - high)
    mass = np.exp(low - grid.potential) / grid.spread
    if at_lower == "reflecting":
        slowness = scale * grid.up_to(mass)
        return float(np.exp(high - low) * _between(grid, slowness, start, upper))
    # Both absorb: with S the scale, [S(x,b)∫_a^x S(a,y)m + S(a,x)∫_x^b S(y,b)m]/S(a,b).
    whole = float((grid.weights * scale).sum())
    from_lower = grid.up_to(scale)
    left = _between(grid, scale, lower, start)
    inside = _between(grid, from_lower * mass, lower, start)
    outside = _between(grid, (whole - from_lower) * mass, start, upper)
    return float(np.exp(high - low) * ((whole - left) * inside + left * outside) / whole)


def _between(grid: _Grid, values: Floats, begin: float, end: float) -> float:
    """The integral of values known at the nodes, by their polynomial in the panels cut."""
    edges = grid.points[0, 0] - grid.half * (1 + _NODES[0])

    def up_to(x: float) -> float:
        place = (x - edges) / (2 * grid.half)
        panel = min(max(int(place), 0), len(values) - 1)
        whole = float((grid.weights[:panel] * values[:panel]).sum())
        here = 2 * (place - panel) - 1
        legendre = np.polynomial.legendre
        series = np.linalg.solve(legendre.legvander(_NODES, ORDER - 1), values[panel])
        return whole + grid.half * float(legendre.legval(here, legendre.legint(series, lbnd=-1)))

    return up_to(end) - up_to(begin)
