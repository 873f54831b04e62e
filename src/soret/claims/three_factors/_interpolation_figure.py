"""The figure of `interpolation`: loss along lines between minima, and on a plane through three."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, LINES, style, verdict_colour
from soret.verdict import Verdict

Floats = NDArray[np.float64]


def interpolation_figure(
    positions: Floats,
    losses: Mapping[str, Floats],
    errors: Mapping[str, Floats],
    ratios: Mapping[str, Floats],
    *,
    plane: tuple[Floats, Floats, Floats, Floats],
    unit: str,
    ends: tuple[str, str, str],
    rise: float,
    verdicts: Sequence[Verdict],
    title: str,
) -> Figure:
    """Draw loss and error along lines, the ratios of widths, and the plane.

    Parameters
    ----------
    positions : (n,) array
        0 is the small-batch end, 1 the large-batch end.
    losses, errors : mapping of str to (lines, n) array
        For training and validation images.
    ratios : mapping of str to (lines,) array
        ln of small-batch width over large-batch width.
    plane : x, y, loss (ny, nx), points (3, 2): small, large, middle
    unit : str
        Of the plane's axes.
    ends : what to call the small-batch, middle and large-batch end
    rise : float
    verdicts : sequence of Verdict
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(14, 3.9), layout="constrained")
        figure.suptitle(
            f"{title}\n{' | '.join(verdict.upper() for verdict in verdicts)}",
            x=0.01,
            ha="left",
            fontsize=10,
            fontweight="bold",
            color=verdict_colour(verdicts),
        )
        axes = figure.subplots(1, 4, width_ratios=(1.2, 1, 0.8, 1.1))
        for ax, curves, label in zip(
            axes, (losses, errors), ("loss (nats)", "share classified wrong"), strict=False
        ):
            _lines(ax, positions, curves, (ends[0], ends[2]))
            ax.set_ylabel(label)
        axes[0].set_yscale("log")
        # Not across the two ends.
        axes[0].legend(
            title="thin: replicas;\nthick: median", loc="lower right", fontsize=7, title_fontsize=7
        )
        _ratios(axes[2], ratios, rise)
        _plane(figure, axes[3], plane, unit, (ends[0], ends[2], ends[1]))
    return figure


def _lines(ax: Any, positions: Floats, curves: Mapping[str, Floats], ends: Sequence[str]) -> None:
    for i, (name, values) in enumerate(curves.items()):
        colour = COLOURS[i]
        for row in values:
            ax.plot(positions, row, color=colour, alpha=0.2, linewidth=0.7)
        if len(values):
            middle = np.median(values, axis=0)
            ax.plot(positions, middle, LINES[i], color=colour, linewidth=2.2, label=name)
    for place, name, side in zip((0, 1), ends, ("right", "left"), strict=True):
        ax.axvline(place, color=GREY, linestyle=":", linewidth=1)
        ax.annotate(
            f" {name} ",
            (place, 0.5),
            xycoords=("data", "axes fraction"),
            ha=side,
            fontsize=8,
            color=GREY,
        )
    ax.set_xlabel("α: 0 and 1 are the two minima")


def _ratios(ax: Any, ratios: Mapping[str, Floats], rise: float) -> None:
    for i, values in enumerate(ratios.values()):
        known = values[np.isfinite(values)]
        ax.plot(np.full(len(known), i), known, "o", color=COLOURS[i], ms=4, alpha=0.5)
        if len(known) > 1:
            mean = known.mean()
            ax.plot([i - 0.2, i + 0.2], [mean, mean], color=COLOURS[i], linewidth=2.5)
    ax.axhline(0, color=GREY, linestyle="--", label="rival: as wide")
    ax.set_xticks(range(len(ratios)), list(ratios))
    ax.set_xlim(-0.6, len(ratios) - 0.4)
    ax.set_ylabel(
        f"ln(small-batch width / large-batch width),\nwidth: up to a rise of {rise:g} nats"
    )
    ax.legend(fontsize=7)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, -0.1), max(high, 0.1))


def _plane(
    figure: Figure,
    ax: Any,
    plane: tuple[Floats, Floats, Floats, Floats],
    unit: str,
    ends: Sequence[str],
) -> None:
    x, y, loss, points = plane
    shown = np.clip(loss, max(float(np.nanmin(loss)), 1e-12), None)
    levels = np.geomspace(float(np.nanmin(shown)), float(np.nanmax(shown)), 16)
    drawn = ax.contourf(x, y, shown, levels=levels, norm=LogNorm(), cmap="viridis")
    bar = figure.colorbar(drawn, ax=ax, format="%.2g")
    bar.set_label("training loss (nats)")
    for (px, py), name in zip(points, ends, strict=True):
        ax.plot(px, py, "o", color="white", mec="black", ms=6)
        # On the side where there is room.
        side = "left" if px < (x[0] + x[-1]) / 2 else "right"
        told = f"  {name}  "
        ax.annotate(told, (px, py), ha=side, color="white", fontsize=8, fontweight="bold")
    ax.set_xlabel(f"along the line ({unit})")
    ax.set_ylabel(f"away from it ({unit})")
    ax.grid(visible=False)
