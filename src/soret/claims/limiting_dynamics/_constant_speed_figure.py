"""The figure of `constant_speed`: squared speed along a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.panels import band, entitle, side_by_side
from soret.plotting.style import COLOURS, GREY, style
from soret.verdict import Verdict

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpeedCurve:
    """Squared speeds (R, T) of one experiment, and what theory says of them.

    Attributes
    ----------
    name : str
    steps : (T,) array
    squares : (R, T) array
    paper, exact : float
        Closed form, and exact recursion (NaN where there is none).
    burn_in : int
        Step from which they were judged.
    verdicts : sequence of Verdict
    """

    name: str
    steps: Floats
    squares: Floats
    paper: float
    exact: float
    burn_in: int
    verdicts: Sequence[Verdict]


def speed_figure(curves: Sequence[SpeedCurve], *, title: str) -> Figure:
    """Draw squared speeds along runs, a panel each."""
    with matplotlib.rc_context(style()):
        figure, axes = side_by_side(title, len(curves))
        for ax, curve in zip(axes, curves, strict=True):
            band(ax, curve.steps, curve.squares, COLOURS[0], "mean over replicas, 95 %", "-")
            ax.axhline(curve.paper, color="black", ls="--", lw=1.2, label="closed form")
            if np.isfinite(curve.exact):
                ax.axhline(curve.exact, color=COLOURS[1], lw=1.2, label="exact recursion")
            ax.axvspan(0, curve.burn_in, color=GREY, alpha=0.15, lw=0)
            ax.set_ylim(0, 1.6 * max(curve.paper, float(curve.squares.mean())))
            ax.set_xlabel("step k (updates)")
            entitle(ax, curve.name, curve.verdicts)
        axes[0].set_ylabel("|θ$_k$ − θ$_{k−1}$|² (dimensionless)")
        axes[0].legend(fontsize=7, loc="lower right")
    return figure
