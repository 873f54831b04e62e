"""A grid of (η, S, β, λ) on one regression: the ensemble's moments beside those of both theories.

All runs of a grid start at one place, with v = 0, and are looked at along three modes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims.limiting_dynamics import _regressions as r

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret.theory.phase_space import Moments, Regression

    Floats = NDArray[np.float64]

Point = tuple[float, int, float, float]
"""η, S, β and λ."""
NAMES = ("learning_rate", "batch_size", "momentum", "weight_decay")
MODES = 3
# So many stationary standard deviations (of the paper's, at the first point) away.
_FAR = 8.0


@dataclass(frozen=True)
class Grid:
    """The runs on one kind of data.

    Attributes
    ----------
    kind : str
    first : Point
        Where the start's distance is measured.
    steps : tuple of int
        Steps recorded after the start.
    """

    kind: str
    first: Point
    steps: tuple[int, ...]

    @property
    def base(self) -> Regression:
        """The exact theory at the first point."""
        return r.exact(self.kind, *self.first)

    @property
    def modes(self) -> list[int]:
        """The stiffest mode, the softest above a fiftieth of it, and one between."""
        modes = r.chosen(self.base, 0.02)
        return [int(modes[i * (modes.size - 1) // (MODES - 1)]) for i in range(MODES)]

    @property
    def start(self) -> Floats:
        """θ of the start in the eigenbasis: as far away in every mode looked at."""
        wide = soret.theory.phase_space.Continuous(r.paper(self.base)).stationary[0, 0, 0]
        start = self.base.frozen.centre.copy()
        start[self.modes] += _FAR * np.sqrt(wide)
        return np.asarray(start)

    def away(self, point: Point) -> Floats:
        """The start less the centre of a point, along the modes looked at."""
        return np.asarray((self.start - r.exact(self.kind, *point).frozen.centre)[self.modes])

    def states(self, run: xr.Dataset, point: Point) -> tuple[Floats, Floats]:
        """Return positions about the point's centre, and velocities, (R, T, n), after the start."""
        here = run.sel(dict(zip(NAMES, point, strict=True))).isel(step=slice(1, None))
        z, v = (
            here[name].transpose("replica", "step", ...).values.astype(float, order="C")
            for name in ("position", "velocity")
        )
        moved = self.base.frozen.centre - r.exact(self.kind, *point).frozen.centre
        return z + moved[self.modes], v

    def exact(self, point: Point) -> Moments:
        """Return the exact moments about the point's centre."""
        return _exact(self, point)

    def closed(self, point: Point, steps: Any = None) -> Moments:
        """Return the closed form's moments."""
        theory = r.exact(self.kind, *point)
        phase = soret.theory.phase_space
        h, noise = theory.frozen.h[self.modes], r.paper(theory).c[self.modes]
        modes = phase.Modes(h, noise, *point[:3], weight_decay=point[3])
        start = np.stack([self.away(point), np.zeros(MODES)])
        at = self.steps if steps is None else steps
        return phase.Continuous(modes).moments(at, start, np.zeros((2, 2)))

    def raised(self, point: Point) -> Floats:
        """Return the exact variances over the closed form's, (n,): means over steps, θ and v."""
        exact, closed = (
            np.einsum("taan->tan", law.covariance)
            for law in (self.exact(point), self.closed(point))
        )
        return np.asarray((exact / closed).mean((0, 1)))

    def overdamped(self, point: Point, steps: Any = None) -> Floats:
        """Return means of θ and v without inertia, (T, 2, n): the rival's."""
        at = self.steps if steps is None else steps
        stiffness = r.exact(self.kind, *point).frozen.stiffness[self.modes]
        rates = point[0] * stiffness / (1 - point[2])
        falls = np.exp(-np.multiply.outer(at, rates)) * self.away(point)
        return np.stack([falls, falls * stiffness / (1 - point[2])], 1)

    def strain(self, point: Point) -> Floats:
        """Return ηk/(2(1 + β)) of the modes looked at: SGD is unstable at 1."""
        stiffness = r.exact(self.kind, *point).frozen.stiffness[self.modes]
        return np.asarray(point[0] * stiffness / 2 / (1 + point[2]))


