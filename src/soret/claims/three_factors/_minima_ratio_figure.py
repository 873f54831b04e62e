"""The figure of `minima_ratio`: odds of two minima against 1/T, and where the formula holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.forest import draw_forest
from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style
from soret.verdict import Result, together

_MARKERS = "osD"


@dataclass(frozen=True)
class OddsPanel:
    """One surface.

    Attributes
    ----------
    name : str
    heats : (T,) array
        Temperatures nσ²/2.
    formula, exact : (T,) array
        ln(p_A/p_B) by the formula and by the stationary Fokker–Planck equation.
    rival : float
    points : mapping of str to list of (T, ln odds, and its interval's ends)
        What SGD did when a factor was changed.
    results : sequence of Result
    """

    name: str
    heats: NDArray[np.float64]
    formula: NDArray[np.float64]
    exact: NDArray[np.float64]
    rival: float
    points: Mapping[str, Sequence[tuple[float, float, float, float]]]
    results: Sequence[Result]


def minima_figure(panels: Sequence[OddsPanel], maps: xr.Dataset, mapped: Sequence[str]) -> Figure:
    """Draw a panel for every surface; below, two maps and all ratios.

    Parameters
    ----------
    panels : sequence of OddsPanel
    maps : Dataset
        rate (share, heat) and anisotropy (ratio, heat): odds over the formula's.
    mapped : sequence of str
        The surfaces of the two maps.
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(12.5, 8.4), layout="constrained")
        heading(figure, "The odds of two minima under SGD: η, S and σ² count through T = ησ²/(2S)")
        parts: Any = figure.subfigures(2, 1, height_ratios=(1, 0.95))
        above, below = parts
        axes: Any = above.subplots(1, len(panels), squeeze=False)[0]
        for ax, panel in zip(axes, panels, strict=True):
            _draw_odds(ax, panel)
        axes[0].set_ylabel("log-odds ln(p_A/p_B), A the left minimum")
        axes[0].legend(fontsize=7)
        left, middle, right = below.subplots(1, 3, width_ratios=(1, 1, 0.85))
        _draw_map(left, maps.heat.values, maps.share.values, maps.rate.values)
        left.set_ylabel("ηh, h the largest curvature (dimensionless)")
        left.set_title(f"{mapped[0]}: SGD itself, exactly", loc="left")
        _draw_map(middle, maps.heat.values, maps.ratio.values, maps.anisotropy.values)
        middle.axhline(1, color="black", lw=1)
        middle.set_ylabel("noise variance across/along the path")
        middle.set_title(f"{mapped[1]}: Fokker–Planck, anisotropic noise", loc="left")
        ratios = [r for panel in panels for r in panel.results if "over" in r.quantity]
        names = [
            f"{panel.name}:\n"
            + ("FP/formula, T → 0" if r.quantity.startswith("Fokker") else "SGD/Fokker–Planck")
            for panel in panels
            for r in panel.results
            if "over" in r.quantity
        ]
        draw_forest(right, ratios, names, xlabel="ratio of odds (dimensionless)")
        right.set_xlim(0, 2.2)
        right.tick_params(axis="y", labelsize=7)
        right.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.4, 1.16), ncols=3)
    return figure


def _draw_odds(ax: Axes, panel: OddsPanel) -> None:
    order = np.argsort(panel.heats)
    inverse = 1 / panel.heats[order]
    ax.plot(inverse, panel.formula[order], "k--", lw=1.3, label="formula")
    ax.plot(inverse, panel.exact[order], "-", color=GREY, lw=1.6, label="stationary Fokker–Planck")
    ax.axhline(panel.rival, color=GREY, ls=":", lw=1.4, label="rival: depth alone, or even odds")
    for i, (factor, points) in enumerate(panel.points.items()):
        heats, values, low, high = (np.array(part) for part in zip(*points, strict=True))
        # Side by side, for they share their temperatures.
        ax.errorbar(
            (1 / heats) * (1 + 0.025 * (i - 1)),
            values,
            [values - low, high - values],
            fmt=_MARKERS[i],
            color=COLOURS[i],
            ms=5,
            lw=1.2,
            label=f"SGD, {factor} changed",
        )
    powers = [r for r in panel.results if r.quantity.startswith("power")]
    told = together(r.verdict for r in panel.results)
    text = (
        "powers of η, S, σ²: " + ", ".join(f"{r.measured:.2f}" for r in powers) + " (−1, 1, −1)"
        if powers
        else "equal depth: no factor changes the formula's odds"
    )
    ax.set_title(
        f"{panel.name}: {told.upper()}\n{text}",
        loc="left",
        fontsize=8.5,
        color=VERDICT_COLOURS[told],
    )
    coldest = min(point[0] for points in panel.points.values() for point in points)
    ax.set_xlim(0.8, 1.8 / coldest)
    shown = inverse <= 1.8 / coldest
    values = np.concatenate([panel.formula[order][shown], panel.exact[order][shown], [panel.rival]])
    room = 0.1 * (values.max() - values.min())
    ax.set_ylim(values.min() - room, values.max() + room)
    ax.set_xlabel("1/T = 2S/(ησ²) (per unit of loss)")


def _draw_map(
    ax: Axes, heats: NDArray[np.float64], other: NDArray[np.float64], ratio: NDArray[np.float64]
) -> None:
    logs = np.log10(ratio)
    shown = ax.pcolormesh(
        heats, other, np.clip(logs, -0.5, 0.5), cmap="RdBu_r", vmin=-0.5, vmax=0.5, rasterized=True
    )
    limits = np.log10([0.5, 0.9, 1.1, 2.0])
    lines = ax.contour(
        heats,
        other,
        logs,
        limits,
        colors="black",
        linewidths=0.9,
        linestyles=[":", "--", "--", ":"],
    )
    ax.clabel(lines, fmt={value: f"{10**value:.2g}" for value in limits}, fontsize=7)
    if np.isnan(ratio).any():
        ax.set_facecolor("#D0D0D0")
        ax.plot([], [], "s", color="#D0D0D0", label="SGD leaves the surface")
        ax.legend(fontsize=7, loc="lower right")
    ax.set(xscale="log", yscale="log")
    ticks = [0.06, 0.1, 0.2, 0.4, 0.6]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("T/barrier (dimensionless)")
    ax.figure.colorbar(shown, ax=ax, label="log₁₀(odds/formula)", extend="both")
    ax.grid(False)
