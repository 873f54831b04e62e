"""The figure of `memorization`: accuracy along training, and memorized at equal progress."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.scan import ScanRow, draw_against_ratio, finish_axes
from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style
from soret.verdict import Verdict

Floats = NDArray[np.float64]


def memorization_figure(
    epochs: Floats,
    curves: Floats,
    chance: float,
    row: ScanRow,
    *,
    told: Sequence[str],
    verdicts: Sequence[Verdict],
    title: str,
) -> Figure:
    """Draw both experiments.

    Parameters
    ----------
    epochs : (n,) array
    curves : (replicas, n) array
        Training accuracy on random labels; NaN after the end.
    chance : float
        What guessing gives.
    row : ScanRow
        Ends of the runs with some random labels.
    told : sequence of str
        Both estimates with their intervals.
    verdicts : sequence of Verdict
        Of both.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(14, 3.8), layout="constrained")
        heading(figure, title)
        axes = figure.subplots(1, 1 + len(row.panels))
        ax = axes[0]
        for i, curve in enumerate(curves):
            known = np.isfinite(curve)
            name = "a replica" if i == 0 else None
            ax.plot(epochs[known], curve[known], color=COLOURS[0], alpha=0.6, lw=1, label=name)
        ax.axhline(chance, color=GREY, linestyle="--", label="rival: guessing")
        ax.axhline(1, color=GREY, linestyle=":")
        ax.set_xlabel("epoch")
        ax.set_ylabel("training accuracy")
        ax.legend(fontsize=7)
        ax.set_title(
            f"all labels random: {verdicts[0].upper()}\naccuracy reached {told[0]}",
            loc="left",
            color=VERDICT_COLOURS[verdicts[0]],
        )
        for ax, (name, values) in zip(axes[1:], row.panels.items(), strict=True):
            draw_against_ratio(ax, row, values)
            ax.set_xlabel("η/S")
            finish_axes(ax, name, False)
        axes[1].set_title(
            f"{row.title}: {verdicts[1].upper()}\ncorrelation {told[1]}",
            loc="left",
            color=VERDICT_COLOURS[verdicts[1]],
        )
    return figure
