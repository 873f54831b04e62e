"""A figure of `first_passage_linear`: powers of the mean passage time by learning rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from soret.plotting.passages import label_ticks
from soret.plotting.style import COLOURS, LINES, heading, style

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Growth:
    """Powers of the mean first-passage time by learning rate.

    Attributes
    ----------
    title : str
    rates : (r,) array
    exponents : mapping of str to (r,) array
        By theory; the last is exact, what the others are compared with.
    """

    title: str
    rates: Floats
    exponents: Mapping[str, Floats]


def exponent_figure(panels: Sequence[Growth], *, title: str) -> Figure:
    """Draw powers over the exact one against the learning rate, with the ± 10 % band."""
    with matplotlib.rc_context(style()):
        width = max(6.0, 0.6 + 3.6 * len(panels))
        figure = Figure(figsize=(width, 3.6), layout="constrained")
        heading(figure, title)
        axes: Any = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for ax, panel in zip(axes, panels, strict=True):
            *names, exact = panel.exponents
            ax.axhspan(0.9, 1.1, color=COLOURS[2], alpha=0.15, linewidth=0, label="within 10 %")
            ax.axhline(1, color="black", linewidth=0.8)
            for name, colour, line in zip(names, COLOURS, LINES, strict=False):
                ratio = panel.exponents[name] / panel.exponents[exact]
                ax.plot(panel.rates, ratio, line, marker="o", ms=3, color=colour, label=name)
            ax.set_xscale("log")
            label_ticks(ax)
            ax.set_xlabel("learning rate η")
            ax.set_title(panel.title, loc="left")
        axes[0].set_ylabel(f"power / power of the {exact}")
        axes[0].legend()
    return figure
