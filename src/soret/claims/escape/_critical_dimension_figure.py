"""The figure of `critical_dimension`: growth far from a minimum, and losses that start at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, LINES, VERDICT_COLOURS, heading, style
from soret.verdict import Result

Floats = NDArray[np.float64]
_MARKERS = "os^Dv*P"


@dataclass(frozen=True)
class GrowthCurve:
    """One learning rate and batch size.

    Attributes
    ----------
    name : str
    shares : (D,) array
        d/n_c.
    growth : (D, R) array
        Of log(L − L*) per unit of t = ηk, for every replica.
    fine, exact, paper : (F,) arrays
        d/n_c, and the growth there by the recursion and by the paper's noise.
    result : Result
        On the critical dimension.
    """

    name: str
    shares: Floats
    growth: Floats
    fine: Floats
    exact: Floats
    paper: Floats
    result: Result


def critical_dimension_figure(
    curves: Sequence[GrowthCurve],
    held: Mapping[int, tuple[Floats, Floats]],
    setting: str,
    *,
    title: str,
) -> Figure:
    """Draw growth against d/n_c, and what becomes of walkers that start at the minimum.

    Parameters
    ----------
    curves : sequence of GrowthCurve
    held : mapping of int to ((K,) array, (R, K) array)
        By d: times t and L/L*.
    setting : str
        η, B and n_c of `held`.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(11, 5.0), layout="constrained")
        heading(figure, title)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.25, 0.75, 1))
        for i, curve in enumerate(curves):
            colour = COLOURS[i % len(COLOURS)]
            error = missing.reach(curve.growth, axis=1)
            left.errorbar(
                curve.shares,
                curve.growth.mean(1),
                error,
                fmt=_MARKERS[i % len(_MARKERS)],
                color=colour,
                ms=5,
                label=curve.name,
            )
            left.plot(curve.fine, curve.exact, "-", color=colour, lw=1)
        left.plot(curves[-1].fine, curves[-1].paper, "--", color="black", label="noise 2LH (paper)")
        left.plot([], [], "-", color=GREY, label="exact recursion")
        left.axhline(-2, color=GREY, ls=":", label="rival: constant noise")
        left.axhline(0, color="black", lw=0.8)
        left.axvline(1, color="black", lw=0.8)
        for word, va in (("lost", "bottom"), ("held", "top")):
            left.annotate(
                f" {word} ", (0, 0), xycoords=("axes fraction", "data"), fontsize=8, va=va
            )
        left.set_xlabel("d/n_c (dimensionless)")
        left.set_ylabel("growth of log(L − L*) from far out (per unit of t = ηk)")
        left.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1, 0.08))
        left.set_title("far from the minimum", loc="left")
        _draw_crossings(middle, curves)
        _draw_held(right, held, setting)
    return figure


def _draw_crossings(ax: Any, curves: Sequence[GrowthCurve]) -> None:
    for row, curve in enumerate(curves):
        result = curve.result
        assert not isinstance(result.predicted, str)
        colour = VERDICT_COLOURS[result.verdict]
        low, high = (value / result.predicted for value in result.interval)
        ax.plot([low, high], [-row, -row], "-", color=colour, lw=2)
        ax.plot(result.measured / result.predicted, -row, "o", color=colour, ms=5)
        ax.annotate(
            f"{curve.name}: {result.measured:.1f}, n_c = {result.predicted:g}\n"
            f"{result.verdict.upper()}",
            (0.62, -row + 0.15),
            color=colour,
            fontsize=7,
        )
    ax.axvline(1, color="black", lw=0.8)
    ax.axvspan(0.9, 1.1, color=GREY, alpha=0.12, lw=0)
    ax.set(xlim=(0.6, 1.15), ylim=(-len(curves) + 0.6, 0.7), yticks=[])
    ax.set_xlabel("measured critical dimension/n_c\n(dimensionless; grey: tolerance)")
    ax.set_title("where growth crosses 0", loc="left")


def _draw_held(ax: Any, held: Mapping[int, tuple[Floats, Floats]], setting: str) -> None:
    for i, (d, (times, losses)) in enumerate(sorted(held.items())):
        low, middle, high = missing.quantiles(losses, [0.1, 0.5, 0.9], axis=0)
        colour = COLOURS[i % len(COLOURS)]
        ax.fill_between(times, low, high, color=colour, alpha=0.15, lw=0)
        ax.plot(times, middle, LINES[i % len(LINES)], color=colour, label=f"d = {d}")
    ax.set_yscale("log")
    ax.set_xlabel("t = ηk (dimensionless)")
    ax.set_ylabel("L/L* (dimensionless)")
    ax.set_title(f"from the minimum, {setting}", loc="left")
    ax.legend(title="median, 10–90 % of replicas", fontsize=7, title_fontsize=7)
