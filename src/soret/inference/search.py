"""Search for the exponent of least mismatch, in the sample and in all its resamples."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from soret.inference.mismatch import Mismatch

#: Spacing of the first search, as the slip of the two extreme curves against each other from one
#: exponent to the next, a·ln(h_max/h_min). Curves worth collapsing are smooth on this scale.
SLIP = 0.2

#: Exponents at which each later search looks, and how many such searches there are at most.
REFINED, REFINEMENTS = 25, 3

#: Precision of the sample's own exponent, in units of the first spacing.
PRECISION = 1e-7


class Search:
    """Minimise the noise-corrected mismatch between two exponents.

    The whole range is searched first, so that every minimum found is a global one. Every
    exponent looked at is kept, for the profile.

    Parameters
    ----------
    mismatch : Mismatch
        Mismatch of R replicas.
    resamples : ndarray, shape (B, R)
        Weights of the replicas in each resample.
    low, high : float
        Least and largest exponent considered.
    """

    def __init__(
        self, mismatch: Mismatch, resamples: NDArray[np.float64], low: float, high: float
    ) -> None:
        self._mismatch = mismatch
        self._resamples = resamples
        self._sample = np.full((1, resamples.shape[1]), 1 / resamples.shape[1])
        self._low, self._high = low, high
        self._seen: list[tuple[NDArray[np.float64], ...]] = []
        spacing = SLIP / mismatch.log_ratio
        self._grid = np.linspace(low, high, max(REFINED, math.ceil((high - low) / spacing) + 1))
        self._on_grid = self._evaluate(self._grid)

    def best(self) -> float:
        """Exponent of the sample; `low` or `high` if the mismatch is least there."""
        values = self._on_grid[0]
        least = int(values.argmin())
        below, above = self._grid[max(least - 1, 0)], self._grid[min(least + 1, len(values) - 1)]
        found = minimize_scalar(
            self._of_sample,
            bounds=(below, above),
            method="bounded",
            options={"xatol": PRECISION * (self._grid[1] - self._grid[0])},
        )
        # A bounded search stays short of its ends; the least may lie right there.
        return float(found.x if found.fun < values[least] else self._grid[least])

    def resampled(self) -> NDArray[np.float64]:
        """Exponent of every resample, shape (B,).

        Finer and finer grids cover the region where nearly all of them lie, and their parabolas
        give the rest. The few resamples outside keep their coarser minimum, which only the
        farthest tail of the distribution notices.
        """
        grid = self._grid
        best = _lowest(grid, self._on_grid[1:])
        for _ in range(REFINEMENTS):
            cell = grid[1] - grid[0]
            left, right = np.quantile(best, [0.001, 0.999])
            finer = np.linspace(max(left - cell, self._low), min(right + cell, self._high), REFINED)
            if finer[1] - finer[0] > cell / 2:
                break
            inside = (left <= best) & (best <= right)
            best[inside] = _lowest(finer, self._evaluate(finer)[1:])[inside]
            grid = finer
        return best

    def profile(self, extent: float) -> xr.DataArray:
        """Residual of the sample at every exponent looked at so far, in units of `extent`."""
        exponents, square, floor = (np.concatenate(part) for part in zip(*self._seen, strict=True))
        exponents, first = np.unique(exponents, return_index=True)
        return xr.DataArray(
            np.sqrt(square[first]) / extent,
            dims="exponent",
            coords={"exponent": exponents, "noise": ("exponent", np.sqrt(floor[first]) / extent)},
            name="residual",
        )

    def _of_sample(self, exponent: float) -> float:
        return float(self._corrected(exponent, self._sample, noises=np.ones(1))[0, 0])

    def _evaluate(self, exponents: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corrected mismatch of the sample in row 0 and of the resamples below, (1 + B, A)."""
        weights = np.concatenate([self._sample, self._resamples])
        # A mean carries the noise of the replicas once, and a resampled mean twice: its own, and
        # that of the sample it was drawn from. Subtracting both centres the resamples' minima on
        # the sample's, as the sample's is centred on the truth.
        noises = np.where(np.arange(len(weights)) == 0, 1.0, 2.0)
        return self._corrected(exponents, weights, noises)

    def _corrected(
        self, exponents: ArrayLike, weights: NDArray[np.float64], noises: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        square, floor = self._mismatch(exponents, weights)
        self._seen.append((np.atleast_1d(np.asarray(exponents)), square[:, 0], floor))
        return (square - np.outer(floor, noises)).T


def _lowest(grid: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each row of `values` (B, A) on an even `grid` (A,) is least.

    The least value and its two neighbours are joined by a parabola. A row whose least value is at
    an end of the grid gives that end.
    """
    least = values.argmin(axis=1)
    rows, middle = np.arange(len(values)), np.clip(least, 1, len(grid) - 2)
    left, centre, right = (values[rows, middle + i] for i in (-1, 0, 1))
    curvature = left - 2 * centre + right
    slope = (left - right) / 2
    shift = np.divide(slope, curvature, out=np.zeros_like(slope), where=curvature > 0)
    inside = (least > 0) & (least < len(grid) - 1)
    return np.where(inside, grid[middle] + shift * (grid[1] - grid[0]), grid[least])
