"""The figure of `hessian_trace_bound`: a quantity and a bound on it, along training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, heading, style, verdict_colour
from soret.verdict import Verdict


@dataclass(frozen=True)
class BoundRow:
    """One row of panels.

    Attributes
    ----------
    title : str
        What sets the row apart, e.g. the net.
    steps : (T,) array
        Steps of the records.
    pairs : mapping of str to ((R, T) array, (R, T) array)
        The quantity and its bound, by what they are, as on an axis; the last of them is also
        drawn one against the other.
    verdicts : sequence of Verdict
    note : str
        What came of it, in words.
    """

    title: str
    steps: NDArray[Any]
    pairs: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    verdicts: Sequence[Verdict]
    note: str


def bound_figure(rows: Sequence[BoundRow], *, title: str) -> Figure:
    """Draw every pair along training, and the last one against each other.

    Parameters
    ----------
    rows : sequence of BoundRow
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 0.5 + 3.2 * len(rows)), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            part.suptitle(
                f"{row.title}: {' | '.join(v.upper() for v in row.verdicts)}; {row.note}",
                x=0.01,
                ha="left",
                color=verdict_colour(row.verdicts),
                fontsize=9,
            )
            axes = part.subplots(1, len(row.pairs) + 1, squeeze=False)[0]
            for ax, (name, pair) in zip(axes, row.pairs.items(), strict=False):
                _draw_along(ax, row.steps, *pair)
                ax.set_ylabel(name)
            axes[0].legend(title="mean, 16–84 % of replicas", fontsize=7, title_fontsize=7)
            _draw_against(axes[-1], row.steps, *pair)
            axes[-1].set_ylabel(name)
            axes[-1].set_xlabel(f"bound on the {name}")
    return figure


def _draw_along(
    ax: Axes, steps: NDArray[Any], values: NDArray[np.float64], bound: NDArray[np.float64]
) -> None:
    for curves, colour, line, label in (
        (bound, COLOURS[1], "--", "bound"),
        (values, COLOURS[0], "-", "exact"),
    ):
        low, high = missing.quantiles(curves, [0.16, 0.84], axis=0)
        ax.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(steps, missing.mean(curves, axis=0), line, color=colour, label=label)
    ax.set_yscale("log")
    ax.set_xlabel("step (updates)")


def _draw_against(
    ax: Axes, steps: NDArray[Any], values: NDArray[np.float64], bound: NDArray[np.float64]
) -> None:
    for one, most in zip(values, bound, strict=True):
        ax.plot(most, one, color=GREY, linewidth=0.4, alpha=0.5, zorder=1)
    shown = ax.scatter(
        bound.ravel(), values.ravel(), c=np.tile(steps, len(values)), s=5, cmap="viridis", zorder=2
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.tick_params(axis="x", which="minor", labelsize=6, labelrotation=30)
    ax.figure.colorbar(shown, ax=ax, label="step (updates)")
