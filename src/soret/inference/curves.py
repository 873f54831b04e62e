"""Curves with replicas: what an inference needs of a labelled array, checked in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from soret.errors import InferenceError
from soret.inference.checks import in_unit, numbers, unit

#: Fewest replicas an interval is drawn from. A bootstrap of ``n`` values knows ``C(2n-1, n)``
#: resamples: 35 for four replicas, which no 95 % interval can be read off, and 6,435 for eight.
MIN_REPLICAS = 8

#: Fewest records along a curve: a cubic needs four points.
MIN_RECORDS = 4

#: How unlikely replica noise alone must make the largest change along the curves.
FLAT_LEVEL = 1e-3


@dataclass(frozen=True, eq=False)
class Curves:
    """Replicas of one observable along the steps, at several values of one hyperparameter.

    Attributes
    ----------
    over, along, sample : str
        Names of the hyperparameter, the step and the replica dimension.
    scales : ndarray, shape (H,)
        Values of the hyperparameter, positive and distinct, in the order given.
    steps : ndarray, shape (T,)
        Where the curves were recorded, increasing, not negative.
    values : ndarray, shape (H, R, T)
        The curves, all finite.
    left_out : int
        Replicas that were not finite throughout at some hyperparameter, and are not in `values`.
    power : int
        Values are in units of 2**power of the observable's own.
    """

    over: str
    along: str
    sample: str
    scales: NDArray[np.float64]
    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    left_out: int
    power: int = 0

    @property
    def replicas(self) -> int:
        """Number of replicas in use."""
        return self.values.shape[1]

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Mean over replicas, shape (H, T)."""
        return self.values.mean(axis=1)

    @cached_property
    def extent(self) -> float:
        """Total range of the mean curves: largest minus smallest value over all of them."""
        return float(np.ptp(self.mean))

    def change(self) -> bool:
        """Whether some curve leaves its first value by more than replica noise explains.

        A t-test of each replica's change since the first record, Bonferroni-corrected for the
        ``H·(T-1)`` places looked at (too strictly, for the changes are correlated along a curve;
        flat curves are to be refused, and curves worth rescaling change by many errors).
        """
        changes = self.values[:, :, 1:] - self.values[:, :, :1]
        mean = np.abs(changes.mean(axis=1))
        error = changes.std(axis=1, ddof=1) / np.sqrt(self.replicas)
        critical = stats.t.isf(FLAT_LEVEL / (2 * mean.size), self.replicas - 1)
        # Curves without noise have no error; what rounding leaves of a constant is not a change.
        rounding = 8 * np.finfo(np.float64).eps * np.abs(self.values).max()
        return bool(np.any(mean > critical * error + rounding))


def read_curves(
    curves: xr.DataArray, over: str, *, along: str = "step", sample: str = "replica"
) -> Curves:
    """Check a labelled array of curves and lay it out as ``(over, sample, along)`` in float64.

    A replica that is not finite throughout at *some* value of the hyperparameter is left out at
    *every* value: replicas of one index share their start, and dropping only the runs that
    diverged would compare means over different starts.

    Parameters
    ----------
    curves : xarray.DataArray
        Dimensions `over`, `sample` and `along` in any order, and no other; `over` and `along`
        carry coordinates.
    over, along, sample : str
        Names of these dimensions.

    Returns
    -------
    Curves

    Raises
    ------
    InferenceError
        If the array does not have this form, or has fewer than `MIN_REPLICAS` finite replicas or
        `MIN_RECORDS` records.
    """
    if not isinstance(curves, xr.DataArray):
        raise InferenceError(
            f"curves must be an xarray.DataArray, one observable of a run, "
            f"but a {type(curves).__name__} was given."
        )
    wanted = (over, sample, along)
    if set(curves.dims) != set(wanted):
        raise InferenceError(
            f"curves must have the dimensions {', '.join(wanted)} and no other, "
            f"but have {', '.join(map(str, curves.dims)) or 'none'}."
        )
    scales = _coordinate(curves, over)
    steps = _coordinate(curves, along)
    if len(scales) < 2:
        raise InferenceError(f"curves need at least two values of {over}, but have {len(scales)}.")
    if not np.all(np.isfinite(scales) & (scales > 0)):
        raise InferenceError(
            f"values of {over} must be positive and finite to take a power of them, "
            f"but are {_listed(scales)}."
        )
    if len(np.unique(scales)) < len(scales):
        raise InferenceError(f"values of {over} must be distinct, but are {_listed(scales)}.")
    if len(steps) < MIN_RECORDS:
        raise InferenceError(
            f"curves need at least {MIN_RECORDS} records along {along}, but have {len(steps)}."
        )
    if not (np.all(np.isfinite(steps)) and steps[0] >= 0 and np.all(np.diff(steps) > 0)):
        raise InferenceError(f"values of {along} must be increasing and not negative.")

    values = numbers("curves", curves.transpose(*wanted).values)
    finite: NDArray[np.bool_] = np.all(np.isfinite(values), axis=(0, 2))
    if finite.sum() < MIN_REPLICAS:
        raise InferenceError(
            f"an interval needs at least {MIN_REPLICAS} replicas that stay finite at every {over}, "
            f"but only {finite.sum()} of {finite.size} do."
        )
    power = unit(values[:, finite])
    return Curves(
        over,
        along,
        sample,
        scales,
        steps,
        in_unit(values[:, finite], power),
        left_out=int((~finite).sum()),
        power=power,
    )


def _coordinate(curves: xr.DataArray, dim: str) -> NDArray[np.float64]:
    if dim not in curves.coords:
        raise InferenceError(f"curves must carry the values of {dim} as a coordinate.")
    return numbers(f"values of {dim}", curves.coords[dim].values)


def _listed(numbers: NDArray[np.float64]) -> str:
    return ", ".join(f"{x:g}" for x in numbers)
