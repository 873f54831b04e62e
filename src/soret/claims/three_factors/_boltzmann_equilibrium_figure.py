"""The figure of `boltzmann_equilibrium`: temperatures, densities, and where the law fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style
from soret.verdict import Result, together


@dataclass(frozen=True)
class BoltzmannPanel:
    """One surface.

    Attributes
    ----------
    name : str
    heats : sequence of (float, (R,) array)
        nσ²/2, and the temperature of every replica.
    densities : sequence of ((b,) array, (b,) array, float)
        V and −T ln ρ − T ln Z in bins, and T.
    results : sequence of Result
    """

    name: str
    heats: Sequence[tuple[float, NDArray[np.float64]]]
    densities: Sequence[tuple[NDArray[np.float64], NDArray[np.float64], float]]
    results: Sequence[Result]


def boltzmann_figure(panels: Sequence[BoltzmannPanel], validity: xr.Dataset, mapped: str) -> Figure:
    """Draw −T ln ρ against L on every surface; below, temperatures and two maps.

    Parameters
    ----------
    panels : sequence of BoltzmannPanel
    validity : Dataset
        temperature, boltzmann and modified (share, heat).
    mapped : str
        The surface of the maps.
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(12.5, 8.2), layout="constrained")
        heading(figure, "SGD's stationary law under isotropic noise: P ∝ exp(−L/T), T = ησ²/(2S)")
        parts: Any = figure.subfigures(2, 1)
        above, below = parts
        axes: Any = above.subplots(1, len(panels), squeeze=False)[0]
        for ax, panel in zip(axes, panels, strict=True):
            _draw_density(ax, panel)
        axes[0].set_ylabel("−T ln(Zρ), measured (unit of loss)")
        axes[0].legend(fontsize=7, loc="upper left")
        left, middle, right = below.subplots(1, 3)
        _draw_heats(left, panels)
        for ax, name, title in (
            (middle, "boltzmann", "Boltzmann's law"),
            (right, "modified", "its first correction in η (ours)"),
        ):
            _draw_map(ax, validity, name)
            ax.set_title(f"{mapped} well: distance of SGD from\n{title}", loc="left", fontsize=8.5)
    return figure


def _draw_density(ax: Axes, panel: BoltzmannPanel) -> None:
    heats = sorted({round(heat, 6) for *_, heat in panel.densities})
    seen = set()
    for level, measured, heat in panel.densities:
        colour = COLOURS[heats.index(round(heat, 6)) % len(COLOURS)]
        label = None if colour in seen else f"SGD, T = {heat:.3g}"
        seen.add(colour)
        ax.plot(level, measured, "o", color=colour, ms=3, alpha=0.7, label=label)
    top = max(float(level.max()) for level, *_ in panel.densities)
    ax.plot([0, top], [0, top], "k-", lw=1, label="Boltzmann, nothing fitted")
    ax.plot([0, top], [0, top / 2], ":", color=GREY, label="rival: T = ησ²/S")
    told = together(r.verdict for r in panel.results)
    powers = ", ".join(f"{r.measured:.2f}" for r in panel.results if r.quantity.startswith("power"))
    ax.set_title(
        f"{panel.name}: {told.upper()}\npowers of η, S, σ² in T: {powers} (1, −1, 1)",
        loc="left",
        fontsize=8.5,
        color=VERDICT_COLOURS[told],
    )
    ax.set_xlabel("L along the path (unit of loss)")


def _draw_heats(ax: Axes, panels: Sequence[BoltzmannPanel]) -> None:
    for i, panel in enumerate(panels):
        x = np.array([heat for heat, _ in panel.heats])
        mean = np.array([values.mean() for _, values in panel.heats])
        half = [float(missing.reach(values)) for _, values in panel.heats] / x
        shift = 1 + 0.012 * (i - (len(panels) - 1) / 2) + 0.004 * (np.arange(len(x)) - len(x) / 2)
        ax.errorbar(
            x * shift,
            mean / x,
            half,
            fmt="osD^v"[i],
            color=COLOURS[i],
            ms=4,
            lw=1,
            label=panel.name,
        )
    ax.axhline(1, color="black", lw=1)
    ax.axhspan(0.9, 1.1, color=GREY, alpha=0.12, lw=0, label="tolerance at the smallest η")
    ax.set(xscale="log", ylim=(0.8, 1.3), xlabel="nσ²/2 = ησ²/(2S) (unit of loss)")
    ticks = sorted({round(heat, 3) for panel in panels for heat, _ in panel.heats})
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_ylabel("temperature of SGD/(nσ²/2)")
    ax.set_title("temperature from the mean loss,\nfor every (η, S, σ²)", loc="left", fontsize=8.5)
    ax.legend(fontsize=7, ncols=2)


def _draw_map(ax: Axes, validity: xr.Dataset, name: str) -> None:
    x, y = validity.heat.values, validity.share.values
    values = validity[name].values
    shown = ax.pcolormesh(
        x, y, np.log10(values), cmap="viridis_r", vmin=-4, vmax=-0.5, rasterized=True
    )
    # The corrected law fails within a cell or two: several levels there would lie on each other.
    levels = [0.01, 0.05, 0.1] if name == "boltzmann" else [0.01]
    lines = ax.contour(x, y, values, levels, colors="black", linewidths=0.9)
    ax.clabel(lines, fmt="%g", fontsize=7)
    ax.set_facecolor("#D0D0D0")
    ax.plot([], [], "s", color="#D0D0D0", label="SGD leaves the surface")
    ax.legend(fontsize=7, loc="lower left")
    ax.set(xscale="log", yscale="log", xlabel="T/barrier (dimensionless)")
    ticks = [0.05, 0.1, 0.2, 0.4, 0.8]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_ylabel("ηh at the minimum (dimensionless)")
    ax.figure.colorbar(shown, ax=ax, label="log₁₀ of the total variation distance")
    ax.grid(False)
