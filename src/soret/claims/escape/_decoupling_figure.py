"""The figure of `decoupling`: two spectra that should be alike, and their ratios rank by rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style
from soret.verdict import Result

_BINS = 60


@dataclass(frozen=True)
class SpectraColumn:
    """One stage.

    Attributes
    ----------
    title : str
    exact, decoupled : (replicas, n) array
        Eigenvalues, falling.
    isotropic : float
        The rival's only eigenvalue.
    result : Result
        On the typical factor between them.
    matrices : Result
        On the difference of the matrices.
    """

    title: str
    exact: NDArray[np.float64]
    decoupled: NDArray[np.float64]
    isotropic: float
    result: Result
    matrices: Result


def spectra_figure(
    columns: Sequence[SpectraColumn], *, small: float, factor: float, title: str
) -> Figure:
    """Draw a column for every stage: histograms above, ratios of matched eigenvalues below.

    Parameters
    ----------
    columns : sequence of SpectraColumn
    small : float
        Share of the largest eigenvalue below which nothing is judged.
    factor : float
        What ratios may typically be.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(3.6 * len(columns) + 0.6, 6.2), layout="constrained")
        heading(figure, title)
        axes: Any = figure.subplots(2, len(columns), squeeze=False, sharey="row")
        for (top, bottom), column in zip(axes.T, columns, strict=True):
            top.set_title(
                f"{column.title}: {column.result.verdict.upper()}\n"
                f"typical factor {column.result.measured:.2f}; as matrices "
                f"{column.matrices.measured:.2f} apart",
                loc="left",
                color=VERDICT_COLOURS[column.result.verdict],
            )
            _histograms(top, column, small)
            _ratios(bottom, column, small, factor)
        axes[0, 0].set_ylabel("eigenvalues per bin (mean of replicas)")
        axes[1, 0].set_ylabel("exact / decoupled, rank by rank")
        for ax, place in zip(axes[:, 0], ("upper left", "lower right"), strict=True):
            if ax.get_legend_handles_labels()[0]:
                ax.legend(loc=place, fontsize=7)
    return figure


def _histograms(ax: Axes, column: SpectraColumn, small: float) -> None:
    largest = float(missing.largest([column.exact, column.decoupled]))
    if not largest > 0:
        ax.text(0.5, 0.5, "no eigenvalue above 0", transform=ax.transAxes, ha="center", color=GREY)
        return
    edges = np.geomspace(1e-10 * largest, 1.5 * largest, _BINS + 1)
    for values, colour, line, label in (
        (column.exact, COLOURS[0], "-", "exact, 2⟨ℓ∇f∇fᵀ⟩"),
        (column.decoupled, COLOURS[1], "--", "decoupled, 2L⟨∇f∇fᵀ⟩"),
    ):
        counts = np.histogram(values, edges)[0] / len(values)
        ax.stairs(counts, edges, color=colour, linestyle=line, linewidth=1.4, label=label)
    ax.axvline(column.isotropic, color=COLOURS[2], linestyle=":", label="rival: isotropic")
    edge = small * column.decoupled[:, 0].mean()
    ax.axvspan(edges[0], edge, color=GREY, alpha=0.12, linewidth=0, label="not judged: small")
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=1)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel("eigenvalue")


def _ratios(ax: Axes, column: SpectraColumn, small: float, factor: float) -> None:
    relative = column.decoupled / column.decoupled[:, :1]
    shown = (relative > 1e-6) & (column.exact > 0)
    for i, (x, exact, decoupled) in enumerate(
        zip(relative, column.exact, column.decoupled, strict=True)
    ):
        kept = shown[i]
        label = "exact, a dot a replica and rank" if i == 0 else None
        ax.plot(x[kept], exact[kept] / decoupled[kept], ".", ms=2.5, color=COLOURS[0], label=label)
    x, rival = relative[0][shown[0]], column.isotropic / column.decoupled[0][shown[0]]
    ax.plot(x, rival, ":", color=COLOURS[2], label="rival: isotropic")
    ax.axhspan(1 / factor, factor, color=COLOURS[2], alpha=0.15, linewidth=0)
    ax.axhline(1, color=GREY, linewidth=0.8)
    ax.axvspan(1e-6, small, color=GREY, alpha=0.12, linewidth=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1e-6, 1.5)
    ax.set_ylim(0.03, 30)
    ax.set_xlabel("decoupled eigenvalue over the largest")
