"""The figure of `mechanism`: changes of an observable, and what its parts add up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, LINES, heading, style, verdict_colour
from soret.verdict import Verdict


@dataclass(frozen=True)
class PartsRow:
    """One row of panels.

    Attributes
    ----------
    title : str
        What sets the row apart, e.g. "PyTorch's default initialization".
    rates : (H,) array
        Learning rates η.
    times : (T,) array
        η²t of the records.
    curves : mapping of str to (H, R, T) array
        Changes since the first record, a panel each.
    verdicts : sequence of Verdict
        One for each window.
    note : str
        What came of it, in words: the noise part's share.
    theory : mapping of str to (str, (T,) array)
        What a closed form says belongs into a panel, by the panel's name, with its own.
    """

    title: str
    rates: NDArray[np.float64]
    times: NDArray[np.float64]
    curves: Mapping[str, NDArray[np.float64]]
    verdicts: Sequence[Verdict]
    note: str
    theory: Mapping[str, tuple[str, NDArray[np.float64]]] = field(default_factory=dict)


def parts_figure(
    rows: Sequence[PartsRow], *, what: str, windows: Sequence[float], title: str
) -> Figure:
    """Draw measured change and parts side by side, on the same axes, counted from a window's start.

    Parameters
    ----------
    rows : sequence of PartsRow
    what : str
        The observable, as on an axis.
    windows : sequence of float
        The values of η²t between which changes were judged; curves start at the first.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 0.5 + 3.3 * len(rows)), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            told = " | ".join(verdict.upper() for verdict in row.verdicts)
            colour = verdict_colour(row.verdicts)
            part.suptitle(
                f"{row.title}. Does the noise part lower {what}? {told}\n"
                f"its share at the smallest η: {row.note}",
                x=0.01,
                ha="left",
                color=colour,
                fontsize=9,
            )
            axes = part.subplots(1, len(row.curves), sharey=True)
            for ax, (name, curves) in zip(axes, row.curves.items(), strict=True):
                _draw(ax, row, curves, windows)
                ax.set_title(name, loc="left")
                if name in row.theory:
                    _draw_theory(ax, row, *row.theory[name], windows)
                ax.set_xlabel("η²t (t in updates)")
            axes[0].set_ylabel(f"change of {what}\nsince η²t = {windows[0]:g}")
            axes[0].legend(
                title="η; mean over replicas, 95 % interval",
                loc="lower left",
                fontsize=7,
                title_fontsize=7,
                ncols=3,
            )
    return figure


def _draw_theory(
    ax: Axes, row: PartsRow, name: str, curve: NDArray[np.float64], windows: Sequence[float]
) -> None:
    start = int(np.abs(row.times - windows[0]).argmin())
    (line,) = ax.plot(
        row.times[start:], curve[start:] - curve[start], ":", color="black", label=name
    )
    ax.legend(handles=[line], fontsize=7)


def _draw(ax: Axes, row: PartsRow, curves: NDArray[np.float64], windows: Sequence[float]) -> None:
    start = int(np.abs(row.times - windows[0]).argmin())
    since = curves[..., start:] - curves[..., start : start + 1]
    mean = since.mean(axis=1)
    half = missing.reach(since, axis=1)
    for i, rate in enumerate(row.rates):
        colour = COLOURS[i % len(COLOURS)]
        ax.fill_between(
            row.times[start:],
            mean[i] - half[i],
            mean[i] + half[i],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
        ax.plot(row.times[start:], mean[i], LINES[i % len(LINES)], color=colour, label=f"{rate:g}")
    ax.axhline(0, color=GREY, linewidth=0.8)
    for edge in windows[1:-1]:
        ax.axvline(edge, color=GREY, linewidth=0.8, linestyle=":")
