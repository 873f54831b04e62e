"""The figure of `escape_rate`: rates against the barrier's height, and where formulas hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from soret.plotting.style import COLOURS, GREY, heading, style, verdict_colour
from soret.verdict import Result

Rate = Callable[[float, float], float]
_MARKERS = {1: "o", 2: "s", 3: "^"}
_RATIO_TICKS = (1.2, 1.5, 2, 3, 4, 6, 8)


@dataclass(frozen=True)
class Simulated:
    """A rate from passages.

    Attributes
    ----------
    ratio, heat : float
        Lˢ/L* and ηh_e/B.
    dimension : int
    rate : float
        Per unit of t.
    interval : (float, float)
    """

    ratio: float
    heat: float
    dimension: int
    rate: float
    interval: tuple[float, float]


def escape_rate_figure(
    line: xr.Dataset,
    plane: xr.Dataset,
    points: Sequence[Simulated],
    results: Sequence[Result],
    *,
    formula: Callable[[float, float, int], float],
    kramers: Rate,
) -> Figure:
    """Draw rates against Lˢ/L*, where two formulas hold, and what is left in the plane.

    Parameters
    ----------
    line : Dataset
        exact (ratio, heat) and eigenvalue (some_ratio, some_heat), in one dimension.
    plane : Dataset
        rate (across, heat), formula (heat) and factor (across).
    points : sequence of Simulated
    results : sequence of Result
    formula, kramers : callable
        Rates at Lˢ/L* and ηh_e/B, the first also of n.
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(11, 8.4), layout="constrained")
        heading(figure, "The escape rate over a barrier with noise that follows the loss")
        axes: Any = figure.subplots(2, 2)
        _draw_rates(axes[0, 0], line, points, formula, kramers)
        _draw_plane(axes[0, 1], plane, points, formula, results)
        grid = [(float(r), float(heat)) for r in line.ratio for heat in line.heat]
        shape = line.exact.shape
        for ax, name, rate in (
            (axes[1, 0], "Eq. 15", lambda r, heat: formula(r, heat, 1)),
            (axes[1, 1], "Kramers, frozen noise", kramers),
        ):
            values = np.reshape([rate(*point) for point in grid], shape) / line.exact.values
            _draw_map(ax, line, values, name, points)
    return figure


def _draw_rates(
    ax: Axes,
    line: xr.Dataset,
    points: Sequence[Simulated],
    formula: Callable[[float, float, int], float],
    kramers: Rate,
) -> None:
    ratios = np.geomspace(1.2, 8, 80)
    for i, heat in enumerate(line.some_heat.values):
        colour = COLOURS[i]
        ax.plot(ratios, [formula(r, heat, 1) for r in ratios], "-", color=colour, lw=1)
        ax.plot(ratios, [kramers(r, heat) for r in ratios], ":", color=colour, lw=1.2)
        # Its logarithm is nearly linear in 1/heat.
        cold = np.log(line.exact).assign_coords(heat=1 / line.heat).sortby("heat")
        exact = np.exp(cold.interp(heat=1 / heat))
        ax.plot(line.ratio, exact, ".", color=colour, ms=5)
        ax.plot(line.some_ratio, line.eigenvalue.sel(some_heat=heat), "x", color=colour, ms=6)
        ax.annotate(f"ηh/B = {heat:g}", (8.2, formula(8, heat, 1)), color=colour, fontsize=7)
    here = [p for p in points if p.dimension == 1]
    ax.errorbar(
        [p.ratio for p in here],
        [p.rate for p in here],
        np.array([_reach(p) for p in here]).T if here else None,
        fmt="o",
        mfc="none",
        color="black",
        ms=9,
    )
    for mark, label in (
        ("k-", "Eq. 15"),
        ("k.", "exact: mean first-passage time, quadrature"),
        ("kx", "exact: slowest Fokker–Planck eigenvalue"),
        ("k:", "rival: Kramers, noise of the minimum"),
    ):
        ax.plot([], [], mark, label=label)
    ax.plot([], [], "ko", mfc="none", ms=9, label="SGD on the surface, 95 % interval")
    ax.set(xscale="log", yscale="log", ylim=(1e-11, 2), xlim=(1.15, 13))
    _ratio_axis(ax)
    ax.set_ylabel("escape rate (per unit of t = ηk)")
    ax.set_title("one dimension: a power of Lˢ/L*", loc="left")
    ax.legend(fontsize=7, loc="lower left")


