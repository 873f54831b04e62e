"""Judging whether curves collapse under a predicted power: shared by the claims that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import soret
from soret.claims.verdict import Result, Verdict
from soret.errors import InferenceError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret.inference import Collapse

# The exponent may be off by a quarter of the way to the rival: it is then three times nearer to
# the prediction. Chosen before any run; the papers give their exponents as whole numbers read
# off overlapping lines, and four times the hyperparameter shows such a shift at a glance.
EXPONENT_TOLERANCE = 0.25
# The papers' word for the curves is "overlap". A tenth of the range is the widest gap that an
# eye would still let pass for that on their figures.
MISMATCH_TOLERANCE = 0.1


def judge_collapse(
    curves: xr.DataArray, over: str, *, predicted: float, rival: float, what: str
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
    """
    quantity = f"exponent a in the collapse of {what} under step·{over}^a"
    try:
        found = soret.inference.collapse(
            curves, over, rivals=(predicted, rival), tolerance=MISMATCH_TOLERANCE
        )
    except InferenceError as error:
        return Result(
            quantity,
            predicted,
            np.nan,
            (np.nan, np.nan),
            rival,
            Verdict.INCONCLUSIVE,
            str(error),
        )
    return Result(
        quantity,
        predicted,
        found.exponent,
        found.interval,
        rival,
        _verdict(found, predicted, rival),
        str(found),
        found,
    )


def _verdict(found: Collapse, predicted: float, rival: float) -> Verdict:
    slack = EXPONENT_TOLERANCE * abs(predicted - rival)
    low, high = found.interval
    if found.collapsed and predicted - slack <= low and high <= predicted + slack:
        return Verdict.SUPPORTED
    outside = high < predicted - slack or predicted + slack < low
    if outside or (found.resolved and not found.collapsed):
        return Verdict.CONTRADICTED
    return Verdict.INCONCLUSIVE


def judge_fall(curves: xr.DataArray, over: str, *, what: str) -> Result:
    """Test that an observable falls from the first to the last step, where the noise is largest.

    The mean change over replicas with its 95 % t-interval, at the hyperparameter's value whose
    noise is largest: the largest learning rate, the smallest batch.
    """
    from scipy import stats

    strongest = curves[over].min() if over == "batch_size" else curves[over].max()
    at = curves.sel({over: strongest})
    change = (at.isel(step=-1) - at.isel(step=0)).values
    change = change[np.isfinite(change)]
    quantity = f"change of {what} from first to last step at {over} = {float(strongest):g}"
    if len(change) < 2:
        note = "fewer than two replicas stayed finite"
        nowhere = (np.nan, np.nan)
        return Result(
            quantity, "below 0", np.nan, nowhere, "not below 0", Verdict.INCONCLUSIVE, note
        )
    mean, error = float(change.mean()), float(stats.sem(change))
    half = float(stats.t.ppf(0.975, len(change) - 1)) * error
    interval = (mean - half, mean + half)
    if interval[1] < 0:
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.CONTRADICTED if interval[0] > 0 else Verdict.INCONCLUSIVE
    return Result(quantity, "below 0", mean, interval, "not below 0", verdict)


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
