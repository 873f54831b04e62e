"""First-passage times in claims: what is watched, what is judged, what is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import counts
from soret.claims.judging import judged, near, unmeasured
from soret.errors import InferenceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from soret.inference import PassageGrowth
    from soret.observables import Observable
    from soret.plotting import PassageColumn
    from soret.verdict import Result, Verdict

    Floats = NDArray[np.float64]


def loss_over(lowest: float) -> Observable:
    """Return the observable L/L*: the loss over all the data, over what it is at the minimum."""
    from soret.observables import full_loss, label

    @label("L/L*")
    def loss_ratio(problem: Any, state: Any) -> Any:
        """Return L/L*."""
        return full_loss(problem, state) / np.float32(lowest)

    return loss_ratio


def record_every(steps: int) -> int:
    """Return about a hundredth of the steps: how often a run looks whether it is finished."""
    return counts.record_every(steps, 100)


def passed_at(run: xr.Dataset) -> tuple[Floats, Floats, float]:
    """Return thresholds, first passages (replicas, thresholds), and the steps watched."""
    times = run.first_passage.transpose("replica", "threshold").values.astype(float)
    return run.threshold.values.astype(float), times, float(run.attrs["steps"])


def mean_times(run: xr.Dataset) -> Floats:
    """Return time watched over passages, for thresholds that at least half the replicas passed."""
    _, times, steps = passed_at(run)
    passed = np.isfinite(times).sum(axis=0)
    total = np.where(np.isnan(times), steps, times).sum(axis=0)
    return np.where(passed * 2 >= len(times), total / np.maximum(passed, 1), np.nan)


def growth(run: xr.Dataset, *, shortest: float, least: float) -> PassageGrowth:
    """Fit the growth of mean first-passage times.

    Raises
    ------
    InferenceError
        If too few thresholds are left.
    """
    within = (least, np.inf)
    return soret.inference.passage_growth(*passed_at(run), within=within, shortest=shortest)


def judge_law(
    run: xr.Dataset, where: str, *, shortest: float, least: float = 0.0, statement: str
) -> Result:
    """Test whether mean times follow a power of the threshold rather than an exponential.

    Parameters
    ----------
    run : Dataset
        With first passages over replica and threshold.
    where : str
        Which thresholds, in words.
    shortest : float
        Mean time from which a threshold is used, in steps.
    least : float
        Threshold from which they are used.
    statement : str
    """
    quantity = f"log-likelihood of a power law over an exponential {where}"
    expected: dict[str, Any] = {
        "predicted": "above 0",
        "rival": "below 0",
        "within": (0.0, np.inf),
        "statement": statement,
    }
    try:
        found = growth(run, shortest=shortest, least=least)
    except InferenceError as error:
        return unmeasured(quantity, str(error), **expected)
    note = (
        f"{found.thresholds.size} thresholds from {found.thresholds[0]:.3g} to "
        f"{found.thresholds[-1]:.3g}; departures as large as seen have p = {found.power_p:.2g} "
        f"under the power law and {found.exponential_p:.2g} under the exponential"
    )
    return judged(
        quantity,
        found.advantage,
        found.advantage_interval,
        note=note,
        evidence=found,
        **expected,
    )


def judge_exponent(
    run: xr.Dataset,
    where: str,
    *,
    predicted: float,
    rival: float | str,
    tolerance: float,
    shortest: float,
    least: float = 0.0,
    note: str = "",
    statement: str,
) -> Result:
    """Test the slope of log T against log c: within the tolerance, outside, or neither.

    Parameters
    ----------
    run, where, shortest, least
        As for `judge_law`.
    predicted : float
    rival : float or str
    tolerance : float
        Absolute; the whole 95 % interval must lie within it, or without.
    note, statement : str
    """
    quantity = f"exponent of the mean first-passage time {where}"
    expected: dict[str, Any] = {
        "predicted": predicted,
        "rival": rival,
        "within": near(predicted, tolerance),
        "statement": statement,
    }
    try:
        found = growth(run, shortest=shortest, least=least)
    except InferenceError as error:
        return unmeasured(quantity, f"{error} {note}".strip(), **expected)
    return judged(quantity, found.exponent, found.interval, note=note, evidence=found, **expected)


def column(
    title: str,
    run: xr.Dataset,
    *,
    control: xr.Dataset | None = None,
    theories: Mapping[str, Floats],
    exponents: Mapping[str, float],
    least: float,
    verdicts: Sequence[Verdict],
) -> PassageColumn:
    """Return what a column of the figure shows of a run, and of its control."""
    from soret.plotting import PassageColumn

    return PassageColumn(
        title,
        times=_means(run),
        control=None if control is None else _means(control),
        local=soret.inference.local_exponent(*passed_at(run)),
        theories={name: (run.threshold.values, values) for name, values in theories.items()},
        exponents=exponents,
        least=least,
        verdicts=verdicts,
    )


def _means(run: xr.Dataset) -> tuple[Floats, Floats, Floats, Floats]:
    """Return thresholds, mean times and their intervals, where anything passed after the start."""
    thresholds, times, steps = passed_at(run)
    use = (np.isfinite(times).sum(axis=0) >= 5) & ~(times == 0).any(axis=0)
    found = [soret.inference.mean_passage(column, steps) for column in times[:, use].T]
    return (
        thresholds[use],
        np.array([f.mean for f in found]),
        np.array([f.interval[0] for f in found]),
        np.array([f.interval[1] for f in found]),
    )
