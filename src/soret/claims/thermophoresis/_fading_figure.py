"""The figure of `fading`: correlations along training, and what fades as labels are learned."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.style import COLOURS, GREY, VERDICT_COLOURS, heading, style

Floats = NDArray[np.float64]


def fading_figure(
    correlations: Mapping[str, tuple[Floats, Floats]],
    steps: Floats,
    curves: tuple[Floats, Floats, Floats],
    results: Sequence[Any],
    *,
    title: str,
) -> Figure:
    """Draw three panels.

    Parameters
    ----------
    correlations : mapping of str to (steps, (replicas, records) array)
        By kind of labels.
    steps : (records,) array
        Of the curves.
    curves : three (replicas, records) arrays
        E(p − y)², E[(p − y)²|∇f|²] and activation rate, on learnable labels.
    results : sequence of Result
        Two about correlations, then one about the noise and one about the activation rate.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(12.5, 4.0), layout="constrained")
        heading(figure, title)
        left, middle, right = figure.subplots(1, 3)
        for (name, (at, values)), colour in zip(correlations.items(), COLOURS, strict=False):
            _band(left, at, values, colour, f"{name} labels")
            left.axvspan(at[0], at[-1] / 10, color=GREY, alpha=0.06)
        left.axhspan(-0.1, 0.1, color=COLOURS[2], alpha=0.15, label="independent, to 0.1")
        left.set_xlabel("step")
        left.set_ylabel("correlation of (p − y)² with |∇f|²")
        left.legend(fontsize=7)
        _title(left, "independent in the first tenth? random; learnable", results[:2])
        error, noise, rate = curves
        for values, colour, name in (
            (error, COLOURS[0], "E(p − y)²"),
            (noise, COLOURS[1], "E[(p − y)²|∇f|²]"),
        ):
            _band(middle, steps, values / values[:, :1].mean(), colour, name)
        middle.set_xlabel("step")
        middle.set_ylabel("over its mean at the start, learnable labels")
        middle.set_ylim(0, None)
        middle.legend(fontsize=7)
        _title(middle, "does the noise fade with the error?", results[2:3])
        _band(right, steps, rate, COLOURS[0], "activation rate")
        part = (len(steps) - 1) // 10
        for ends in ((steps[0], steps[part]), (steps[-part - 1], steps[-1])):
            right.axvspan(*ends, color=GREY, alpha=0.1)
        right.set_xlabel("step")
        right.set_ylabel("activation rate, learnable labels")
        _title(right, "does the drift fade? early and late in grey", results[3:4])
    return figure


def _band(ax: Axes, steps: Floats, values: Floats, colour: str, name: str) -> None:
    """Draw a mean over replicas with its 95 % band."""
    mean = values.mean(0)
    half = 1.96 * values.std(0, ddof=1) / np.sqrt(len(values))
    ax.plot(steps, mean, color=colour, label=f"{name}, mean and 95 %")
    ax.fill_between(steps, mean - half, mean + half, color=colour, alpha=0.25, lw=0)


def _title(ax: Axes, text: str, results: Sequence[Any]) -> None:
    told = "; ".join(
        f"{result.measured:.2f} ({result.interval[0]:.2f} to {result.interval[1]:.2f})"
        for result in results
    )
    verdicts = {result.verdict for result in results}
    colour = VERDICT_COLOURS[verdicts.pop()] if len(verdicts) == 1 else "black"
    ax.set_title(f"{text}\n{told}", loc="left", color=colour)
