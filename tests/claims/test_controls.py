"""Every claim, small: it runs, its control is refused, and what it leaves is whole.

Some are too small to be supported themselves; what they say at their own size is in the README.
"""

import json
from pathlib import Path

import pytest
import xarray as xr

import soret
from soret.claims import configure, find
from soret.claims.run import load_runs, run_claim
from soret.claims.verdict import Verdict
from soret.runs import RunFolder

# Small enough for a test, large enough for the collapse to be fitted.
SMALL = {
    "thermophoresis/activation-rate": {
        "replicas": 32,
        "steps": 4000,
        "initializations": ("normal",),
    },
    "thermophoresis/weight-norm": {
        "replicas": 32,
        "steps": 4000,
        "initializations": ("normal",),
    },
    "thermophoresis/batch-size": {
        "replicas": 32,
        "steps": 2000,
        "batch_sizes": (1, 3),
        "initializations": ("normal",),
    },
    "thermophoresis/uniform-inputs": {
        "replicas": 32,
        "learning_rate_steps": 1000,
        "batch_size_steps": 1000,
        "batch_sizes": (1, 3),
        "initializations": ("normal",),
    },
    "thermophoresis/image-two-layer": {
        "replicas": 8,
        "hidden": 20,
        "learning_rate_steps": 200,
        "batch_size_steps": 200,
        "batch_sizes": (25, 100),
        "initializations": ("pytorch",),
    },
    "thermophoresis/deep-gradient-variance": {
        "inputs": 10,
        "hidden": 10,
        "steps": 2000,
        "replicas": 16,
        "examples": 32,
        "initializations": ("pytorch",),
    },
    "thermophoresis/conv-gradient-variance": {
        "channels": 4,
        "steps": 200,
        "batch_size": 4,
        "examples": 16,
        "initializations": ("pytorch",),
    },
    "thermophoresis/mechanism": {
        "learning_rates": (0.1, 0.05),
        "replicas": 16,
        "records": 40,
        "fresh_inputs": 64,
        "initializations": ("pytorch",),
    },
    "thermophoresis/monotone-variance": {"pairs": 1000},
    "thermophoresis/two-layer-flow": {
        "learning_rates": (0.1, 0.025),
        "batch_sizes": (1, 4),
        "fresh_replicas": 512,
        "replicas": 16,
        "steps": 1000,
    },
    "thermophoresis/random-walk-flow": {
        "walks": ("constant", "linear", "spreading"),
        "pairs": 256,
        "replicas": 16,
    },
    "thermophoresis/same-training-error": {
        "examples": 200,
        "labels": ("random",),
        "learning_rates": (0.2, 0.05),
        "hidden": 16,
        "time": 100.0,
        "records": 25,
    },
    "thermophoresis/hessian-trace-bound": {
        "depths": (2,),
        "hidden": 8,
        "steps": 100,
        "records": 5,
        "replicas": 4,
        "dropped_examples": 1,
    },
    "escape/time-change": {"paths": 100, "time": 30.0, "step": 0.02},
    "escape/escape-rate": {
        "learning_rate": 0.01,
        "replicas": 256,
        "steps": 8000,
        "cells": 60,
        "points": 9,
    },
    "escape/critical-dimension": {
        "learning_rates": (0.2,),
        "batch_sizes": (1,),
        "replicas": 64,
        "held_shares": (0.5,),
        "held_replicas": 16,
    },
    "escape/decoupling": {
        "images": 200,
        "hidden": (8,),
        "epochs": (2,),
        "measured": 150,
        "replicas": 2,
    },
    "escape/stationary-tail": {
        "learning_rates": (0.2,),
        "batch_sizes": (1,),
        "replicas": 100,
        "records": 100,
        "reference_rate": 0.3,
        "reference_records": 400,
    },
    "escape/first-passage-linear": {
        "dimensions": (16,),
        "thresholds": 12,
        "steps": 4000,
        "replicas": 16,
    },
    "escape/first-passage-network": {
        "images": 200,
        "hidden": 4,
        "pretraining_steps": 2000,
        "thresholds": 12,
        "steps": 2000,
        "every": 4,
        "replicas": 16,
    },
    "escape/hessian-outliers": {"images": 400, "hidden": 4, "steps": 400, "replicas": 2},
    "limiting-dynamics/phase-space": {
        "data": ("gaussian",),
        "learning_rates": (0.05, 1.0),
        "batch_sizes": (256,),
        "weight_decays": (1e-3,),
        "steps": 80,
    },
    "limiting-dynamics/modified-loss": {
        "data": ("gaussian",),
        "steps": 1000,
        "records": 100,
        "replicas": 32,
    },
    "limiting-dynamics/oscillations": {
        "data": ("gaussian",),
        "steps": 600,
        "records": 600,
        "replicas": 32,
    },
    "limiting-dynamics/constant-speed": {
        "data": ("gaussian",),
        "steps": 1000,
        "records": 100,
        "replicas": 32,
    },
    "limiting-dynamics/anomalous-diffusion": {
        "learning_rates": (0.2, 0.1),
        "batch_sizes": (32,),
        "momenta": (0.9,),
        "weight_decays": (0.01,),
        "others": ("digits",),
        "burn_in": 400,
        "steps": 2000,
        "replicas": 16,
    },
    "limiting-dynamics/isotropic-exploration": {
        "data": ("gaussian",),
        "steps": 1000,
        "records": 100,
        "replicas": 32,
    },
    "limiting-dynamics/deep-network": {
        "hidden": 3,
        "images": 300,
        "training_steps": 2000,
        "points": 2,
        "steps": 2000,
        "replicas": 12,
    },
    "escape/noise-loss": {"nets": ("conv",), "channels": (3,), "epochs": 40, "records": 20},
    "escape/noise-loss-cross-entropy": {
        "nets": ("dense",),
        "hidden": (8,),
        "epochs": 40,
        "records": 20,
    },
    "three-factors/minima-ratio": {
        "surfaces": ("tilted",),
        "learning_rates": (0.01, 0.02),
        "variances": (100.0, 200.0),
        "replicas": 128,
        "steps": 4000,
        "points": 5,
        "cells": 40,
    },
    "three-factors/boltzmann-equilibrium": {
        "surfaces": ("double",),
        "learning_rates": (0.01, 0.02),
        "variances": (200.0, 400.0),
        "replicas": 64,
        "steps": 2000,
        "points": 5,
    },
    "three-factors/fokker-planck": {"replicas": 1024, "cells": 50, "steps": (20, 60)},
    "three-factors/langevin-limit": {
        "quadratic_replicas": 16_384,
        "net_replicas": 512,
        "starts": 4,
    },
    "three-factors/open-questions": {
        "replicas": 128,
        "funnel_replicas": 128,
        "steps": 1000,
        "paths": 256,
        "net_replicas": 32,
        "net_steps": 500,
    },
    "three-factors/minibatch-noise": {
        "images": 128,
        "hidden": (4,),
        "batch_sizes": (1, 8, 64),
        "draws": 200,
        "epochs": (2,),
        "dimensions": 3,
    },
    "three-factors/flatness": {
        "images": 300,
        "hidden": (8,),
        "learning_rates": (0.1, 0.2),
        "batch_sizes": (4, 16),
        "rules": ("loss",),
        "target_loss": 0.3,
        "replicas": 3,
        "hessian_examples": 100,
    },
    "three-factors/generalization": {
        "images": 300,
        "hidden": (8,),
        "learning_rates": (0.1, 0.2),
        "batch_sizes": (4, 16),
        "rules": ("loss",),
        "target_loss": 0.3,
        "replicas": 3,
    },
    "three-factors/exchange": {
        "images": 200,
        "hidden": (8,),
        "factors": (2, 4),
        "epochs": 4,
        "hessian_examples": 100,
    },
    "three-factors/interpolation": {
        "images": 200,
        "hidden": (8,),
        "learning_rate": 0.2,
        "batch_sizes": (8, 16, 64),
        "target_loss": 0.5,
        "replicas": 4,
        "positions": 31,
        "side": 5,
    },
    "three-factors/memorization": {
        "images": 100,
        "hidden": (32,),
        "learning_rates": (0.1, 0.2),
        "batch_sizes": (4, 8),
        "random_epochs": 40,
        "most_epochs": 20,
        "replicas": 3,
    },
}


