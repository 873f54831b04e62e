"""The figure of `time_change`: passage times by three clocks, and the ratio of two densities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style
from soret.verdict import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TimeChangeRow:
    """One surface.

    Attributes
    ----------
    name : str
    direct, changed, slow : (R,) arrays
        First-passage times: in (12), by the clock of (14), and as τ/L*.
    levels, ratio, error : (K,) arrays
        L/L*, P_st/P_st^τ there and its relative standard error.
    results : sequence of two Results
        On times and on the slope.
    """

    name: str
    direct: Floats
    changed: Floats
    slow: Floats
    levels: Floats
    ratio: Floats
    error: Floats
    results: Sequence[Result]


def time_change_figure(rows: Sequence[TimeChangeRow], threshold: float, *, title: str) -> Figure:
    """Draw a row for every surface: who has not passed yet, and the ratio of the densities.

    Parameters
    ----------
    rows : sequence of TimeChangeRow
    threshold : float
        Of L/L*.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(9.5, 0.5 + 3.3 * len(rows)), layout="constrained")
        heading(figure, title)
        axes: Any = figure.subplots(len(rows), 2, squeeze=False)
        for (left, right), row in zip(axes, rows, strict=True):
            _draw_times(left, row, threshold)
            _draw_ratio(right, row)
    return figure


def _draw_times(ax: Axes, row: TimeChangeRow, threshold: float) -> None:
    for times, colour, line, label in (
        (row.direct, COLOURS[0], "-", "(12), in t"),
        (row.changed, COLOURS[1], "--", "(14), by its clock t = ∫dτ/L"),
        (row.slow, GREY, ":", "rival: (14), t = τ/L*"),
    ):
        # Those at the end have not passed by then.
        ordered = np.sort(times[times < np.nanmax(times)])
        left = 1 - np.arange(1, ordered.size + 1) / times.size
        # What the last few paths do is noise.
        shown = left > 5 / times.size
        ax.plot(ordered[shown], left[shown], line, color=colour, label=label)
    ax.set_yscale("log")
    ax.set_xlabel("t = ηk (dimensionless)")
    ax.set_ylabel(f"share of paths with L < {threshold:g} L* so far")
    _title(ax, f"{row.name}: mean times, (14) over (12)", row.results[0])
    ax.legend(fontsize=7)


def _draw_ratio(ax: Axes, row: TimeChangeRow) -> None:
    if not row.levels.size:
        ax.set_title(f"{row.name}: too few paths to compare densities", loc="left", fontsize=8)
        return
    ax.errorbar(
        row.levels,
        row.ratio,
        1.96 * row.error * row.ratio,
        fmt="o",
        ms=4,
        color=COLOURS[0],
        label="paths; bars as if all samples were independent",
    )
    middle = np.exp(np.average(np.log(row.ratio) + np.log(row.levels), weights=row.error**-2))
    ax.plot(row.levels, middle / row.levels, "-", color="black", lw=1, label="1/L, predicted")
    ax.axhline(1, color=GREY, ls=":", label="rival: no factor")
    ax.set(xscale="log", yscale="log")
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        ticks = [t for t in (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10) if low <= t <= high]
        axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
        axis.set_ticks([], minor=True)
    ax.set_xlabel("L/L* (dimensionless)")
    ax.set_ylabel("P_st/P_st^τ (dimensionless)")
    _title(ax, f"{row.name}: slope", row.results[1])
    ax.legend(fontsize=7)


def _title(ax: Axes, what: str, result: Result) -> None:
    low, high = result.interval
    ax.set_title(
        f"{what} {result.measured:.3f} ({low:.3f} to {high:.3f})\n"
        f"predicted {result.predicted:g}, rival {result.rival:g}: {result.verdict.upper()}",
        loc="left",
        fontsize=8,
        color=VERDICT_COLOURS[result.verdict],
    )
