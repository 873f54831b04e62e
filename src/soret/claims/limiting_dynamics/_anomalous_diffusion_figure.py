"""The figure of `anomalous_diffusion`: displacements by lag, and their exponents."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.forest import draw_forest
from soret.plotting.panels import band, sheet
from soret.plotting.style import COLOURS, GREY, style
from soret.verdict import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DiffusionCurve:
    """Squared displacements by lag.

    Attributes
    ----------
    name : str
    lags : (L,) array
        Steps.
    moved : (R, L) array
    theories : mapping of str to (L,) array
    """

    name: str
    lags: Floats
    moved: Floats
    theories: dict[str, Floats]


def diffusion_figure(
    curves: Sequence[DiffusionCurve],
    results: Sequence[Result],
    *,
    within: tuple[float, float],
    title: str,
) -> Figure:
    """Draw displacement against lag, local exponents, and exponents against prediction.

    Parameters
    ----------
    curves : sequence of DiffusionCurve
    results : sequence of Result
        Exponents, one a curve, to stand in the last panel.
    within : (float, float)
        Lags that exponents were fitted on.
    title : str
    """

    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, 1, 3, (13.5, 4.3), width_ratios=(1, 1, 0.9))
        left, middle, right = axes[0]
        colours = (*COLOURS, GREY)
        for i, curve in enumerate(curves):
            colour = colours[i % len(colours)]
            band(left, curve.lags, curve.moved, colour, curve.name)
            log_lags = np.log(curve.lags)
            centre = np.exp((log_lags[1:] + log_lags[:-1]) / 2)
            local = np.diff(np.log(curve.moved.mean(0))) / np.diff(log_lags)
            middle.plot(centre, local, "o", ms=3, color=colour)
            for j, (theory, values) in enumerate(curve.theories.items()):
                name = theory if i == 0 else None
                line = ("-", "--", ":")[j]
                left.plot(curve.lags, values, line, color=colour, lw=1)
                middle.plot(
                    centre,
                    np.diff(np.log(values)) / np.diff(log_lags),
                    line,
                    color=colour,
                    lw=1,
                    label=name,
                )
        left.set(xscale="log", yscale="log")
        left.set_xlabel("lag k (updates)")
        left.set_ylabel("mean |θ$_{j+k}$ − θ$_j$|² (dimensionless)")
        # The legend stands below the curves, not on them.
        left.set_ylim(bottom=left.get_ylim()[0] / 6)
        left.legend(fontsize=6.5, ncols=3, loc="lower right")
        left.set_title("squared displacement; lines: theory", loc="left")
        middle.set(xscale="log", xlim=left.get_xlim())
        middle.axhline(1, color=GREY, lw=1.2, ls="-.", label="Brownian")
        middle.set_xlabel("lag k (updates)")
        middle.set_ylabel("local exponent d log|Δθ|²/d log k")
        middle.legend(fontsize=7)
        middle.set_title("local exponent", loc="left")
        for ax in (left, middle):
            ax.axvspan(*within, color=GREY, alpha=0.1, lw=0)
        names = [curve.name for curve in curves]
        draw_forest(right, results, names, xlabel="exponent on the shaded lags")
        right.axvline(1, color=GREY, lw=1.2, ls="-.")
        right.set_title("measured against prediction; × Brownian", loc="left")
        right.legend(fontsize=6.5, loc="lower center", ncols=3, bbox_to_anchor=(0.4, -0.33))
    return figure
