"""A figure of `first_passage_linear`: powers of the mean passage time by learning rate."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import xarray as xr
from matplotlib.figure import Figure

from soret.plotting.passages import label_ticks
from soret.plotting.style import COLOURS, LINES, heading, style


def exponent_figure(table: xr.Dataset, theories: Sequence[str], *, title: str) -> Figure:
    """Draw powers over the exact one against the learning rate, with the ± 10 % band.

    Parameters
    ----------
    table : Dataset
        Powers (d, rate) by theory, and learning_rate.
    theories : sequence of str
        The last is exact, what the others are compared with.
    title : str
    """
    *names, exact = theories
    with matplotlib.rc_context(style()):
        width = max(6.0, 0.6 + 3.6 * table.sizes["d"])
        figure = Figure(figsize=(width, 3.6), layout="constrained")
        heading(figure, title)
        axes: Any = figure.subplots(1, table.sizes["d"], squeeze=False, sharey=True)[0]
        for ax, d in zip(axes, table.d.values, strict=True):
            powers = table.sel(d=d)
            ax.axhspan(0.9, 1.1, color=COLOURS[2], alpha=0.15, linewidth=0, label="within 10 %")
            ax.axhline(1, color="black", linewidth=0.8)
            for name, colour, line in zip(names, COLOURS, LINES, strict=False):
                ratio = powers[name].values / powers[exact].values
                told = name.replace("_", " ")
                ax.plot(
                    powers.learning_rate, ratio, line, marker="o", ms=3, color=colour, label=told
                )
            ax.set_xscale("log")
            label_ticks(ax)
            ax.set_xlabel("learning rate η")
            ax.set_title(f"d = {d}", loc="left")
        axes[0].set_ylabel(f"power / power of the {exact.replace('_', ' ')}")
        axes[0].legend()
    return figure
