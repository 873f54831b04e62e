"""The figure of `hessian_outliers`: a spectrum with a bulk and outliers, beside one without."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, style, verdict_colour
from soret.verdict import Result

_BINS = 60
_SHOWN = 60


def outliers_figure(
    values: NDArray[np.float64],
    random: NDArray[np.float64],
    results: Sequence[Result],
    *,
    near_zero: float,
    title: str,
) -> Figure:
    """Draw the histogram of all eigenvalues, the largest ones by rank, and their running share.

    Parameters
    ----------
    values : (replicas, P) array
        Eigenvalues, falling.
    random : (P,) array
        The rival's.
    results : sequence of Result
        The first on the share of large eigenvalues, the others on effective dimensions.
    near_zero : float
        Share of the largest below which an eigenvalue counts as close to zero.
    title : str
    """
    verdicts = [result.verdict for result in results]
    dimensions = {result.quantity: result.measured for result in results[1:]}
    told = ", ".join(
        f"n = {value:.3g} ({name.rpartition(', ')[2]})" for name, value in dimensions.items()
    )
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(11, 3.7), layout="constrained")
        figure.suptitle(
            f"{title}\n{' | '.join(v.upper() for v in verdicts)}; {told}",
            x=0.01,
            ha="left",
            fontsize=10,
            fontweight="bold",
            color=verdict_colour(verdicts),
        )
        left, middle, right = figure.subplots(1, 3)
        _histogram(left, values, random, near_zero)
        _ranks(middle, values, random, dimensions)
        _shares(right, values, random, dimensions)
    return figure


def _histogram(
    ax: Any, values: NDArray[np.float64], random: NDArray[np.float64], near_zero: float
) -> None:
    top = values.max()
    edges = np.linspace(0, 1.02 * top, _BINS + 1)
    counts = np.histogram(values, edges)[0] / len(values)
    ax.stairs(counts, edges, fill=True, color=COLOURS[0], alpha=0.75, label="net, mean of replicas")
    ax.stairs(
        np.histogram(random, edges)[0],
        edges,
        color=COLOURS[1],
        linestyle="--",
        label="rival: random gradients",
    )
    ax.axvline(
        near_zero * values[:, 0].mean(), color=GREY, linestyle=":", label="1 % of the largest"
    )
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(0, None)
    ax.set_xlabel("eigenvalue of ⟨∇f∇fᵀ⟩")
    ax.set_ylabel("eigenvalues per bin")
    ax.legend(fontsize=7)


def _ranks(
    ax: Any,
    values: NDArray[np.float64],
    random: NDArray[np.float64],
    dimensions: Mapping[str, float],
) -> None:
    shown = min(_SHOWN, values.shape[1])
    rank = np.arange(1, shown + 1)
    for i, row in enumerate(values):
        ax.plot(
            rank,
            row[:shown],
            ".-",
            ms=4,
            linewidth=0.8,
            color=COLOURS[0],
            alpha=0.7,
            label="net, a line a replica" if i == 0 else None,
        )
    ax.plot(rank, random[:shown], "--", color=COLOURS[1], label="rival: random gradients")
    for (name, value), line in zip(dimensions.items(), ("-", ":"), strict=False):
        if value <= shown:
            ax.axvline(
                value,
                color=GREY,
                linestyle=line,
                linewidth=1,
                label=f"n, {name.rpartition(', ')[2]}",
            )
    ax.set_yscale("log")
    ax.set_xlabel("rank i")
    ax.set_ylabel("eigenvalue h_i")
    ax.legend(fontsize=7)


def _shares(
    ax: Any,
    values: NDArray[np.float64],
    random: NDArray[np.float64],
    dimensions: Mapping[str, float],
) -> None:
    rank = np.arange(1, values.shape[1] + 1)
    for row in values:
        ax.plot(rank, np.cumsum(row) / row.sum(), color=COLOURS[0], alpha=0.7)
    ax.plot(rank, np.cumsum(random) / random.sum(), "--", color=COLOURS[1])
    for value, line in zip(dimensions.values(), ("-", ":"), strict=False):
        ax.axvline(value, color=GREY, linestyle=line, linewidth=1)
    ax.set_xscale("log")
    ax.set_xlabel("rank i")
    ax.set_ylabel("share of the trace in ranks 1 to i")
