"""First-passage times against thresholds, their local powers, and the theories' powers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, LINES, heading, style, verdict_colour
from soret.verdict import Verdict

Floats = NDArray[np.float64]
Band = tuple[Floats, Floats, Floats, Floats]
"""x, estimate, lower and upper end of its interval."""


@dataclass(frozen=True)
class PassageColumn:
    """One column of panels: mean times above, their local powers below.

    Attributes
    ----------
    title : str
    times, control : Band
        Mean times by threshold; those of the control, if there are.
    local : Band
        d log T/d log c by threshold.
    theories : mapping of str to (thresholds, times)
        Curves to draw through.
    exponents : mapping of str to float
        Powers: the first as a straight line through the upper end, all in the lower panel.
    least : float
        The threshold from which the first power should hold; infinite if nowhere.
    verdicts : sequence of Verdict
    """

    title: str
    times: Band
    control: Band | None
    local: Band
    theories: Mapping[str, tuple[Floats, Floats]]
    exponents: Mapping[str, float]
    least: float
    verdicts: Sequence[Verdict]


def passage_figure(columns: Sequence[PassageColumn], *, title: str, level: str) -> Figure:
    """Draw mean first-passage times and their local powers.

    Parameters
    ----------
    columns : sequence of PassageColumn
    title : str
    level : str
        What the threshold is, as on an axis.
    """
    with matplotlib.rc_context(style()):
        width = max(7.0, 0.6 + 4.4 * len(columns))
        figure = Figure(figsize=(width, 7.6), layout="constrained")
        heading(figure, title)
        axes: Any = figure.subplots(
            2, len(columns), squeeze=False, sharex="col", height_ratios=(1.5, 1)
        )
        for (above, below), column in zip(axes.T, columns, strict=True):
            above.set_title(
                f"{column.title}: {' | '.join(v.upper() for v in column.verdicts)}",
                loc="left",
                color=verdict_colour(column.verdicts),
            )
            _draw_times(above, column)
            _draw_local(below, column)
            below.set_xlabel(f"threshold {level}")
            below.set_xscale("log")
            label_ticks(below)
        axes[0, 0].set_ylabel("mean first-passage time (steps)")
        axes[1, 0].set_ylabel("local power d log T / d log c")
    return figure


def _draw_times(ax: Axes, column: PassageColumn) -> None:
    c, mean, *_ = column.times
    _errors(ax, column.times, COLOURS[0], "o", "SGD, 95 %")
    if column.control is not None:
        _errors(ax, column.control, COLOURS[1], "s", "constant noise, 95 %")
    for number, (name, (x, times)) in enumerate(column.theories.items()):
        ax.plot(x, times, LINES[number], color=COLOURS[2 + number], label=name, linewidth=1.2)
    if c.size:
        name, power = next(iter(column.exponents.items()))
        within = c >= column.least
        anchor = int(np.flatnonzero(within)[within.sum() // 2]) if within.any() else c.size - 1
        line = mean[anchor] * (c / c[anchor]) ** power
        ax.plot(c, line, "--", color="black", linewidth=1, label=f"slope of {name}")
        ax.set_ylim(max(1, mean.min() / 2), mean.max() * 5)
    _shade(ax, column)
    ax.set_yscale("log")
    ax.set_xscale("log")
    ax.legend(fontsize=7)


def _draw_local(ax: Axes, column: PassageColumn) -> None:
    x, slope, low, high = column.local
    ax.fill_between(x, low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
    ax.plot(x, slope, "o-", ms=3, color=COLOURS[0], label="SGD, 95 %")
    for number, (at, times) in enumerate(column.theories.values()):
        local = np.gradient(np.log(times), np.log(at))
        ax.plot(at, local, LINES[number], color=COLOURS[2 + number], linewidth=1.2)
    for number, (name, power) in enumerate(column.exponents.items()):
        line = ("--", "-.", ":")[number % 3]
        ax.axhline(power, linestyle=line, color="black", linewidth=1, label=name)
    _shade(ax, column)
    most = max([*column.exponents.values(), *slope])
    ax.set_ylim(0, 1.35 * most)
    ax.legend(fontsize=7)


def label_ticks(ax: Axes) -> None:
    """Label 1, 2 and 5 of each decade with plain numbers: axes may be shorter than one."""
    number = FuncFormatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0,)))
    ax.xaxis.set_major_formatter(number)
    ax.xaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    ax.xaxis.set_minor_formatter(number)


def _errors(ax: Axes, band: Band, colour: str, marker: str, label: str) -> None:
    x, mean, low, high = band
    spread = np.clip([mean - low, high - mean], 0, None)
    ax.errorbar(x, mean, yerr=spread, fmt=marker, ms=3, color=colour, elinewidth=0.8, label=label)


def _shade(ax: Axes, column: PassageColumn) -> None:
    """Shade where the first power should hold and something was seen."""
    c = column.times[0]
    if c.size and column.least < c[-1]:
        ax.axvspan(column.least, c[-1], color=GREY, alpha=0.12, linewidth=0)
