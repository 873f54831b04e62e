"""Logarithmic axes on which nothing is above zero."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from soret.plotting import save


@pytest.mark.parametrize("values", [[], [0.0, -1.0], [np.nan, np.nan]])
@pytest.mark.parametrize("scale", ["xscale", "yscale"])
def test_a_figure_is_drawn_all_the_same(values, scale, tmp_path):
    """Catches: a ValueError from Matplotlib after hours of simulation."""
    with mpl.rc_context():
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        axes.set(**{scale: "log"})
        axes.plot(values, values, "o")
        axes.minorticks_off()
        paths = save(figure, tmp_path / "empty")
    assert all(path.exists() for path in paths)


def test_other_axes_stay_logarithmic(tmp_path):
    figure = Figure()
    left, right = figure.subplots(1, 2, sharey=True)
    left.set(yscale="log")
    right.plot([1, 2], [10, 100])
    save(figure, tmp_path / "shared")
    assert left.get_yscale() == "log"
