"""The mean change of an observable taken apart, over windows of η²t, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from soret.errors import InferenceError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Curves = NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True)
class Parts:
    """Changes of one observable since the first record, at H learning rates in R replicas.

    Attributes
    ----------
    rates : (H,) array
        Learning rates η.
    times : (T,) array
        η²t of the records, the same at every η.
    total : (H, R, T) array
        Change of the observable, as measured.
    gradient, noise : (H, R, T) array
        What its two parts add up to: η Σ(−∇φ·∇L) and η² Σ ½E[gᵀ∇²φ g] over the steps.
    """

    rates: Curves
    times: Curves
    total: Curves
    gradient: Curves
    noise: Curves

    def window(self, begin: float, end: float) -> Window:
        """Return the changes between two values of η²t, to the nearest record."""
        first, last = (int(np.abs(self.times - time).argmin()) for time in (begin, end))
        changes = (
            curves[..., last] - curves[..., first]
            for curves in (self.total, self.gradient, self.noise)
        )
        return Window(self.rates, *changes)


@dataclass(frozen=True)
class Window:
    """The changes over one window, each (H, R)."""

    rates: Curves
    total: Curves
    gradient: Curves
    noise: Curves

    def share(self, weights: Curves) -> Curves:
        """Return −noise/(|gradient| + |noise|) at every η, (H, resamples).

        What the noise part contributes to a fall: its share where both parts lower, below zero
        where it raises. A share of the sum would mean nothing where the parts cancel.
        """
        gradient, noise = self.gradient @ weights.T, self.noise @ weights.T
        return -noise / (np.abs(gradient) + np.abs(noise))

    def exponent(self, part: Curves, weights: Curves) -> Curves:
        """Return a in |change of a part per step| ∝ η^a; NaN where its sign depends on η.

        Over equal η²t there are 1/η² times as many steps, hence the 2.
        """
        means = part @ weights.T
        logs, x = np.log(np.abs(means)), np.log(self.rates) - np.log(self.rates).mean()
        slope = x @ logs / (x @ x)
        return np.where(np.abs(np.sign(means).sum(axis=0)) == len(means), 2 + slope, np.nan)


def parts_of(runs: list[xr.Dataset], observable: str) -> Parts:
    """Return the parts of an observable from one run for each η; diverged replicas left out.

    Raises
    ------
    InferenceError
        If fewer than two replicas stayed finite at every η.
    """
    rates = np.array([float(run.learning_rate[0]) for run in runs])
    values = np.stack([run[observable].values[0].astype(float) for run in runs])
    drift = np.stack([run[f"{observable}_drift"].values[0].astype(float) for run in runs])
    finite = np.isfinite(values).all((0, 2)) & np.isfinite(drift).all((0, 2, 3))
    if finite.sum() < 2:
        raise InferenceError(
            f"{finite.sum()} of {finite.size} replicas stayed finite at every learning rate and "
            f"two are needed; use smaller ones than {rates.max():g}."
        )
    values, drift = values[:, finite], drift[:, finite]
    steps = np.stack([np.asarray(run.step, float) for run in runs])[:, None]
    eta = rates[:, None, None]
    return Parts(
        rates,
        np.asarray(runs[0].step, float) * rates[0] ** 2,
        values - values[..., :1],
        eta * _integral(drift[..., 0], steps),
        eta**2 * _integral(drift[..., 1], steps),
    )


def balanced(run: xr.Dataset) -> Curves:
    """Return what `soret.observables.balanced_drift` adds up to since the first record, (T,)."""
    rate = float(run.learning_rate[0])
    speed = run.balanced_drift.isel(learning_rate=0).mean("replica").values.astype(float)
    return _integral(speed, np.asarray(run.step, float) * rate**2)


def _integral(curves: Curves, steps: Curves) -> Curves:
    """Return the integral from the first record on, by the trapezoidal rule."""
    areas = np.diff(steps) * (curves[..., 1:] + curves[..., :-1]) / 2
    return np.concatenate([np.zeros_like(curves[..., :1]), np.cumsum(areas, axis=-1)], axis=-1)
