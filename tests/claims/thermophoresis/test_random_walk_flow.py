"""The flow of fair walks: what the judge says of flows made by one formula or another."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.thermophoresis._walks import WALKS, predict

RATES = np.array([0.1, 0.05, 0.025])
S, C, N = "supported", "contradicted", "inconclusive"
NAMES = ("power", "one-dimension", "more-dimensions", "diffusion", "exact-flow")


def flows(formula, *, power=2.0, scatter=0.1, replicas=64):
    """Flows that one of the formulas gives at the smallest η, and that go as a power of η."""
    rng, runs = np.random.default_rng(0), {}
    for name in ("constant", "linear", "parallel", "spreading", "closing"):
        for density in WALKS[name].densities:
            told_of = predict(WALKS[name], density)
            mean = np.array(told_of.ito)
            if formula == "printed":
                mean[-1] = told_of.printed
            at = RATES[-1] ** 2 * (RATES / RATES[-1]) ** power
            noise = scatter * rng.normal(size=(3, replicas, 1, 1))
            # The mean is the formula's to the letter: what differs is how well it is known.
            noise += 1 - noise.mean(axis=1, keepdims=True)
            values = at[:, None, None, None] * mean * noise
            dims = ("learning_rate", "replica", "step", "component")
            runs[f"{name}/{density}"] = xr.Dataset(
                {"flow": (dims, values)}, {"learning_rate": RATES, "step": [1]}
            )
    return runs


@pytest.mark.parametrize(
    ("formula", "changes", "verdicts"),
    [
        ("printed", {}, (S, S, S, S, C)),
        ("ito", {}, (S, S, C, C, S)),
        ("printed", {"power": 1.0}, (C, S, S, S, C)),
        ("printed", {"scatter": 10.0}, (N, N, N, N, N)),
        ("ito", {"replicas": 1}, (N, N, N, N, N)),
    ],
)
@pytest.mark.known_answer("thermophoresis/random-walk-flow", "prediction", "rival", "few")
def test_flows_made_by_a_formula(formula, changes, verdicts):
    """Catches: a judge that supports nothing, or does not tell Eq. 10 from the exact flow."""
    claim = configure(find("thermophoresis/random-walk-flow")[0], "quick", {})
    assert told(claim, flows(formula, **changes)) == dict(zip(NAMES, verdicts, strict=True))
