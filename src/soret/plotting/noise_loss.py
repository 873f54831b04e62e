"""Loss and noise strength along training, and one against the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, heading, style, verdict_colour
from soret.verdict import Result


@dataclass(frozen=True)
class NoiseRow:
    """One net.

    Attributes
    ----------
    title : str
    epochs : (T,) array
    loss, noise : (replicas, T) array
    stages : sequence of (str, Result)
        Name, and the result on the slope there, with a `soret.inference.Slope` if one was found.
    """

    title: str
    epochs: NDArray[np.float64]
    loss: NDArray[np.float64]
    noise: NDArray[np.float64]
    stages: Sequence[tuple[str, Result]]


def noise_loss_figure(rows: Sequence[NoiseRow], *, title: str) -> Figure:
    """Draw a row for every net: along training, noise against loss, and their local slope.

    Parameters
    ----------
    rows : sequence of NoiseRow
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 0.5 + 3.9 * len(rows)), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            told = "\n".join(_told(*stage) for stage in row.stages)
            part.suptitle(
                f"{row.title}\n{told}",
                x=0.01,
                ha="left",
                color=verdict_colour([result.verdict for _, result in row.stages]),
                fontsize=9,
            )
            left, right = part.subplots(1, 2)
            _along(left, row)
            _against(right, row)
    return figure


def _told(name: str, result: Result) -> str:
    slope = result.evidence
    found = "no slope" if slope is None else f"slope {slope.slope:.2f}"
    if slope is not None:
        found += f" ({slope.interval[0]:.2f} to {slope.interval[1]:.2f})"
    return (
        f"{name}: {found}, predicted {result.predicted:g}, rival {result.rival:g}: "
        f"{result.verdict.upper()}"
    )


def _along(ax: Axes, row: NoiseRow) -> None:
    for curves, colour, line, label in (
        (row.noise, COLOURS[1], "--", "noise strength"),
        (row.loss, COLOURS[0], "-", "loss L"),
    ):
        for i, curve in enumerate(curves):
            ax.plot(
                row.epochs,
                curve,
                line,
                color=colour,
                linewidth=0.9,
                alpha=0.7,
                label=label if i == 0 else None,
            )
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss, noise strength (a line a replica)")
    ax.legend(fontsize=7)


def _against(ax: Axes, row: NoiseRow) -> None:
    shown = ax.scatter(
        row.loss.ravel(),
        row.noise.ravel(),
        c=np.tile(row.epochs, len(row.loss)),
        s=6,
        cmap="viridis",
        zorder=2,
        label="a record of a replica",
    )
    for i, (_, result) in enumerate(row.stages):
        slope = result.evidence
        if slope is None:
            continue
        x = np.array(slope.span)
        middle = np.sqrt(x.prod())
        ax.axvspan(*slope.span, color=GREY, alpha=0.1, linewidth=0)
        ax.plot(x, slope(x), color=COLOURS[1], label="slope found" if i == 0 else None, zorder=3)
        for power, line, label in (
            (float(result.predicted), "--", "predicted"),
            (float(result.rival), ":", "rival"),
        ):
            y = 1.8 * slope(middle) * (x / middle) ** power
            shown_once = label if i == 0 else None
            ax.plot(x, y, line, color="black", linewidth=1, label=shown_once, zorder=3)
            ax.annotate(
                f"{power:g}",
                (x[-1], y[-1]),
                fontsize=7,
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("loss L")
    ax.set_ylabel("noise strength, ⟨|∇ℓ|²⟩ − |∇L|²")
    ax.legend(fontsize=7, title="slopes", title_fontsize=7)
    ax.figure.colorbar(shown, ax=ax, label="epoch")
