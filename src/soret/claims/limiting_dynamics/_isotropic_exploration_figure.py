"""The figure of `isotropic_exploration`: variances against curvature."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.panels import entitle, side_by_side
from soret.plotting.style import COLOURS, GREY, style
from soret.verdict import Verdict

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VarianceCurve:
    """Variances of positions along eigenvectors.

    Attributes
    ----------
    name : str
    curvature : (n,) array
    variances : (R, n) array
        By replica.
    exact : (n,) array
    paper : float
        The isotropic one.
    verdicts : sequence of Verdict
    note : str
    """

    name: str
    curvature: Floats
    variances: Floats
    exact: Floats
    paper: float
    verdicts: Sequence[Verdict]
    note: str


def isotropy_figure(curves: Sequence[VarianceCurve], *, title: str) -> Figure:
    """Draw Var θ against curvature, in units of the paper's isotropic value."""
    with matplotlib.rc_context(style()):
        figure, axes = side_by_side(title, len(curves))
        for ax, curve in zip(axes, curves, strict=True):
            h = curve.curvature
            values = curve.variances / curve.paper
            mean, half = values.mean(0), missing.reach(values)
            ax.errorbar(h, mean, half, fmt="o", ms=3, color=COLOURS[0], label="measured, 95 %")
            order = np.argsort(h)
            ax.plot(
                h[order],
                curve.exact[order] / curve.paper,
                "-",
                color=COLOURS[1],
                lw=1,
                label="exact recursion",
            )
            ax.axhline(1, color="black", ls="--", lw=1.2, label="isotropic, closed form")
            rival = np.exp(np.log(mean).mean() + np.log(h).mean()) / h
            ax.plot(h[order], rival[order], ":", color=GREY, label="rival: 1/curvature")
            ax.set(xscale="log", yscale="log")
            low, high = mean.min(), mean.max()
            bottom, top = min(low / 2, 0.3), max(high * 2, 4)
            ax.set_ylim(bottom, top)
            ax.minorticks_off()
            ticks = [y for y in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if bottom <= y <= top]
            ax.set_yticks(ticks, [f"{y:g}" for y in ticks])
            ax.set_xlabel(f"eigenvalue of H (largest: 1)\n{curve.note}")
            entitle(ax, curve.name, curve.verdicts)
        axes[0].set_ylabel("Var θ$_i$ over ησ²/(2S(1 − β))")
        axes[0].legend(fontsize=7)
    return figure
