"""The figure of `fokker_planck`: densities through time, beside those that equations say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, VERDICT_COLOURS, heading, style
from soret.verdict import Result


@dataclass(frozen=True)
class EvolutionRow:
    """One noise.

    Attributes
    ----------
    title : str
    positions : sequence of (R,) array
        Where replicas are, for every time.
    edges : (k,) array
        Where distributions are known.
    law, rival : (times, k) array
        Distributions by the equation and by its rival.
    times : sequence of str
    results : sequence of Result
        One for every time.
    direction : str
        What the positions are, "x" or "x + y".
    name : str
        What the rival is.
    """

    title: str
    positions: Sequence[NDArray[np.float64]]
    edges: NDArray[np.float64]
    law: NDArray[np.float64]
    rival: NDArray[np.float64]
    times: Sequence[str]
    results: Sequence[Result]
    direction: str
    name: str


def evolution_figure(rows: Sequence[EvolutionRow]) -> Figure:
    """Draw a row of panels for every noise, a panel for every time.

    Parameters
    ----------
    rows : sequence of EvolutionRow
    """
    with matplotlib.rc_context(style()):
        size = (4.0 * len(rows[0].times), 0.4 + 2.9 * len(rows))
        figure = Figure(figsize=size, layout="constrained")
        heading(
            figure,
            "SGD's ensemble on double wells, and the density evolved by the Fokker–Planck equation",
        )
        axes: Any = figure.subplots(len(rows), len(rows[0].times), squeeze=False)
        for line, row in zip(axes, rows, strict=True):
            for i, ax in enumerate(line):
                _draw(ax, row, i)
            line[0].set_ylabel("density (per unit length)")
            line[0].legend(fontsize=7)
    return figure


def _draw(ax: Axes, row: EvolutionRow, i: int) -> None:
    inside = np.interp([0.0005, 0.9995], row.law[i], row.edges)
    wide = 0.15 * (inside[1] - inside[0])
    low, high = inside[0] - wide, inside[1] + wide
    edges = np.linspace(low, high, 61)
    counts = np.histogram(row.positions[i], edges)[0] / row.positions[i].size
    ax.stairs(counts / np.diff(edges), edges, color=COLOURS[0], fill=True, alpha=0.35, label="SGD")
    middle = (edges[1:] + edges[:-1]) / 2
    tallest = counts.max() / np.diff(edges)[0]
    for values, mark, name in (
        (row.law[i], "k-", "Fokker–Planck"),
        (row.rival[i], ":", row.name),
    ):
        density = np.diff(np.interp(edges, row.edges, values)) / np.diff(edges)
        colour = "black" if mark == "k-" else COLOURS[1]
        ax.plot(middle, density, mark.replace("k", ""), color=colour, lw=1.4, label=name)
    result = row.results[i]
    ax.set_ylim(0, 1.35 * tallest or 1)
    ax.set_title(
        f"{row.title}, t = {row.times[i]}: {result.verdict.upper()}\n"
        f"distance {result.measured:.3f}, rival's {float(result.rival):.3f}",
        loc="left",
        fontsize=8.5,
        color=VERDICT_COLOURS[result.verdict],
    )
    ax.set_xlabel(f"{row.direction} (dimensionless)")
