"""Monotone moments: one violation is a counterexample, and few pairs say nothing."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.thermophoresis._monotone import CASES, MOMENTS

S, C, N = "supported", "contradicted", "inconclusive"


def made(violated=None, pairs=400):
    """Moments that grow or stay; but one, in one pair of one case."""
    growth = np.random.default_rng(0).integers(0, 2, (len(CASES), len(MOMENTS), pairs)) * 0.5
    if violated is not None:
        growth[list(CASES).index(violated), 1, 7] = -1e-9
    dims = ("case", "moment", "pair")
    return {"pairs": xr.Dataset({"growth": (dims, growth)}, {"pair": np.arange(pairs)})}


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, (S, S)),
        ({"pairs": 399}, (N, N)),
        ({"violated": "closed form"}, (C, S)),
        ({"violated": "sample"}, (C, S)),
        ({"violated": "nonnegative"}, (S, C)),
        ({"violated": "sample", "pairs": 20}, (C, N)),
        # No part of the propositions.
        ({"violated": "residual"}, (S, S)),
    ],
)
@pytest.mark.known_answer("thermophoresis/monotone-variance", "prediction", "rival", "few")
def test_one_violation_decides(changes, verdicts):
    """Catches: a violation lost in a share of pairs; one proposition's held against the other."""
    claim = configure(find("thermophoresis/monotone-variance")[0], "quick", {})
    expected = dict(zip(("gaussian-inputs", "nonnegative-inputs"), verdicts, strict=True))
    assert told(claim, made(**changes)) == expected
