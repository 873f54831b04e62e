"""Panels of a figure: their sheet, their titles with verdicts, means with intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import VERDICT_COLOURS, heading
from soret.verdict import Verdict, together

Floats = NDArray[np.float64]


def entitle(ax: Axes, title: str, verdicts: Sequence[Verdict]) -> None:
    """Set a title with a verdict, in its colour."""
    told = together(verdicts)
    ax.set_title(f"{title}: {told.upper()}", loc="left", color=VERDICT_COLOURS[told], fontsize=8.5)


def sheet(
    title: str, rows: int, columns: int, size: tuple[float, float], **layout: Any
) -> tuple[Figure, Any]:
    """Return a figure with a title and its panels, (rows, columns). Use within `style`.

    Parameters
    ----------
    title : str
    rows, columns : int
    size : (float, float)
        Inches.
    **layout
        As `Figure.subplots` takes it.
    """
    figure = Figure(figsize=size, layout="constrained")
    heading(figure, title)
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def side_by_side(title: str, count: int) -> tuple[Figure, Any]:
    """Return a figure of so many panels side by side, and the panels. Use within `style`."""
    figure, axes = sheet(title, 1, count, (max(7.0, 3.6 * count), 3.7))
    return figure, axes[0]


def band(ax: Axes, x: Floats, values: Floats, colour: str, label: str, marker: str = "o") -> None:
    """Draw the mean over replicas (R, T) with its 95 % interval."""
    mean = values.mean(0)
    half = missing.reach(values)
    ax.fill_between(x, mean - half, mean + half, color=colour, alpha=0.25, lw=0)
    ax.plot(x, mean, marker, ms=3, color=colour, label=label, lw=1)
