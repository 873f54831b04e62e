"""The map of a grid of (η, S, β, λ): where the closed form holds, and where the exact recursion."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.motion import entitle, sheet
from soret.plotting.style import style

Floats = NDArray[np.float64]

_HOLDS, _FAILS = "#D9EFE3", "#F3C1BB"


@dataclass(frozen=True)
class MapPanel:
    """One kind of data.

    Attributes
    ----------
    name : str
    ratios : (η, S, β, λ) array
        Measured variances over the closed form's, of the mode where they differ most.
    scores : (η, S, β, λ) array
        Largest deviation of a moment from the exact one, in standard errors of the replicas.
    axes : four sequences
        The values of η, S, β and λ.
    """

    name: str
    ratios: Floats
    scores: Floats
    axes: tuple[Sequence[float], ...]


def validity_figure(
    panels: Sequence[MapPanel], *, title: str, near: float, bound: float, verdicts: Sequence[str]
) -> Figure:
    """Draw both maps of every kind of data: what holds is green, what does not is red.

    Parameters
    ----------
    panels : sequence of MapPanel
    title : str
    near : float
        Relative error up to which the closed form holds.
    bound : float
        Deviation, in standard errors, up to which the exact recursion agrees.
    verdicts : sequence of str
        On the exact recursion.
    """
    rows = panels[0].ratios[0].size
    with matplotlib.rc_context({**style(), "axes.grid": False}):
        figure, axes = sheet(
            title, 2, len(panels), (2.2 + 2.9 * len(panels), 1.6 + 0.5 * rows), sharey=True
        )
        for (above, below), panel in zip(axes.T, panels, strict=True):
            off = abs(np.log(panel.ratios)) > np.log1p(near)
            _cells(above, panel, panel.ratios, off, "{:.3g}")
            _cells(below, panel, panel.scores, panel.scores >= bound, "{:.1f}")
            above.set_title(f"{panel.name}: closed form", loc="left")
            below.set_title(f"{panel.name}: exact recursion", loc="left")
            below.set_xlabel("learning rate η")
        entitle(axes[1, 0], f"{panels[0].name}: exact recursion", verdicts)
        axes[0, 0].set_ylabel(
            f"measured variance / closed form\n(red: off by more than {near:.0%})"
        )
        axes[1, 0].set_ylabel(
            f"largest deviation of a moment,\nstandard errors (red: beyond {bound:.1f})"
        )
    return figure


def _cells(ax: Axes, panel: MapPanel, values: Floats, off: NDArray[np.bool_], form: str) -> None:
    """Write the values into a table of cells, η across, coloured by whether they are off."""
    rates, *others = panel.axes
    points = list(itertools.product(*others))
    table, red = (array.reshape(len(rates), -1).T for array in (values, off))
    colours = matplotlib.colors.ListedColormap([_HOLDS, _FAILS])
    ax.pcolormesh(red.astype(float), cmap=colours, vmin=0, vmax=1, edgecolors="white", lw=1)
    for (row, column), value in np.ndenumerate(table):
        ax.text(column + 0.5, row + 0.5, form.format(value), ha="center", va="center", fontsize=7.5)
    ax.set_xticks(np.arange(len(rates)) + 0.5, [f"{rate:g}" for rate in rates])
    names = [f"S={int(size)}, β={beta:g}, λ={decay:g}" for size, beta, decay in points]
    ax.set_yticks(np.arange(len(points)) + 0.5, names, fontsize=7)
    ax.tick_params(length=0)
