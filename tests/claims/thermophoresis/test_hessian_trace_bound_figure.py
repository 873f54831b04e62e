"""The figure of a bound: along training and against each other, with the verdicts to be seen."""

import numpy as np
import pytest

from soret.claims.thermophoresis._hessian_trace_bound_figure import BoundRow, bound_figure


@pytest.fixture(scope="module")
def figure():
    rng = np.random.default_rng(0)
    trace = np.exp(rng.normal(size=(4, 11)))
    pairs = {"trace (nats)": (trace, 10 * trace), "trace over P": (trace, 20 * trace)}
    row = BoundRow("a net", np.arange(11), pairs, ["supported", "contradicted"], "0.1")
    return bound_figure([row], title="Title")


def test_axes_and_verdicts_are_labelled(figure):
    """A figure that cannot be read without its caption."""
    (part,) = figure.subfigs
    assert "SUPPORTED | CONTRADICTED" in part._suptitle.get_text()
    labels = [ax.get_ylabel() for ax in part.axes[:3]]
    assert labels == ["trace (nats)", "trace over P", "trace over P"]
    assert part.axes[0].get_xlabel() == "step (updates)"
    assert part.axes[2].get_xlabel() == "bound on the trace over P"


def test_the_bound_is_drawn_as_the_bound(figure):
    """The two curves exchanged."""
    bound, exact = figure.subfigs[0].axes[0].lines
    assert (bound.get_label(), exact.get_label()) == ("bound", "exact")
    assert np.all(bound.get_ydata() > exact.get_ydata())
