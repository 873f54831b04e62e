"""The figure of `same_training_error`: observables against training loss, by learning rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, LINES, heading, style, verdict_colour
from soret.verdict import Verdict


@dataclass(frozen=True)
class AtLossRow:
    """One row of panels.

    Attributes
    ----------
    title : str
        What sets the row apart, e.g. the data and its labels.
    losses : (L,) array
        Losses at which observables were read off.
    values : mapping of str to (mapping of float to (R, L) array)
        For each observable, at each learning rate, the replicas' values.
    levels : (K,) array
        Losses at which they were compared.
    verdicts : mapping of str to sequence of Verdict
        For each observable, one for each level.
    """

    title: str
    losses: NDArray[np.float64]
    values: Mapping[str, Mapping[float, NDArray[np.float64]]]
    levels: NDArray[np.float64]
    verdicts: Mapping[str, Sequence[Verdict]]


def at_loss_figure(rows: Sequence[AtLossRow], *, title: str) -> Figure:
    """Draw every observable against training loss, from high to low, a line for every η.

    Parameters
    ----------
    rows : sequence of AtLossRow
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 0.5 + 3.1 * len(rows)), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            part.suptitle(row.title, x=0.01, ha="left", fontsize=9)
            axes = part.subplots(1, len(row.values), squeeze=False)[0]
            for ax, (name, curves) in zip(axes, row.values.items(), strict=True):
                for i, (rate, values) in enumerate(curves.items()):
                    mean = missing.mean(values, axis=0)
                    half = missing.reach(values)
                    colour = COLOURS[i % len(COLOURS)]
                    ax.fill_between(
                        row.losses, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0
                    )
                    ax.plot(
                        row.losses, mean, LINES[i % len(LINES)], color=colour, label=f"{rate:g}"
                    )
                for level in row.levels:
                    ax.axvline(level, color=GREY, linewidth=0.8, linestyle=":")
                told = row.verdicts[name]
                ax.set_title(
                    f"{name}: {' | '.join(verdict.upper() for verdict in told)}",
                    loc="left",
                    color=verdict_colour(told),
                )
                ax.set_xscale("log")
                if row.losses.max() < 10 * row.losses.min():
                    # Within a decade, ticks as powers of ten cannot be read.
                    ax.xaxis.set_major_formatter(ScalarFormatter())
                    ax.xaxis.set_minor_formatter(ScalarFormatter())
                ax.invert_xaxis()
                ax.set_xlabel("training loss (nats), falling to the right; dotted: where compared")
                ax.set_ylabel(name.removeprefix("the "))
            axes[-1].legend(
                title="η; mean over replicas, 95 % interval",
                loc="upper left",
                fontsize=7,
                title_fontsize=7,
            )
    return figure
