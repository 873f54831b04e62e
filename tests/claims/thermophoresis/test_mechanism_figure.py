"""The figure of parts: labelled axes, the verdict to be seen, curves counted from the window."""

import numpy as np
import pytest

from soret.claims.thermophoresis._mechanism_figure import PartsRow, parts_figure


@pytest.fixture(scope="module")
def figure():
    rng = np.random.default_rng(0)
    times = np.linspace(0, 20, 41)
    fall = -times + rng.normal(size=(2, 16, 41))
    row = PartsRow(
        "somewhere",
        np.array([0.1, 0.05]),
        times,
        {"measured": fall, "gradient part": fall, "noise part": 0 * fall},
        ["inconclusive", "contradicted"],
        "4 %",
        {"gradient part": ("closed form", -times)},
    )
    return parts_figure([row], what="the height", windows=(1.0, 5.0, 20.0), title="Title")


def test_axes_and_verdicts_are_labelled(figure):
    """A figure that cannot be read without its caption."""
    (part,) = figure.subfigs
    assert "INCONCLUSIVE | CONTRADICTED" in part._suptitle.get_text()
    assert "since η²t = 1" in part.axes[0].get_ylabel()
    assert all("η²t" in ax.get_xlabel() for ax in part.axes)
    assert [ax.get_title(loc="left") for ax in part.axes] == [
        "measured",
        "gradient part",
        "noise part",
    ]


def test_curves_start_at_the_first_window(figure):
    """Changes counted from another moment than the one on the axis."""
    for ax in figure.subfigs[0].axes:
        for line in ax.lines[:2]:
            assert line.get_xdata()[0] == 1.0
            assert line.get_ydata()[0] == 0.0


def test_the_closed_form_is_in_its_panel_only(figure):
    labels = [[line.get_label() for line in ax.lines] for ax in figure.subfigs[0].axes]
    assert ["closed form" in panel for panel in labels] == [False, True, False]
