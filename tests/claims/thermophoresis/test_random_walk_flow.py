"""The flow of fair walks: what the judge says of flows made by one formula or another."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.thermophoresis._walks import WALKS, Walk, free_path_ratios, predict

RATES = np.array([0.1, 0.05, 0.025])
S, C, N = "supported", "contradicted", "inconclusive"
NAMES = ("power", "free-paths", "one-dimension", "more-dimensions", "diffusion", "exact-flow")


def flows(formula, *, power=2.0, scatter=0.1, replicas=64, paths=1.0):
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
    ratio = paths * (1 + 0.1 * RATES[:, None] * np.linspace(0.5, 1.0, 16))
    runs["free-paths"] = xr.Dataset(
        {"linear": (("learning_rate", "point"), ratio)}, {"learning_rate": RATES}
    )
    return runs


@pytest.mark.parametrize(
    ("formula", "changes", "verdicts"),
    [
        ("printed", {}, (S, S, S, S, S, C)),
        ("ito", {"paths": 0.5}, (S, C, S, C, C, S)),
        ("printed", {"power": 1.0, "paths": 0.0}, (C, C, S, S, S, C)),
        ("printed", {"scatter": 10.0, "paths": 1.0985}, (N, N, N, N, N, N)),
        ("ito", {"replicas": 1}, (N, S, N, N, N, N)),
    ],
)
@pytest.mark.known_answer("thermophoresis/random-walk-flow", "prediction", "rival", "few")
def test_flows_made_by_a_formula(formula, changes, verdicts):
    """Catches: a judge that supports nothing, or does not tell Eq. 10 from the exact flow."""
    claim = configure(find("thermophoresis/random-walk-flow")[0], "quick", {})
    assert told(claim, flows(formula, **changes)) == dict(zip(NAMES, verdicts, strict=True))


def test_free_paths_of_linear_steps_in_closed_form():
    """Catches: the path of one side for the other's, or one of them for both.

    For g = ½ + q, Δ₊ = ηg/(1 − η) and Δ₋ = ηg/(1 + η), so that their difference is Eq. 9's over
    1 − η².
    """
    assert free_path_ratios(WALKS["linear"], 0.1) == pytest.approx(np.full(16, 1 / 0.99))
    # In a plane, with Σ g_j ∂_j g_i of a field whose Jacobian is not symmetric.
    slope = np.array([[0.2, 0.3], [0.0, 0.1]])
    walk = Walk(2, lambda q: q @ slope.T + 1.0, "")
    found = free_path_ratios(walk, 0.01)
    assert found == pytest.approx(np.ones(16), abs=1e-4)
