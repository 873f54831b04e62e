"""The figure of `outlier_subspace`: matrices along outliers, displacements, and all results."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from soret.plotting.forest import draw_forest
from soret.plotting.style import COLOURS, GREY, heading, style

_NAMES = {
    "noise": "C is 2L·H:\nnorm of the difference",
    "gauss-newton": "H is ⟨∇f∇fᵀ⟩:\nnorm of the difference",
    "frozen": "flat directions:\nshare of displacement",
    "eigenvectors": "outliers' space:\nshare unchanged",
    "path": "one eigenvector:\nshare of displacement",
}


def outlier_figure(
    minimum: xr.Dataset, ends: xr.Dataset, results: Sequence[Any], *, level: float, title: str
) -> Figure:
    """Draw both matrices along the outliers, where displacements go, and what is judged."""
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(12.5, 4.2), layout="constrained")
        heading(figure, title)
        ratios, shares, forest = figure.subplots(1, 3, width_ratios=[1, 1.1, 1.2])
        _ratios(ratios, minimum)
        _shares(shares, ends, int(minimum.attrs["parameters"]), level)
        draw_forest(
            forest,
            results,
            [_NAMES[result.statement] for result in results],
            xlabel="what is judged; green: what the prediction allows",
        )
        for row, result in enumerate(results):
            low, high = np.clip(result.within, 0, 1.05)
            forest.fill_between([low, high], -row - 0.3, -row + 0.3, color=COLOURS[2], alpha=0.15)
        forest.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=3)
        forest.set_xlim(-0.03, max(1.08, *forest.get_xlim()))
    return figure


def _ratios(ax: Axes, minimum: xr.Dataset) -> None:
    """Draw u·Au over the prediction, for every eigenvector and net."""
    rank = np.arange(1, minimum.sizes["rank"] + 1)
    for name, colour, shift, label in (
        ("noise", COLOURS[0], -0.12, "u·Cu / 2Lh"),
        ("outputs", COLOURS[1], 0.12, "u·⟨∇f∇fᵀ⟩u / h"),
    ):
        values = minimum[f"{name}_ratio"].transpose("net", "rank").values
        for i, row in enumerate(values):
            ax.plot(rank + shift, row, ".", color=colour, ms=5, label=None if i else label)
    ax.axhline(1, color=GREY, lw=0.8)
    ax.set_ylim(0, None)
    ax.set_xlabel("rank of H's eigenvalue h, eigenvector u")
    ax.set_ylabel("over the prediction, a dot a net")
    ax.set_title("Matrices along the outliers", loc="left")
    ax.legend(fontsize=7)


def _shares(ax: Axes, ends: xr.Dataset, size: int, level: float) -> None:
    """Draw the share of every eigenvector, and of all others, in squared displacements."""
    passed = ends.share.where(ends.passed.astype(bool))
    mean = passed.mean(["net", "replica"]).values
    k = len(mean)
    values = [*mean, 1 - mean.sum()]
    isotropic = [1 / size] * k + [1 - k / size]
    ax.bar(np.arange(k + 1), values, color=[COLOURS[0]] * k + [COLOURS[4]], label="SGD, mean")
    ax.plot(np.arange(k + 1), isotropic, "x", color=GREY, mew=1.5, label="rival: isotropic")
    ax.set_yscale("log")
    ax.set_ylim(None, 2)
    ax.set_xticks(np.arange(k + 1), [*(str(i) for i in range(1, k + 1)), "flat"])
    ax.set_xlabel("eigenvector")
    ax.set_ylabel("share of the squared displacement")
    ax.set_title(f"Where SGD has gone when L = {level:g} L*", loc="left")
    ax.legend(fontsize=7)