def test_every_claim_is_tested_here():
    assert {claim.about.id for claim in find()} == set(SMALL)


# Some of each paper; the others are left to `make test-slow`. `make claims` runs each claim's
# control too, at its quick scale.
BY_DEFAULT = {
    "thermophoresis/activation-rate",
    "thermophoresis/weight-norm",
    "thermophoresis/monotone-variance",
    "escape/critical-dimension",
    "escape/decoupling",
    "escape/hessian-outliers",
    "escape/stationary-tail",
    "limiting-dynamics/anomalous-diffusion",
    "limiting-dynamics/constant-speed",
    "limiting-dynamics/isotropic-exploration",
    "limiting-dynamics/modified-loss",
    "three-factors/boltzmann-equilibrium",
    "three-factors/fokker-planck",
    "three-factors/generalization",
}
PARAMS = [
    pytest.param(id, marks=() if id in BY_DEFAULT else pytest.mark.slow, id=id) for id in SMALL
]


@pytest.fixture(scope="module", params=PARAMS)
def ran(request, tmp_path_factory):
    """A claim with its outcome and its data."""
    claim = configure(find(request.param)[0], "quick", SMALL[request.param])
    folder = tmp_path_factory.mktemp("claim") / "run"
    said = []
    outcome = run_claim(claim, scale="quick", seed=1, out=folder, say=said.append)
    return claim, outcome, said


