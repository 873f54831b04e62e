"""The figure of `langevin_limit`: errors of Langevin equations against the learning rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret import missing
from soret.plotting.style import COLOURS, heading, style, verdict_colour
from soret.verdict import Result

_EQUATIONS = {
    "first": ("first: −∇L, noise C", "o"),
    "second": ("second: −∇(L + (η/4)|∇L|²), noise C", "s"),
    "complete": ("complete: second, and noise D", "D"),
}


@dataclass(frozen=True)
class ErrorCurve:
    """Errors of one equation.

    Attributes
    ----------
    order : str
        Which equation.
    rates : (H,) array
        η.
    errors : (H, R) array
        Whose mean is the error.
    result : Result
    """

    order: str
    rates: NDArray[np.float64]
    errors: NDArray[np.float64]
    result: Result


def weak_error_figure(panels: Mapping[tuple[str, str], Sequence[ErrorCurve]]) -> Figure:
    """Draw a panel for every problem and part, with the curves of the equations.

    Parameters
    ----------
    panels : mapping of (problem, part) to curves
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 8.2), layout="constrained")
        heading(figure, "How far Langevin equations are from SGD at a fixed t = ηk")
        axes: Any = figure.subplots(2, -(-len(panels) // 2), squeeze=False)
        for ax, ((problem, part), curves) in zip(axes.ravel(), panels.items(), strict=True):
            _draw(ax, problem, part, curves)
    return figure


def _draw(ax: Any, problem: str, part: str, curves: Sequence[ErrorCurve]) -> None:
    lines = []
    for i, curve in enumerate(curves):
        label, marker = _EQUATIONS[curve.order]
        # The first and the second equation's covariances err alike: they are drawn side by side.
        shifted = curve.rates * 1.04 ** (i - (len(curves) - 1) / 2)
        mean = abs(curve.errors.mean(1))
        half = missing.reach(curve.errors, axis=1)
        ax.errorbar(
            shifted,
            mean,
            [np.minimum(half, 0.9 * mean), half],
            fmt=marker,
            color=COLOURS[i],
            ms=6,
            label=label,
        )
        low, high = curve.result.interval
        power = float(curve.result.predicted)
        largest = np.argmax(curve.rates)
        grid = np.geomspace(curve.rates.min() / 1.3, curve.rates.max() * 1.3, 20)
        ax.plot(
            grid,
            mean[largest] * (grid / curve.rates[largest]) ** power,
            "-",
            color=COLOURS[i],
            lw=1,
            label=f"power {power:g}, predicted, from the largest η on",
        )
        lines.append(
            f"{curve.order}: η^{curve.result.measured:.2f} ({low:.2f} to {high:.2f}), predicted "
            f"{power:g}: {curve.result.verdict.upper()}"
        )
    told = [curve.result.verdict for curve in curves]
    ax.set_title(
        f"{part} of SGD, {problem}\n" + "\n".join(lines),
        loc="left",
        fontsize=8.5,
        color=verdict_colour(told),
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="learning rate η (dimensionless)",
        ylabel="error of the " + ("mean / way from the start" if part == "mean" else "covariance"),
    )
    rates = curves[0].rates
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.set_xticks([], minor=True)
    ax.legend(fontsize=6.5, loc="lower right")
