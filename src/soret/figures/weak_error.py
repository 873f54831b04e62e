"""Errors of means against the learning rate, on logarithmic axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.figures.style import COLOURS, GREY, VERDICT_COLOURS, style


@dataclass(frozen=True)
class ErrorCurve:
    """Errors of one equation.

    Attributes
    ----------
    name, order : str
        Of the problem, and of the equation.
    rates : (H,) array
        η.
    errors : (H, R) array
        Whose mean is the error.
    result : Result
    """

    name: str
    order: str
    rates: NDArray[np.float64]
    errors: NDArray[np.float64]
    result: Any


def weak_error_figure(panels: Sequence[Sequence[ErrorCurve]]) -> Figure:
    """Draw a panel for every problem, with the curves of both equations and lines of powers.

    Parameters
    ----------
    panels : sequence of sequence of ErrorCurve
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 4.8), layout="constrained")
        figure.suptitle(
            "How far the Langevin equation is from SGD: error of the mean loss at a fixed t = ηk",
            fontweight="bold",
            x=0.01,
            ha="left",
            fontsize=11,
        )
        axes: Any = figure.subplots(1, len(panels), squeeze=False)[0]
        for ax, curves in zip(axes, panels, strict=True):
            lines = []
            for i, curve in enumerate(curves):
                mean = abs(curve.errors.mean(1))
                half = 1.96 * curve.errors.std(1, ddof=1) / np.sqrt(curve.errors.shape[1])
                low = np.minimum(half, 0.9 * mean)
                ax.errorbar(
                    curve.rates,
                    mean,
                    [low, half],
                    fmt="os"[i],
                    color=COLOURS[i],
                    ms=6,
                    label=f"{curve.order} equation, 95 % interval",
                )
                grid = np.geomspace(curve.rates.min() / 1.3, curve.rates.max() * 1.3, 20)
                middle = np.exp(np.log(mean).mean() - 0 * grid)
                centre = np.exp(np.log(curve.rates).mean())
                power = float(curve.result.predicted)
                ax.plot(
                    grid,
                    middle * (grid / centre) ** power,
                    "-",
                    color=COLOURS[i],
                    lw=1,
                    label=f"power {power:g}, predicted",
                )
                ax.plot(
                    grid,
                    middle * (grid / centre) ** float(curve.result.rival),
                    ":",
                    color=GREY,
                    lw=1,
                    label="rival's power" if not i else None,
                )
                low_, high = curve.result.interval
                lines.append(
                    f"{curve.order}: η^{curve.result.measured:.2f} ({low_:.2f} to {high:.2f}) "
                    f"{str(curve.result.verdict).upper()}"
                )
            told = [str(curve.result.verdict) for curve in curves]
            worst = next(v for v in ("contradicted", "inconclusive", "supported") if v in told)
            ax.set_title(
                f"{curves[0].name}\n" + "\n".join(lines),
                loc="left",
                fontsize=8.5,
                color=VERDICT_COLOURS[worst],
            )
            ax.set(xscale="log", yscale="log", xlabel="learning rate η (dimensionless)")
            rates = curves[0].rates
            ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
            ax.set_xticks([], minor=True)
            ax.legend(fontsize=7)
        axes[0].set_ylabel("|mean loss of SGD − mean loss of the equation|")
    return figure
