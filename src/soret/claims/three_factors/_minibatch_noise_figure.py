"""The figure of `minibatch_noise`: noise against batch size, with and without replacement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from soret.plotting.style import COLOURS, GREY, style, verdict_colour
from soret.verdict import Verdict

Floats = NDArray[np.float64]

_MARKERS = "osD^vP"


@dataclass(frozen=True)
class NoisePoint:
    """One point of training.

    Attributes
    ----------
    name : str
    trace : float
        tr C of one example's gradient.
    traces : mapping of str to (sizes,) array
        tr Cov of mini-batches, with and without replacement.
    excess, intervals : (sizes,) and (sizes, 2) arrays
        Relative excess of the multivariate kurtosis.
    projections : (sizes, draws) array
        The noise along the foremost eigenvector of C.
    verdicts : sequence of Verdict
    """

    name: str
    trace: float
    traces: Mapping[str, Floats]
    excess: Floats
    intervals: Floats
    projections: Floats
    verdicts: Sequence[Verdict]


def minibatch_figure(
    points: Sequence[NoisePoint], *, sizes: Floats, examples: int, gaussian: float, title: str
) -> Figure:
    """Draw trace, ratio, excess kurtosis, and quantiles of the noise against the normal's.

    Parameters
    ----------
    points : sequence of NoisePoint
    sizes : (n,) array
        S.
    examples : int
        N.
    gaussian : float
        Excess below which noise counts as Gaussian.
    title : str
    """
    told = [verdict for point in points for verdict in point.verdicts]
    lines = "\n".join(f"{p.name}: {' | '.join(v.upper() for v in p.verdicts)}" for p in points)
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(14, 4.6), layout="constrained")
        figure.suptitle(
            f"{title}\npower −1 | C/S | without replacement | Gaussian at the largest S?\n{lines}",
            x=0.01,
            ha="left",
            fontsize=9,
            fontweight="bold",
            color=verdict_colour(told),
        )
        axes = figure.subplots(1, 4)
        _traces(axes[0], points, sizes)
        _ratios(axes[1], points, sizes, examples)
        _excess(axes[2], points, sizes, gaussian)
        _quantiles(axes[3], points[-1], sizes)
    return figure


def _traces(ax: Any, points: Sequence[NoisePoint], sizes: Floats) -> None:
    for i, point in enumerate(points):
        values = point.traces["with_replacement"]
        ax.plot(sizes, values, _MARKERS[i], color=COLOURS[i], ms=5, label=point.name)
        ax.plot(sizes, point.trace / sizes, "-", color=COLOURS[i], linewidth=1)
        ax.plot(sizes, point.trace / sizes**2, ":", color=COLOURS[i], linewidth=1)
    ax.plot([], [], "-", color=GREY, label="predicted: tr C/S")
    ax.plot([], [], ":", color=GREY, label="rival: tr C/S²")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("batch size S (examples)")
    ax.set_ylabel("tr Cov of the mini-batch gradient")
    ax.legend(fontsize=7)


def _ratios(ax: Any, points: Sequence[NoisePoint], sizes: Floats, examples: int) -> None:
    for i, point in enumerate(points):
        for name, filled in (("with_replacement", True), ("without_replacement", False)):
            face = COLOURS[i] if filled else "none"
            ratio = point.traces[name] * sizes / point.trace
            ax.plot(sizes, ratio, _MARKERS[i], color=COLOURS[i], mfc=face, ms=5)
    fine = np.geomspace(sizes[0], sizes[-1], 200)
    ax.plot(fine, np.ones(200), "-", color=GREY, label="with replacement (filled): 1")
    ax.plot(
        fine, (examples - fine) / (examples - 1), "--", color="black", label="without: (N−S)/(N−1)"
    )
    ax.set_xscale("log")
    ax.set_ylim(0, None)
    ax.set_xlabel("batch size S (examples)")
    ax.set_ylabel("S tr Cov / tr C")
    ax.set_title(f"N = {examples:,}", loc="left")
    ax.legend(fontsize=7)


def _excess(ax: Any, points: Sequence[NoisePoint], sizes: Floats, gaussian: float) -> None:
    for i, point in enumerate(points):
        low, high = point.intervals.T
        ax.fill_between(
            sizes, np.maximum(low, 1e-4), np.maximum(high, 1e-4), color=COLOURS[i], alpha=0.2, lw=0
        )
        ax.plot(sizes, point.excess, _MARKERS[i], color=COLOURS[i], ms=5, label=point.name)
        ax.plot(sizes, point.excess[0] * sizes[0] / sizes, "-", color=COLOURS[i], linewidth=1)
    ax.axhline(gaussian, color=GREY, linestyle="--", label=f"counts as Gaussian below {gaussian:g}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-3, None)
    ax.set_xlabel("batch size S (examples)")
    ax.set_ylabel("relative excess of multivariate kurtosis")
    ax.set_title("lines: 1/S from the smallest S; bands 95 %", loc="left")
    ax.legend(fontsize=7)


def _quantiles(ax: Any, point: NoisePoint, sizes: Floats) -> None:
    for i in (0, len(sizes) // 2, len(sizes) - 1):
        values = np.sort(point.projections[i])
        values = (values - values.mean()) / values.std()
        normal = stats.norm.ppf((np.arange(len(values)) + 0.5) / len(values))
        ax.plot(normal, values, ".", ms=3, color=COLOURS[3 + i % 3], label=f"S = {sizes[i]:g}")
    ends = np.array([-3.3, 3.3])
    ax.plot(ends, ends, "--", color="black", linewidth=1, label="normal")
    ax.set_xlabel("quantile of the normal (standard deviations)")
    ax.set_ylabel("quantile of the noise (standard deviations)")
    ax.set_title(f"along C's first eigenvector, {point.name}", loc="left")
    ax.legend(fontsize=7)
