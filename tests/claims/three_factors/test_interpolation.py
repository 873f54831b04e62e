"""Widths of minima along lines, and what the judge says of lines whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from told import told
from trained_ends import claim_of

from soret.claims.three_factors.interpolation import widths


def test_widths_of_parabolas():
    """Ends swapped, the way to the other end counted, a level not above the end's own."""
    at = np.linspace(-1, 2, 601)
    loss = np.minimum(0.5 + (at / 0.2) ** 2, 0.3 + ((at - 1) / 0.1) ** 2)[None]
    ratio, start, end = widths(at, loss, 0.25)
    assert start[0] == pytest.approx(0.2 * 0.5, rel=0.02)
    assert end[0] == pytest.approx(0.1 * 0.5, rel=0.02)
    assert ratio[0] == pytest.approx(np.log(2), abs=0.03)


def test_widths_of_what_has_no_edge():
    """A flat line taken for a narrow one; a loss beyond the floats taken for a low one."""
    at = np.linspace(-1, 2, 31)
    flat = np.zeros((1, 31))
    _, start, end = widths(at, flat, 0.1)
    assert start[0] == pytest.approx(1)
    assert end[0] == pytest.approx(1)
    flat[0, at > 1.5] = np.inf
    _, _, end = widths(at, flat, 0.1)
    assert end[0] == pytest.approx(0.5)


def lines(ratio, replicas=8):
    """Return lines whose start is exp(ratio) times as wide as the end."""
    at = np.linspace(-1.5, 2.5, 161)
    spread = 1 + 0.05 * np.random.default_rng(3).normal(size=(replicas, 1))
    width = 0.2 * np.exp(ratio) * spread
    loss = np.minimum((at / width) ** 2, ((at - 1) / 0.2) ** 2)
    return {
        "lines": xr.Dataset(
            {
                "loss": (("replica", "position"), loss),
                "validation_loss": (("replica", "position"), loss + 0.1),
                "distance": ("replica", np.ones(replicas)),
                "reached": ("replica", np.ones(replicas, bool)),
            },
            {"position": at},
        )
    }


@pytest.mark.parametrize(
    ("ratio", "replicas", "verdict"),
    [
        (0.5, 8, "supported"),
        (-0.5, 8, "contradicted"),
        (0.0, 8, "inconclusive"),
        (0.5, 2, "inconclusive"),
    ],
)
@pytest.mark.known_answer("three-factors/interpolation", "prediction", "rival", "few")
def test_interpolation(ratio, replicas, verdict):
    """Ends swapped; two pairs taken for enough."""
    claim, made = claim_of("interpolation"), lines(ratio, replicas)
    assert [str(result.verdict) for result in claim.judge(made)] == [verdict, verdict]
    assert told(claim, made) == {"wider": verdict}
