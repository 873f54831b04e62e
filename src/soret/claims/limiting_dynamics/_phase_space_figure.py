"""The figures of `phase_space`: moments from a start far away, and where each theory holds."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.panels import entitle, sheet
from soret.plotting.style import COLOURS, GREY, style
from soret.verdict import Verdict

Floats = NDArray[np.float64]

_HOLDS, _FAILS = "#D9EFE3", "#F3C1BB"


@dataclass(frozen=True)
class MomentRow:
    """Moments of one mode from a start far away, and how large closed forms are over exact ones.

    Attributes
    ----------
    name : str
    steps : (T,) array
    position, velocity : (T,) array
        Means over replicas, in units of the start.
    paths : mapping of str to ((T',) array, (T',) array, (T',) array)
        Steps, positions and velocities by theory.
    strain : (P,) array
        ηk/(2(1 + β)) of modes and points.
    ratios : (P,) array
        Measured variances over the closed form's, means over the run.
    noisy : (P,) array
        The exact ones, with noise that depends on θ, over the closed form's.
    path_verdicts, variance_verdicts : sequence of Verdict
        Of the mean path, and of the closed form's variances at small η.
    """

    name: str
    steps: Floats
    position: Floats
    velocity: Floats
    paths: Mapping[str, tuple[Floats, Floats, Floats]]
    strain: Floats
    ratios: Floats
    noisy: Floats
    path_verdicts: Sequence[Verdict]
    variance_verdicts: Sequence[Verdict]


def moments_figure(rows: Sequence[MomentRow], *, title: str, near: float) -> Figure:
    """Draw a path through phase space from far away, and the map of where the closed form holds.

    Parameters
    ----------
    rows : sequence of MomentRow
    title : str
    near : float
        The tolerance of the closed form.
    """
    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, len(rows), 3, (12, 0.6 + 3.0 * len(rows)))
        lines = ("-", "--", ":")
        for (left, middle, right), row in zip(axes, rows, strict=True):
            for (name, (steps, position, velocity)), line, colour in zip(
                row.paths.items(), lines, (COLOURS[1], "black", GREY), strict=False
            ):
                left.plot(steps, position, line, color=colour, lw=1.2, label=name)
                middle.plot(position, velocity, line, color=colour, lw=1.2)
            left.plot(row.steps, row.position, "o", ms=3, color=COLOURS[0], label="measured mean")
            middle.plot(row.position, row.velocity, "o", ms=3, color=COLOURS[0])
            left.set_xlabel("step (updates)")
            left.set_ylabel("mean θ$_i$ over its start")
            entitle(left, row.name, row.path_verdicts)
            # Later all paths are at rest.
            steps, position, _ = next(iter(row.paths.values()))
            left.set_xlim(0, min(steps[-1], 1.5 * steps[abs(position) > 0.02][-1]))
            middle.set_xlabel("mean θ$_i$ over its start")
            middle.set_ylabel("mean v$_i$ over stiffness × start")
            middle.set_title("phase portrait from the start", loc="left")
            strain = np.geomspace(max(row.strain.min() / 1.5, 1e-4), 0.97, 200)
            right.axhspan(1 - near, 1 + near, color=GREY, alpha=0.2, lw=0)
            right.plot(strain, 1 / (1 - strain), color="black", lw=1, label="1/(1 − strain)")
            right.plot(row.strain, row.noisy, "+", color=COLOURS[1], ms=6, label="exact recursion")
            right.plot(row.strain, row.ratios, "o", mfc="none", color=COLOURS[0], ms=4)
            right.plot([], [], "o", mfc="none", color=COLOURS[0], ms=4, label="measured")
            right.set(xscale="log", yscale="log")
            right.set_xlabel("strain ηk/(2(1 + β)); unstable at 1")
            right.set_ylabel("variance / closed form")
            entitle(right, "closed form at the smallest η (band)", row.variance_verdicts)
        axes[0, 0].legend(fontsize=7)
        axes[0, 2].legend(fontsize=7)
    return figure


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
    panels: Sequence[MapPanel],
    *,
    title: str,
    near: float,
    bound: float,
    verdicts: Sequence[Verdict],
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
    verdicts : sequence of Verdict
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
