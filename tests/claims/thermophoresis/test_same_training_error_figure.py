"""The figure against loss: high to low, labelled, with the verdicts to be seen."""

import numpy as np
import pytest

from soret.claims.thermophoresis._same_training_error_figure import AtLossRow, at_loss_figure
from soret.plotting.style import VERDICT_COLOURS


@pytest.fixture(scope="module")
def figure():
    losses = np.geomspace(2.0, 0.5, 20)
    rng = np.random.default_rng(0)
    values = {rate: rng.normal(size=(5, 20)) for rate in (0.2, 0.1)}
    row = AtLossRow(
        "points, real labels",
        losses,
        {"the height": values, "the width": values},
        np.array([1.0, 0.5]),
        {"the height": ["supported", "supported"], "the width": ["contradicted", "supported"]},
    )
    return at_loss_figure([row], title="Title")


def test_axes_and_verdicts_are_labelled(figure):
    """A figure that cannot be read without its caption."""
    first, second = figure.subfigs[0].axes
    assert first.get_ylabel() == "height"
    assert "training loss (nats)" in first.get_xlabel()
    assert first.get_title(loc="left") == "the height: SUPPORTED | SUPPORTED"
    assert second.get_title(loc="left") == "the width: CONTRADICTED | SUPPORTED"


def test_training_goes_to_the_right(figure):
    """An axis on which nets unlearn."""
    for ax in figure.subfigs[0].axes:
        left, right = ax.get_xlim()
        assert left > right


def test_a_row_is_coloured_by_its_worst_verdict(figure):
    """A verdict in the colour of another."""
    first, second = (ax._left_title.get_color() for ax in figure.subfigs[0].axes)
    assert first == VERDICT_COLOURS["supported"]
    assert second == VERDICT_COLOURS["contradicted"]
