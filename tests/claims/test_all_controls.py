"""Every claim, small: it runs, its control is refused, and what it leaves is whole.

Some are too small to be supported themselves; what they say at their own size is in the README.
And where all replicas diverge, nothing is supported or contradicted by NaN.
"""

import json
import warnings
from pathlib import Path

import pytest
import xarray as xr
from small_claims import SMALL
from small_runs import diverged

import soret
from soret.claims import configure, find, settings_of
from soret.claims.running import load_runs, run_claim
from soret.errors import SettingsError, SoretError
from soret.runs import RunFolder
from soret.verdict import Verdict


def test_every_claim_is_tested_here():
    assert {claim.about.id for claim in find()} == set(SMALL)


# One or two of each paper; the others are left to `make test-slow`. `make claims` runs each claim's
# control too, at its quick scale, and known data are judged by default for every claim.
BY_DEFAULT = {
    "thermophoresis/weight-norm",
    "thermophoresis/monotone-variance",
    "escape/critical-dimension",
    "limiting-dynamics/constant-speed",
    "limiting-dynamics/modified-loss",
    "three-factors/boltzmann-equilibrium",
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


@pytest.mark.parametrize("replicas", [2, 4])
def test_of_few_replicas_there_are_results_or_a_sentence_before(ran, replicas):
    """Catches: a whole simulation whose judge then raises for want of replicas."""
    claim, outcome, _ = ran
    id = claim.about.id
    for setting in {"replicas", "paths"} & {one.name for one in settings_of(type(claim))}:
        least = next(one.range.at_least for one in settings_of(type(claim)) if one.name == setting)
        if least > replicas:
            with pytest.raises(SettingsError, match=rf"{setting} must be at least \d+, for "):
                configure(find(id)[0], "quick", SMALL[id] | {setting: replicas})
            return
    few = {
        name: run.isel(replica=slice(replicas)) if "replica" in run.dims else run
        for name, run in runs_of(outcome).items()
    }
    results = claim.judge(few)
    assert results
    assert len(claim.judge(claim.control(few))) == len(results)
    assert claim.draw(few, results)


def test_all_replicas_diverge(ran):
    """Catches: a verdict on NaN, and "All-NaN slice encountered" beside the one warning of it."""
    claim, outcome, _ = ran
    runs = {name: diverged(run) for name, run in runs_of(outcome).items()}
    with warnings.catch_warnings(action="error", category=RuntimeWarning):
        try:
            results = claim.judge(runs)
        except SoretError:
            return
        claim.draw(runs, results)
    for result in results:
        known = abs(result.measured) < float("inf")
        assert known or str(result.verdict) == "inconclusive", result.quantity
