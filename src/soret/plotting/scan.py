"""A quantity at the ends of training over a grid of learning rates and batch sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, heading, style, verdict_colour
from soret.verdict import Verdict

_MARKERS = "osD^vP*X"


@dataclass(frozen=True)
class ScanRow:
    """One stopping rule.

    Attributes
    ----------
    title : str
    learning_rate, batch_size : (points,) arrays
    panels : mapping of str to (points, replicas) array
        What is drawn against η/S, by the label of its axis; NaN where training did not get there.
    note : str
    verdicts : sequence of Verdict
    """

    title: str
    learning_rate: NDArray[np.float64]
    batch_size: NDArray[np.float64]
    panels: Mapping[str, NDArray[np.float64]]
    note: str
    verdicts: Sequence[Verdict]


def scan_figure(rows: Sequence[ScanRow], *, title: str, logarithmic: Sequence[str]) -> Figure:
    """Draw each quantity against η/S, and the first of them at fixed ratios against S.

    Parameters
    ----------
    rows : sequence of ScanRow
    title : str
    logarithmic : sequence of str
        Labels whose axis is logarithmic.
    """
    with matplotlib.rc_context(style()):
        width = 1 + max(len(row.panels) for row in rows)
        figure = Figure(figsize=(3.6 * width, 0.5 + 3.4 * len(rows)), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            told = " | ".join(verdict.upper() for verdict in row.verdicts)
            part.suptitle(
                f"{row.title}: {told}\n{row.note}",
                x=0.01,
                ha="left",
                fontsize=9,
                color=verdict_colour(row.verdicts),
            )
            axes = part.subplots(1, width, squeeze=False)[0]
            for ax, (name, values) in zip(axes, row.panels.items(), strict=False):
                draw_against_ratio(ax, row, values)
                ax.set_xlabel("η/S")
                finish_axes(ax, name, name in logarithmic)
            name, values = next(iter(row.panels.items()))
            _at_fixed_ratio(axes[len(row.panels)], row, values)
            finish_axes(axes[len(row.panels)], name, name in logarithmic)
            for ax in axes[len(row.panels) + 1 :]:
                ax.set_visible(False)
    return figure


def draw_against_ratio(ax: Any, row: ScanRow, values: NDArray[np.float64]) -> None:
    for i, size in enumerate(np.unique(row.batch_size)):
        at = row.batch_size == size
        _points(
            ax,
            (row.learning_rate / row.batch_size)[at],
            values[at],
            COLOURS[i % len(COLOURS)],
            _MARKERS[i % len(_MARKERS)],
            f"S = {size:g}",
        )
    ax.legend(fontsize=7)


def _at_fixed_ratio(ax: Any, row: ScanRow, values: NDArray[np.float64]) -> None:
    ratio = row.learning_rate / row.batch_size
    groups = np.unique(np.round(np.log(ratio), 6))
    repeated = [g for g in groups if np.sum(np.abs(np.log(ratio) - g) < 1e-4) > 1]
    for i, group in enumerate(repeated):
        at = np.abs(np.log(ratio) - group) < 1e-4
        _points(
            ax,
            row.batch_size[at],
            values[at],
            COLOURS[i % len(COLOURS)],
            _MARKERS[i % len(_MARKERS)],
            f"{np.exp(group):.3g}",
        )
    ax.set_xlabel("batch size S (examples), η scaled with it")
    if repeated:
        ax.legend(title="η/S", fontsize=7, title_fontsize=7)


def _points(
    ax: Any,
    x: NDArray[np.float64],
    values: NDArray[np.float64],
    colour: str,
    marker: str,
    name: str,
) -> None:
    """Draw means over replicas with the range of the replicas; nothing where none arrived."""
    known = np.isfinite(values).any(axis=1)
    x, values = x[known], values[known]
    order = np.argsort(x)
    mean = np.nanmean(values, axis=1)[order] if len(x) else np.array([])
    ax.plot(x[order], mean, "-", marker=marker, color=colour, ms=5, linewidth=1, label=name)
    for place, replicas in zip(x, values, strict=True):
        ax.plot(np.full(len(replicas), place), replicas, ".", color=colour, ms=3, alpha=0.45)


def finish_axes(ax: Any, name: str, logarithmic: bool) -> None:
    """Label a panel; ticks are where the points are, which powers of ten would not be."""
    ax.set_ylabel(name)
    places = np.unique(np.concatenate([[], *[line.get_xdata() for line in ax.get_lines()]]))
    if not len(places):
        # A logarithmic axis without data cannot be drawn.
        ax.text(0.5, 0.5, "no run got there", transform=ax.transAxes, ha="center", color=GREY)
        ax.set(xticks=[], yticks=[])
        return
    ax.set_xscale("log")
    places = places[np.insert(np.diff(np.log(places)) > 0.25, 0, True)]
    ax.set_xticks(places, [f"{place:.3g}" for place in places], rotation=45)
    ax.xaxis.set_minor_formatter(NullFormatter())
    if logarithmic:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        if high < 30 * low:
            # Within a decade or so, ticks as powers of ten cannot be read.
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
            # Those whose labels do not touch.
            digits = "123456789" if high < 4 * low else "235"
            ax.yaxis.set_minor_formatter(
                FuncFormatter(lambda value, _: f"{value:.3g}" if f"{value:e}"[0] in digits else "")
            )