@functools.lru_cache(maxsize=512)
def _exact(grid: Grid, point: Point) -> Moments:
    theory = r.exact(grid.kind, *point)
    found = theory.moments(grid.steps, grid.start)
    centre = np.stack([theory.frozen.centre, np.zeros(theory.frozen.size)])
    return soret.theory.phase_space.Moments(
        found.steps, (found.mean - centre)[:, :, grid.modes], found.covariance[:, :, :, grid.modes]
    )


def deviations(z: Floats, v: Floats, law: Moments) -> Floats:
    """Return how far replicas are from moments, (R, n, 5): 0 on average where these are theirs.

    Of each mode: θ and v in standard deviations, their squares over variances less 1, and their
    product over both deviations less its own mean; means over all records. One number a
    replica, so that correlations in time do not matter.
    """
    spread = np.sqrt(np.einsum("taan->tan", law.covariance))
    x, y = (z - law.mean[:, 0]) / spread[:, 0], (v - law.mean[:, 1]) / spread[:, 1]
    mixed = (law.covariance[:, 0, 1] / spread[:, 0] / spread[:, 1]).mean(0)
    squares = (np.einsum("rtn,rtn->rn", a, b) / len(spread) for a, b in ((x, x), (y, y), (x, y)))
    parts = (
        x.mean(1),
        y.mean(1),
        *(s - own for s, own in zip(squares, (1, 1, mixed), strict=True)),
    )
    return np.stack(parts, -1)


def in_errors(found: Floats) -> Floats:
    """Return the means of `deviations` in their standard errors, (n, 5)."""
    return np.asarray(found.mean(0) / (found.std(0, ddof=1) / np.sqrt(len(found))))


def largest(replicas: int, compared: int, chance: float) -> float:
    """Return what the largest of so many `in_errors` exceeds by at most this chance.

    A mean of skewed numbers over its own standard error, T, has a far longer tail than a normal
    one: where the mean is low, so is the error. The bound is that of squares of Gaussian numbers,
    the most skewed a sum of Gaussian squares can be; means over many records are much less so. m,
    the mean of R of them, is χ²_R/R and independent of their relative spread s, so that
    P(T < −x) = P(m < 1/(1 + xs/√R)) is an average over s alone.
    """
    from scipy import optimize, stats

    errors = _errors(replicas)

    def beyond(x: float) -> float:
        low = stats.chi2.cdf(replicas / (1 + x * errors), replicas)
        # Where xs/√R is 1 or more, no mean is so many errors above.
        high = stats.chi2.sf(replicas / np.maximum(1 - x * errors, 1e-9), replicas)
        return float((low + high).mean()) - chance / compared

    return float(optimize.bisect(beyond, 1, 1e4, xtol=1e-3))


def mean_square(replicas: int) -> float:
    """Return the mean of squares of `in_errors` of squares of Gaussian numbers: 1 of many replicas.

    The largest for a right theory, as for `largest`: T = (1 − 1/m)√R/s with independent m and s.
    Infinite of fewer than five.
    """
    if replicas < 5:
        return np.inf
    off = 1 - 2 * replicas / (replicas - 2) + replicas**2 / ((replicas - 2) * (replicas - 4))
    return float(off * (_errors(replicas) ** -2).mean())


@functools.lru_cache(maxsize=8)
def _errors(replicas: int) -> Floats:
    """Return draws of s/√R, the error of a mean of R squares of Gaussian numbers over that mean."""
    # Of many replicas s is nearly always the same: a few draws of it are enough.
    draws = 4_000_000 // max(replicas, 1000)
    squares = np.random.default_rng(0).standard_normal((draws, replicas)) ** 2
    return np.asarray(squares.std(1, ddof=1) / squares.mean(1) / np.sqrt(replicas))
