"""Do sharper ends of training have smaller losses? Correlations of ln L with ln‖H‖."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from soret.claims.judging import judged, mean_interval, unmeasured
from soret.claims.three_factors._training import trained

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret.claims import Result

    Floats = NDArray[np.float64]

# Fewest repetitions and pairs (η, S) that a correlation is told from.
_FEWEST = 3
_TEST: dict[str, Any] = {
    "predicted": "below 0",
    "rival": "above 0",
    "within": (-np.inf, 0.0),
    "statement": "sharper-is-deeper",
}
_QUANTITIES = (
    "correlation of ln L with ln‖H‖ over pairs (η, S), after equally many epochs",
    "correlation of ln L with ln‖H‖ among runs of the same η and S, after equally many epochs",
)


def judge_depth(ends: xr.Dataset) -> list[Result]:
    """Test the sign of the correlation over pairs (η, S), and within them.

    A replica is one repetition of the whole scan: intervals are over replicas, by Fisher's z.
    """
    from soret.inference.jackknife import jackknife_interval

    norms, losses = logs_of(ends)
    points, replicas = norms.shape
    varies = points >= _FEWEST and replicas >= _FEWEST and np.ptp(losses) > 0 and np.ptp(norms) > 0
    if not varies:
        why = (
            f"{points} pairs (η, S) where all of {replicas} replicas got there; a correlation "
            f"takes {_FEWEST} of both, that differ"
        )
        return [unmeasured(quantity, why, **_TEST) for quantity in _QUANTITIES]
    over = np.array(
        [_fisher(one, other) for one, other in zip(norms.T, losses.T, strict=True)], float
    )
    inside = within_pairs(norms, losses)
    without = np.array(
        [
            within_pairs(np.delete(norms, i, axis=1), np.delete(losses, i, axis=1))
            for i in range(replicas)
        ]
    )
    found = (mean_interval(over), (inside, jackknife_interval(inside, without, 0.95)))
    note = (
        f"{points} pairs (η, S), {replicas} replicas; losses from {np.exp(losses.min()):.2g} to "
        f"{np.exp(losses.max()):.2g}, norms from {np.exp(norms.min()):.2g} to "
        f"{np.exp(norms.max()):.2g}"
    )
    return [
        judged(
            quantity,
            float(np.tanh(value)),
            (float(np.tanh(low)), float(np.tanh(high))),
            note=note,
            **_TEST,
        )
        for quantity, (value, (low, high)) in zip(_QUANTITIES, found, strict=True)
    ]


def logs_of(ends: xr.Dataset) -> tuple[Floats, Floats]:
    """Return ln‖H‖ and ln L (pairs, replicas), of pairs at which all replicas got there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        norms, losses = (np.log(trained(ends, ends[name].values)) for name in ("frobenius", "loss"))
    kept = np.isfinite(norms).all(1) & np.isfinite(losses).all(1)
    return norms[kept], losses[kept]


def within_pairs(norms: Floats, losses: Floats) -> float:
    """Return Fisher's z of the correlation that is left when pairs' means are taken away."""
    return _fisher(
        (norms - norms.mean(1, keepdims=True)).ravel(),
        (losses - losses.mean(1, keepdims=True)).ravel(),
    )


def _fisher(x: Floats, y: Floats) -> float:
    """Return Fisher's z of a correlation; NaN where something does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    if not size > 0:
        return np.nan
    # A perfect correlation has no finite z.
    return float(np.arctanh(np.clip(x @ y / size, -1 + 1e-12, 1 - 1e-12)))
