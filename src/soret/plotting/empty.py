"""Axes without anything to draw on a logarithmic scale."""

import math

from matplotlib.figure import Figure


def straighten(figure: Figure) -> None:
    """Make logarithmic axes linear where nothing on them is above zero.

    Matplotlib cannot place ticks there; and such an axis comes of data in which nothing was
    measured, which is no reason to draw nothing at all.
    """
    for axes in figure.axes:
        for name in ("x", "y"):
            axis = getattr(axes, f"{name}axis")
            shared = getattr(axes, f"get_shared_{name}_axes")().get_siblings(axes)
            least = min(getattr(other.dataLim, f"minpos{name}") for other in shared)
            if axis.get_scale() == "log" and not math.isfinite(least):
                getattr(axes, f"set_{name}scale")("linear")
                axis.set_ticks([])