def runs_of(outcome):
    return load_runs(RunFolder(outcome.folder))


def test_the_control_is_refused(ran):
    """The same test on data that the rival made must not support the claim."""
    claim, outcome, _ = ran
    refused = claim.judge(claim.control(runs_of(outcome)))
    assert refused
    assert [r.quantity for r in refused if r.verdict is Verdict.SUPPORTED] == []


def test_the_data_can_be_exported(ran, tmp_path):
    """Catches: a truth value, a mapping or None in an attribute, which netCDF cannot hold."""
    _, outcome, _ = ran
    data = soret.load(outcome.folder)
    data.to_netcdf(tmp_path / "run.nc", engine="netcdf4")
    again = xr.load_datatree(tmp_path / "run.nc", engine="netcdf4")
    xr.testing.assert_equal(again, data)
    for node in data.leaves:
        node.to_dataset().to_dataframe()


def test_the_control_leaves_the_data_alone(ran):
    claim, outcome, _ = ran
    runs, again = runs_of(outcome), runs_of(outcome)
    claim.control(runs)
    for name, run in runs.items():
        assert run.identical(again[name])


def test_the_json_is_what_the_design_says(ran):
    claim, outcome, _ = ran
    found = json.loads((outcome.folder / "verdict.json").read_text())
    # Beside what is printed, the file says which run it is of.
    assert len(found.pop("run_sha256")) == 64
    assert found == outcome.as_json()
    keys = [
        "claim",
        "paper",
        "scale",
        "seed",
        "run",
        "seconds",
        "results",
        "verdict",
        "figures",
        "diverged",
    ]
    assert set(keys) <= set(found)
    assert found["claim"] == claim.about.id
    assert found["seed"] == 1
    for result in found["results"]:
        assert {"quantity", "predicted", "measured", "interval", "rival", "verdict"} <= set(result)
        assert len(result["interval"]) == 2


def test_every_figure_is_there_twice(ran):
    _, outcome, _ = ran
    assert {path.suffix for path in outcome.figures} == {".png", ".svg"}
    assert all(Path(path).stat().st_size > 10_000 for path in outcome.figures)


def test_nothing_but_the_run_is_left(ran):
    _, outcome, _ = ran
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        "data.zarr",
        "figures",
        "manifest.json",
        "run.json",
        "verdict.json",
    ]


def test_a_finished_claim_is_judged_again_not_simulated(ran):
    claim, outcome, _ = ran
    said = []
    again = run_claim(claim, scale="quick", seed=1, out=outcome.folder, say=said.append)
    assert not any("simulating" in line for line in said)
    assert again.as_json()["results"] == outcome.as_json()["results"]
