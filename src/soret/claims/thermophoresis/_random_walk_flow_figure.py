"""The figure of `random_walk_flow`: flows against the learning rate, and over formulas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.forest import draw_forest
from soret.plotting.style import COLOURS, GREY, heading, style
from soret.verdict import Result

_MARKERS = "osD^vP*"


@dataclass(frozen=True)
class FlowCurve:
    """Flow against learning rate.

    Attributes
    ----------
    name : str
    rates : (H,) array
        Learning rates.
    flows : (H, R) array
        One for every replica, positive where mass moves towards smaller steps.
    """

    name: str
    rates: NDArray[np.float64]
    flows: NDArray[np.float64]


def flow_figure(curves: Sequence[FlowCurve], results: Sequence[Result], title: str) -> Figure:
    """Draw flows on logarithmic axes with lines of slope 2 and 1; then every ratio.

    Parameters
    ----------
    curves : sequence of FlowCurve
    results : sequence of Result
        Ratios are those whose quantity begins with "flow over" or "difference of mean free paths";
        their names are in brackets.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(15.5, 5.6), layout="constrained")
        heading(figure, title)
        left, middle, right, paths = figure.subplots(1, 4, width_ratios=(1.25, 1, 1, 0.8))
        for i, curve in enumerate(curves):
            colour, mean = COLOURS[i % len(COLOURS)], curve.flows.mean(1)
            error = missing.reach(curve.flows, axis=1)
            shape = _MARKERS[i % len(_MARKERS)]
            left.errorbar(curve.rates, mean, error, fmt=shape, color=colour, ms=5, label=curve.name)
            top = int(curve.rates.argmax())
            grid = np.geomspace(curve.rates.min(), curve.rates.max(), 50)
            share = grid / curve.rates[top]
            left.plot(grid, mean[top] * share**2, "-", color=colour, lw=1)
            left.plot(grid, mean[top] * share, ":", color=GREY, lw=1)
        left.plot([], [], "-", color="black", lw=1, label="η², predicted")
        left.plot([], [], ":", color=GREY, lw=1, label="η¹, rival")
        left.set(xscale="log", yscale="log")
        rates = sorted({float(rate) for curve in curves for rate in curve.rates})
        left.set_xticks(rates, [f"{rate:g}" for rate in rates])
        left.minorticks_off()
        left.set_xlabel("learning rate η (dimensionless)")
        left.set_ylabel("flow towards smaller g through the window (mass per step)")
        left.set_title("uniform density: thermophoresis alone", loc="left")
        below: Any = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.1), "fontsize": 7}
        left.legend(ncols=2, **below)
        for ax, formula, name, label in (
            (middle, "flow over Eq. 10", "the paper's Eq. 10, as printed", "measured flow"),
            (
                right,
                "flow over the Itô flux",
                r"the exact flux $-\frac{1}{2}\eta^2\partial_j(g_i g_j \rho)$",
                "measured flow",
            ),
            (paths, "difference of mean free paths", "Eq. 9", "difference of mean free paths"),
        ):
            chosen = [r for r in results if r.quantity.startswith(formula)]
            names = [r.quantity.partition("(")[2].rstrip(")") for r in chosen]
            names = [n.replace(" walk, ", ",\n").replace(" density", "") for n in names]
            names = [n.removesuffix(" walk") for n in names]
            draw_forest(ax, chosen, names, xlabel=f"{label} / formula")
            ax.set_title(f"against {name}", loc="left")
            ax.axvline(1, color="black", lw=0.6, zorder=0)
            ax.set_xlim(-0.1, 2.2)
            ax.tick_params(axis="y", labelsize=7)
        middle.legend(ncols=3, **below)
    return figure
