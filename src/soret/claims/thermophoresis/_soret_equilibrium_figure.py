"""The figure of `soret_equilibrium`: densities on the circle, and their exponents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.forest import draw_forest
from soret.plotting.style import COLOURS, heading, style
from soret.verdict import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settled:
    """A stationary density, measured and by formulas.

    Attributes
    ----------
    name : str
    places : (n,) array
        Middles of the cells.
    measured : (n,) array
        Mean over populations; the circle has length 1.
    formulas : mapping of str to (n,) array
    """

    name: str
    places: Floats
    measured: Floats
    formulas: Mapping[str, Floats]


def settled_figure(densities: Sequence[Settled], results: Sequence[Result]) -> Figure:
    """Draw a panel for each density, and one with the exponents of |g| of all results."""
    count = len(densities)
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(3.2 * count + 4.2, 3.9), layout="constrained")
        heading(figure, "Where a fair walk on a circle settles")
        axes = figure.subplots(1, count + 1, width_ratios=[1] * count + [1.3])
        for ax, density in zip(axes[:-1], densities, strict=True):
            ax.plot(density.places, density.measured, color=COLOURS[0], lw=2, label="measured")
            for (name, values), line in zip(density.formulas.items(), (":", "--"), strict=False):
                ax.plot(density.places, values, line, color="black", lw=1.2, label=name)
            ax.set_title(density.name, loc="left", fontsize=9)
            ax.set_xlabel("place q (circle of length 1)")
            ax.set_ylim(0, None)
        axes[0].set_ylabel("density ρ")
        axes[0].legend(fontsize=7)
        shown = [result for result in results if result.statement == "equilibrium"]
        names = [result.quantity.partition("(")[2].rstrip(")") for result in shown]
        draw_forest(axes[-1], shown, names, xlabel="exponent of |g| in ρ")
        axes[-1].set_title("predicted by Eq. 10: −1; Itô: −2", loc="left", fontsize=9)
        axes[-1].tick_params(axis="y", labelsize=7)
        axes[-1].legend(fontsize=7, loc="center")
    return figure
