"""Collapse figures: raw steps, rescaled as the rival says, rescaled as the prediction says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from soret import missing
from soret.inference import Collapse
from soret.plotting.style import COLOURS, LINES, VERDICT_COLOURS, heading, style
from soret.verdict import Verdict

_SYMBOLS = {"learning_rate": "η", "batch_size": "B"}


@dataclass(frozen=True)
class Row:
    """One row of panels.

    Attributes
    ----------
    title : str
        What sets the row apart, e.g. "PyTorch's default initialization".
    curves : DataArray (over, replica, step)
    collapse : Collapse or None
        The fit; None where there was none.
    verdict : Verdict
    """

    title: str
    curves: xr.DataArray
    collapse: Collapse | None
    verdict: Verdict


def collapse_figure(
    rows: Sequence[Row], *, over: str, predicted: float, rival: float, title: str
) -> Figure:
    """Draw every row's curves three times: raw, rescaled by the rival, by the prediction.

    Parameters
    ----------
    rows : sequence of Row
    over : str
        The hyperparameter.
    predicted, rival : float
        Exponents of the hyperparameter.
    title : str
    """
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.5, 0.5 + 3.1 * len(rows)), layout="constrained")
        heading(figure, title)
        parts: Any = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
        for part, row in zip(parts, rows, strict=True):
            colour = VERDICT_COLOURS[row.verdict]
            part.suptitle(_heading(row, over), x=0.01, ha="left", color=colour, fontsize=9)
            _draw_row(part.subplots(1, 3, sharey=True), row, over, predicted, rival)
    return figure


def _heading(row: Row, over: str) -> str:
    """Say what the row shows and what came of it."""
    heading = f"{row.title}: {row.verdict.upper()}"
    if row.collapse is None:
        return f"{heading}; no exponent could be fitted"
    low, high = row.collapse.interval
    symbol, found = _SYMBOLS.get(over, over), row.collapse
    return (
        f"{heading}; best exponent {symbol}^{found.exponent:.2f} (95 % interval {low:.2f} to "
        f"{high:.2f}) leaves {100 * found.residual:.2g} % of the range"
    )


def _draw_row(axes: Sequence[Axes], row: Row, over: str, predicted: float, rival: float) -> None:
    symbol = _SYMBOLS.get(over, over)
    titles = (
        "raw",
        f"rival: {_power(symbol, rival)}{_left(row.collapse, rival)}",
        f"prediction: {_power(symbol, predicted)}{_left(row.collapse, predicted)}",
    )
    for ax, exponent, label in zip(axes, (0.0, rival, predicted), titles, strict=True):
        _draw_curves(ax, row.curves, over, exponent, symbol)
        ax.set_title(label, loc="left")
    name = row.curves.attrs.get("long_name", row.curves.name)
    units = row.curves.attrs.get("units", "dimensionless")
    axes[0].set_ylabel(f"{name}" + ("" if units == "dimensionless" else f" ({units})"))
    axes[0].legend(
        title=f"{symbol}; mean, 16–84 % of replicas", fontsize=7, title_fontsize=7, ncols=3
    )


def _draw_curves(ax: Axes, curves: xr.DataArray, over: str, exponent: float, symbol: str) -> None:
    values = curves[over].values
    reference = values.max()
    mean = curves.mean("replica")
    each = curves.transpose("replica", over, "step").values
    low, high = missing.quantiles(each, [0.16, 0.84], axis=0)
    ends = []
    for i, value in enumerate(values):
        s = curves.step.values * (value / reference) ** exponent
        ends.append(s[-1])
        colour = COLOURS[i % len(COLOURS)]
        ax.fill_between(s, low[i], high[i], color=colour, alpha=0.12, linewidth=0)
        ax.plot(
            s,
            mean.isel({over: i}).values,
            LINES[i % len(LINES)],
            color=colour,
            label=f"{value:g}",
        )
    # A curve has nothing to be compared with where it is alone.
    second = sorted(ends)[-2]
    ax.set_xlim(0, min(1.1 * second, max(ends)))
    scale = "" if exponent == 0 else f" × ({symbol}/{reference:g}){_superscript(exponent)}"
    ax.set_xlabel(f"step{scale} (updates)")


def _left(collapse: Collapse | None, exponent: float) -> str:
    """Say how far apart the curves are under an exponent."""
    left = collapse.rivals.get(exponent, np.nan) if collapse is not None else np.nan
    return f", {100 * left:.0f} % of the range apart" if np.isfinite(left) else ""


def _power(symbol: str, exponent: float) -> str:
    if exponent == 0:
        return f"independent of {symbol}"
    return f"step × {symbol}{_superscript(exponent)}"


def _superscript(exponent: float) -> str:
    return f"{exponent:g}".translate(str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·"))
