"""Results as points with intervals, beside what was predicted and what the rival says."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from soret.plotting.style import GREY, VERDICT_COLOURS
from soret.verdict import NOMINAL, Result


def draw_forest(ax: Axes, results: Sequence[Result], names: Sequence[str], *, xlabel: str) -> None:
    """Draw results below one another: measured with its interval, predicted, rival.

    Parameters
    ----------
    ax : Axes
    results : sequence of Result
    names : sequence of str
        What to call each.
    xlabel : str
        What is measured, with its unit.
    """
    for row, result in enumerate(results):
        y = -row
        colour = VERDICT_COLOURS[result.verdict]
        if not isinstance(result.predicted, str):
            ax.plot(result.predicted, y, "D", mfc="none", mec="black", ms=8, zorder=2)
        if not isinstance(result.rival, str):
            ax.plot(result.rival, y, "x", color=GREY, ms=7, mew=1.5, zorder=2)
        if np.isfinite(result.measured):
            low, high = result.interval
            ax.plot([low, high], [y, y], "-", color=colour, lw=2, solid_capstyle="butt")
            ax.plot(result.measured, y, "o", color=colour, ms=4.5, zorder=3)
        ax.annotate(
            result.verdict,
            (1.01, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            color=colour,
            annotation_clip=False,
        )
    label = "measured, 95 % interval"
    if any(result.interval_is != NOMINAL for result in results):
        label = "measured, interval"
    ax.plot([], [], "-o", color=GREY, lw=2, ms=4.5, label=label)
    ax.plot([], [], "D", mfc="none", mec="black", ms=7, label="predicted")
    ax.plot([], [], "x", color=GREY, ms=7, mew=1.5, label="rival")
    ax.set_yticks([-row for row in range(len(results))], names)
    ax.set_ylim(-len(results) + 0.4, 0.6)
    ax.set_xlabel(xlabel)
    ax.margins(x=0.08)
