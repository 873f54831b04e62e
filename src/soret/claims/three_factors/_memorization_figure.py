"""The figure of `memorization`: accuracy along training, and memorized at equal progress."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.scan import ScanRow, draw_against_ratio, finish_axes
from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style, verdict_colour
from soret.verdict import Result

Floats = NDArray[np.float64]


def memorization_figure(
    epochs: Floats,
    curves: Floats,
    chance: float,
    row: ScanRow,
    *,
    validation: Floats,
    results: Sequence[Result],
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
    validation : (replicas,) array
        Validation accuracy after training on random labels.
    results : sequence of Result
        On the accuracy, the correlation and the validation accuracy.
    title : str
    """
    accuracy, correlation, outside = results
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
        ends = [epochs[np.isfinite(curve)].max(initial=0) for curve in curves]
        ax.plot(ends, validation, "x", color=COLOURS[1], label="validation accuracy at the end")
        ax.set_xlabel("epoch")
        ax.set_ylabel("training accuracy, and at the end validation")
        ax.legend(fontsize=7)
        ax.set_title(
            f"all labels random: {accuracy.verdict.upper()}, {_told(accuracy)}\n"
            f"no generalization: {outside.verdict.upper()}, {_told(outside)}",
            loc="left",
            color=verdict_colour([accuracy.verdict, outside.verdict]),
        )
        for ax, (name, values) in zip(axes[1:], row.panels.items(), strict=True):
            draw_against_ratio(ax, row, values)
            ax.set_xlabel("η/S")
            finish_axes(ax, name, False)
        axes[1].set_title(
            f"{row.title}: {correlation.verdict.upper()}\ncorrelation {_told(correlation)}",
            loc="left",
            color=VERDICT_COLOURS[correlation.verdict],
        )
    return figure


def _told(result: Result) -> str:
    low, high = result.interval
    return f"{result.measured:.3f} ({low:.3f} to {high:.3f})"
