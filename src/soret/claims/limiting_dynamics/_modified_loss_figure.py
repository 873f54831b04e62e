"""The figure of `modified_loss`: stationary densities of positions and velocities."""

from collections.abc import Sequence
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


@dataclass(frozen=True)
class DensityRow:
    """Stationary samples along eigenvectors.

    Attributes
    ----------
    name : str
    curvature : (n,) array
        Falling.
    position, velocity : (R, T, n) array
    position_variance, velocity_variance : (n,) array
        The closed form's.
    verdicts : sequence of Verdict
    """

    name: str
    curvature: Floats
    position: Floats
    velocity: Floats
    position_variance: Floats
    velocity_variance: Floats
    verdicts: Sequence[Verdict]


def density_figure(rows: Sequence[DensityRow], *, title: str) -> Figure:
    """Draw densities of positions and velocities of the stiffest and the softest mode."""
    with matplotlib.rc_context(style()):
        figure, axes = sheet(title, len(rows), 2, (9.5, 0.6 + 2.8 * len(rows)))
        for (left, right), row in zip(axes, rows, strict=True):
            h = row.curvature
            temperature = (h * row.position.var((0, 1))).mean()
            _densities(left, row, row.position, row.position_variance, temperature / h, "θ")
            level = np.full(h.size, row.velocity.var((0, 1)).mean())
            _densities(right, row, row.velocity, row.velocity_variance, level, "v")
            entitle(left, row.name, row.verdicts)
        axes[0, 0].legend(fontsize=7)
    return figure


def _densities(
    ax: Axes, row: DensityRow, values: Floats, ours: Floats, rival: Floats, name: str
) -> None:
    top = 1.0
    for mode, colour in ((0, COLOURS[0]), (row.curvature.size - 1, COLOURS[1])):
        x = values[..., mode].ravel()
        scale = np.sqrt(ours.max())
        found, edges = np.histogram(x / scale, 41, density=True)
        centre = (edges[1:] + edges[:-1]) / 2
        kept = found > 0
        top = max(top, float(found.max()))
        told = f"eigenvalue {row.curvature[mode]:.2g}"
        ax.plot(centre[kept], found[kept], "o", ms=2.5, color=colour, label=told)
        grid = np.linspace(-4, 4, 200)
        for variances, line in ((ours, "-"), (rival, ":")):
            width = np.sqrt(variances[mode]) / scale
            ax.plot(
                grid,
                np.exp(-((grid / width) ** 2) / 2) / width / np.sqrt(2 * np.pi),
                line,
                color=colour,
                lw=1,
            )
    ax.plot([], [], "-", color=GREY, label="exp(−modified loss)")
    ax.plot([], [], ":", color=GREY, label="rival: exp(−L/T)")
    ax.set(yscale="log", xlim=(-4, 4), ylim=(1e-3, 3 * top))
    ax.set_xlabel(f"{name}$_i$ over the largest predicted standard deviation")
    ax.set_ylabel("density")
