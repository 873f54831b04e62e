"""Judging whether curves collapse under a predicted power: shared by the claims that say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims.judging import EXPONENT_TOLERANCE, judge_sign, judged, near, unmeasured
from soret.errors import InferenceError
from soret.verdict import Result, Verdict

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

# The papers' word for the curves is "overlap". A tenth of the range is the widest gap that an
# eye would still let pass for that on their figures.
MISMATCH_TOLERANCE = 0.1


def judge_collapse(
    curves: xr.DataArray,
    over: str,
    *,
    predicted: float,
    rival: float,
    what: str,
    statement: str = "",
) -> Result:
    """Test that curves collapse under step·h^predicted and not under step·h^rival.

    Supported if the curves collapse and the whole interval of the exponent lies within the
    tolerance of the prediction; contradicted if the whole interval lies outside, or if no
    exponent collapses them; else inconclusive.

    Parameters
    ----------
    curves : DataArray (over, replica, step)
    over : str
    predicted, rival : float
        Exponents.
    what : str
        The observable and the circumstances, in words.
    statement : str
    """
    quantity = f"exponent a in the collapse of {what} under step·{over}^a"
    within = near(predicted, EXPONENT_TOLERANCE * abs(predicted - rival))
    held_to: Any = {
        "predicted": predicted,
        "rival": rival,
        "within": within,
        "statement": statement,
    }
    try:
        found = soret.inference.collapse(
            curves, over, rivals=(predicted, rival), tolerance=MISMATCH_TOLERANCE
        )
    except InferenceError as error:
        return unmeasured(quantity, str(error), **held_to)
    result = judged(
        quantity, found.exponent, found.interval, note=str(found), evidence=found, **held_to
    )
    if found.collapsed:
        return result
    # An exponent says little of curves that it does not collapse.
    missed = found.resolved or result.verdict is Verdict.CONTRADICTED
    return replace(result, verdict=Verdict.CONTRADICTED if missed else Verdict.INCONCLUSIVE)


def judge_fall(curves: xr.DataArray, over: str, *, what: str, statement: str = "") -> Result:
    """Test that an observable falls from the first to the last step, where the noise is largest.

    The mean change over replicas with its 95 % t-interval, at the hyperparameter's value whose
    noise is largest: the largest learning rate, the smallest batch.
    """
    strongest = curves[over].min() if over == "batch_size" else curves[over].max()
    at = curves.sel({over: strongest})
    change = (at.isel(step=-1) - at.isel(step=0)).values
    change = change[np.isfinite(change)]
    quantity = f"change of {what} from first to last step at {over} = {float(strongest):g}"
    note = "" if len(change) > 1 else "fewer than two replicas stayed finite"
    return judge_sign(quantity, change, note=note, statement=statement)


def _mean(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the mean over replicas (h, replica, step), without NaN; NaN where none is left."""
    left = (~np.isnan(values)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.floating] = np.nansum(values, axis=1) / np.where(left, left, np.nan)
    return mean


def made_by_rival(run: xr.Dataset, over: str, rival: float) -> xr.Dataset:
    """Return what the run would be if its curves followed step·h^rival, and rose.

    Every mean curve becomes the fastest one with its time rescaled by the rival's power; each
    replica keeps its own departure from the mean, so that the noise is what it was.
    """
    values = run[over].values
    fastest = int(np.argmax(values**rival))
    step = run.step.values.astype(float)
    made = run.copy(deep=True)
    for name, curves in run.data_vars.items():
        if "step" not in curves.dims:
            continue
        ordered = curves.transpose(over, "replica", "step").values
        mean = _mean(ordered)
        # What fell must rise, so that no test for a fall is passed by accident.
        rising = mean[fastest, 0] + np.abs(mean[fastest] - mean[fastest, 0])
        times = step * (values[:, None] / values[fastest]) ** rival
        rescaled = np.stack([np.interp(time, step, rising) for time in times])
        made[name] = (
            (over, "replica", "step"),
            ordered - mean[:, None] + rescaled[:, None],
            curves.attrs,
        )
    return made
