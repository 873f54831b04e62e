"""Collapse of curves: what the judge says of made ones, statement by statement."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find

S, C, N = "supported", "contradicted", "inconclusive"
VALUES = {"learning_rate": (0.1, 0.05, 0.025), "batch_size": (1, 2, 3)}
STEPS = np.arange(101) * 80


def run(over, powers, *, replicas=32, scatter=0.03):
    """Curves that fall by a law of step·h^power, one for each observable; or rise, below 0."""
    rng, values = np.random.default_rng(0), np.array(VALUES[over], float)
    fastest = values.max() if over == "learning_rate" else values.min()
    curves = {}
    for observable, (power, height) in powers.items():
        clock = (values / fastest) ** power
        mean = height * np.exp(-STEPS * clock[:, None] / 3000)[:, None]
        noise = scatter * rng.normal(size=(3, replicas, STEPS.size))
        curves[observable] = ((over, "replica", "step"), mean + noise)
    return xr.Dataset(curves, {over: list(VALUES[over]), "step": STEPS})


def claim_of(name):
    return configure(find(f"thermophoresis/{name}")[0], "quick", {"initializations": ("pytorch",)})


ONE = [
    ("activation-rate", "activation_rate"),
    ("weight-norm", "weight_norm"),
    ("deep-gradient-variance", "gradient_variance"),
    ("conv-gradient-variance", "gradient_variance"),
]
ONE_IDS = [
    "thermophoresis/activation-rate",
    "thermophoresis/weight-norm",
    "thermophoresis/deep-gradient-variance",
    "thermophoresis/conv-gradient-variance",
]


@pytest.mark.parametrize(("name", "observable"), ONE)
@pytest.mark.parametrize(
    ("power", "height", "changes", "verdicts"),
    [
        (2.0, 1.0, {}, (S, S)),
        (1.0, 1.0, {}, (S, C)),
        (2.0, -1.0, {}, (C, S)),
        (2.0, 1.0, {"scatter": 30.0}, (N, N)),
        (2.0, 1.0, {"replicas": 1}, (N, N)),
    ],
)
@pytest.mark.known_answer(ONE_IDS, "prediction", "rival", "few")
def test_one_scan(name, observable, power, height, changes, verdicts):
    """Catches: a fall taken for a rise; the rival's power let pass; a verdict on noise."""
    runs = {"pytorch": run("learning_rate", {observable: (power, height)}, **changes)}
    stem = observable.replace("_", "-")
    found = told(claim_of(name), runs)
    expected = zip((f"{stem}-falls", f"{stem}-by-learning-rate"), verdicts, strict=True)
    assert found == dict(expected)


@pytest.mark.parametrize(
    ("power", "height", "replicas", "verdicts"),
    [(2.0, 1.0, 32, (S, S)), (1.0, -1.0, 32, (C, C)), (2.0, 1.0, 1, (N, N))],
)
@pytest.mark.known_answer("thermophoresis/squared-error", "prediction", "rival", "few")
def test_two_observables_of_one_scan(power, height, replicas, verdicts):
    """Catches: one observable's curves judged for the other's."""
    curves = dict.fromkeys(("activation_rate", "weight_norm"), (power, height))
    found = told(
        claim_of("squared-error"),
        {"pytorch": run("learning_rate", curves, replicas=replicas)},
    )
    for stem in ("activation-rate", "weight-norm"):
        assert (found[f"{stem}-falls"], found[f"{stem}-by-learning-rate"]) == verdicts


TWO = ["batch-size", "uniform-inputs", "image-two-layer"]
TWO_IDS = [
    "thermophoresis/batch-size",
    "thermophoresis/uniform-inputs",
    "thermophoresis/image-two-layer",
]


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize(
    ("powers", "height", "replicas", "verdict"),
    [((2.0, -1.0), 1.0, 32, S), ((1.0, 0.0), -1.0, 32, C), ((2.0, -1.0), 1.0, 1, N)],
)
@pytest.mark.known_answer(TWO_IDS, "prediction", "rival", "few")
def test_both_observables(name, powers, height, replicas, verdict):
    """Catches: a judge that supports nothing; the rival's power let pass; a verdict on one replica.

    The rival's curves rise, for which there is nothing to be said either.
    """
    runs = {}
    for over, power in zip(VALUES, powers, strict=True):
        names = ("activation_rate", "weight_norm", "mean_hidden_weight")
        runs[f"{over}/pytorch"] = run(
            over, dict.fromkeys(names, (power, height)), replicas=replicas
        )
    claim = claim_of(name)
    stated = {statement.name for statement in claim.about.statements}
    assert told(claim, runs) == dict.fromkeys(stated, verdict)


def test_what_fails_of_one_observable_is_not_held_against_the_other():
    """Catches: the activation rate's collapse hidden by the norm of V, which does not."""
    powers = {"activation_rate": (-1.0, 1.0), "weight_norm": (0.0, 1.0)}
    assert told(claim_of("batch-size"), {"pytorch": run("batch_size", powers)}) == {
        "activation-rate-falls": S,
        "activation-rate-by-batch-size": S,
        "weight-norm-falls": S,
        "weight-norm-by-batch-size": C,
    }


@pytest.mark.parametrize("name", ["uniform-inputs", "image-two-layer"])
def test_two_scans(name):
    """Catches: curves over B counted for the statement on η; a rise in one scan overlooked."""
    rate = {"activation_rate": (2.0, 1.0), "weight_norm": (1.0, 1.0)}
    batch = {"activation_rate": (0.0, 1.0), "weight_norm": (-1.0, -1.0)}
    expected = {
        "activation-rate-falls": S,
        "activation-rate-by-learning-rate": S,
        "activation-rate-by-batch-size": C,
        "weight-norm-falls": C,
        "weight-norm-by-learning-rate": C,
        "weight-norm-by-batch-size": S,
    }
    if name == "uniform-inputs":
        rate["mean_hidden_weight"], batch["mean_hidden_weight"] = (2.0, 1.0), (0.0, 1.0)
        expected |= {
            "mean-hidden-weight-falls": S,
            "mean-hidden-weight-by-learning-rate": S,
            "mean-hidden-weight-by-batch-size": C,
        }
    runs = {
        "learning_rate/pytorch": run("learning_rate", rate),
        "batch_size/pytorch": run("batch_size", batch),
    }
    assert told(claim_of(name), runs) == expected