def _reach(point: Simulated) -> tuple[float, float]:
    """Return how far the interval reaches below and above the rate."""
    return point.rate - point.interval[0], point.interval[1] - point.rate


def _draw_plane(
    ax: Axes,
    plane: xr.Dataset,
    points: Sequence[Simulated],
    formula: Callable[[float, float, int], float],
    results: Sequence[Result],
) -> None:
    for i, share in enumerate(plane.across.values):
        here, colour = plane.sel(across=share), COLOURS[i]
        ax.plot(plane.heat, here.rate / here.formula, "x-", color=colour, lw=1)
        factor = float(here.factor)
        ax.axhline(factor, color=colour, ls="--", lw=1)
        ax.plot(0, factor, "D", mfc="none", color=colour, ms=7, clip_on=False)
        ax.plot(
            [],
            [],
            "x-",
            color=colour,
            label=f"Fokker–Planck, n = 2, Lˢ = 1.5 L*, h_⊥ = {share:g} h_e",
        )
    for p in points:
        if p.ratio == 2.0:
            share = p.rate / formula(p.ratio, p.heat, p.dimension)
            ax.errorbar(
                # Side by side, so that they can be told apart.
                p.heat + 0.006 * (p.dimension - 2),
                share,
                np.array([_reach(p)]).T * share / p.rate,
                fmt=_MARKERS[p.dimension],
                color="black",
                mfc="none",
                label=f"SGD, n = {p.dimension}, Lˢ = 2 L*, all h equal",
            )
    ax.plot([], [], "D--", mfc="none", color=GREY, label="the factor that Eq. 15 lacks")
    ax.axhline(1, color="black", lw=0.8)
    ax.annotate("Eq. 15", (0.235, 1), va="bottom", ha="right", fontsize=7)
    ax.set(xlim=(0, 0.24), yscale="log")
    ax.set_ylim(0.7, 4)
    ax.set_yticks([0.7, 0.8, 0.9, 1, 1.2, 1.5, 2], ["0.7", "0.8", "0.9", "1", "1.2", "1.5", "2"])
    ax.set_yticks([], minor=True)
    ax.set_xlabel("ηh_e/B (dimensionless)")
    ax.set_ylabel("rate/Eq. 15 (dimensionless)")
    across = [r for r in results if "2-D" in r.quantity]
    told = ", ".join(
        f"{share:g}: {r.verdict.upper()}"
        for share, r in zip(plane.across.values, across, strict=False)
    )
    ax.set_title(
        f"weak noise, directions across of h_⊥/h_e =\n{told}",
        loc="left",
        fontsize=8,
        color=verdict_colour([r.verdict for r in across]),
    )
    ax.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0.0, 1.0))


def _draw_map(
    ax: Axes, line: xr.Dataset, values: np.ndarray, name: str, points: Sequence[Simulated]
) -> None:
    x, y = line.ratio.values, line.heat.values
    logs = np.log10(values.T)
    shown = ax.pcolormesh(
        x, y, np.clip(logs, -1, 1), cmap="RdBu_r", vmin=-1, vmax=1, rasterized=True
    )
    limits = np.log10([0.5, 0.9, 1.1, 2.0])
    lines = ax.contour(
        x, y, logs, limits, colors="black", linewidths=0.8, linestyles=[":", "--", "--", ":"]
    )
    ax.clabel(lines, fmt={v: f"{10**v:g}" for v in limits}, fontsize=7)
    for p in points:
        if p.dimension == 1:
            ax.plot(p.ratio, p.heat, "ko", mfc="white", ms=5)
    ax.set(xscale="log", yscale="log")
    _ratio_axis(ax)
    ticks = [0.05, 0.1, 0.2, 0.4, 0.8]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_yticks([], minor=True)
    ax.set_ylabel("ηh_e/B (dimensionless)")
    share = (np.abs(values - 1) <= 0.1).mean()
    ax.set_title(
        f"where {name} holds: to 10 % on {100 * share:.0f} % of the map", loc="left", fontsize=9
    )
    ax.figure.colorbar(shown, ax=ax, label=f"log₁₀({name}/exact), 1-D", extend="both")
    ax.grid(False)


def _ratio_axis(ax: Axes) -> None:
    ax.set_xticks(_RATIO_TICKS, [f"{t:g}" for t in _RATIO_TICKS])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("Lˢ/L* (dimensionless)")
