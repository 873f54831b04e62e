"""Runs of an earlier Soret, whose settings would give other numbers today."""

import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.claims import configure, find
from soret.claims.running import run_claim
from soret.errors import RunError
from soret.runs import RunFolder, numbers
from soret.runs.folder import OLD_FORMAT

# Written when evaluation batches were the first examples: `simulate(run, NET)` below.
OLD = Path(__file__).parent / "old" / "simulated"
REASON = "drawn at random, where they were the first ones of the data set"


def simulate(out: Path) -> object:
    rng = np.random.default_rng(0)
    data = soret.Dataset("sorted", rng.normal(size=(3000, 2)), np.repeat([0, 1], 1500), ("a", "b"))
    net = soret.Problem(
        lambda key: {"w": jnp.zeros(2)},
        lambda p, x: x @ p["w"],
        "binary_cross_entropy",
        data,
        fixed_start=True,
    )
    return soret.simulate(
        net,
        soret.SGD(0.1),
        observe=soret.observables.loss,
        steps=2,
        record_every=1,
        replicas=2,
        out=out,
        progress=False,
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return shutil.copytree(OLD, tmp_path / "old")


def forget(path: Path, **change: object) -> None:
    """Make a run one of an earlier version, by what its record says."""
    record = json.loads((path / "run.json").read_text())
    del record["description"]["numbers"]
    (path / "run.json").write_text(json.dumps(record | {"format": OLD_FORMAT} | change))
    (path / "manifest.json").unlink()  # there was none


def test_an_old_run_is_loaded_as_it_is(old: Path) -> None:
    """Catches: an old run that can no longer be read, or is given new numbers."""
    found = soret.load(old).loss.values
    wanted = [[0.6931473, 0.6923214, 0.6926704], [0.6931473, 0.6943617, 0.69891787]]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("state", ["complete", "running"])
def test_an_old_run_is_not_taken_up(old: Path, state: str) -> None:
    """Catches: blocks of both versions in one run, or old numbers returned for today's."""
    record = json.loads((old / "run.json").read_text())
    (old / "run.json").write_text(json.dumps(record | {"state": state}))
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=REASON) as caught:
        simulate(old)
    assert "\n" not in str(caught.value)
    assert "choose another folder" in str(caught.value)
    assert ("still be loaded" in str(caught.value)) == (state == "complete")
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


def test_a_claims_old_run_is_not_judged_anew(tmp_path: Path) -> None:
    """Catches: old numbers under a verdict of today; settings alone are a claim's description."""
    claim = configure(find("thermophoresis/monotone-variance")[0], "quick", {"pairs": 200})
    run_claim(claim, scale="quick", out=tmp_path / "run", progress=False)
    verdict = (tmp_path / "run/verdict.json").read_bytes()
    forget(tmp_path / "run")
    with pytest.raises(RunError, match=REASON):
        run_claim(claim, scale="quick", out=tmp_path / "run", progress=False)
    assert (tmp_path / "run/verdict.json").read_bytes() == verdict
    assert isinstance(soret.load(tmp_path / "run").to_dict(), dict)


def test_a_measurement_of_an_old_version_is_not_resumed(tmp_path: Path) -> None:
    """Catches: flatness over the first examples going on over others."""
    net = soret.problems.dense(hidden=(), data="digits")
    points = np.zeros((2, 650), np.float32)
    out = tmp_path / "flat"
    soret.landscape.evaluate(net, points, 100, out=out, progress=False)
    forget(out, state="running")
    with pytest.raises(RunError, match=REASON):
        soret.landscape.evaluate(net, points, 100, out=out, progress=False)


def test_every_run_says_which_version_its_numbers_are(tmp_path: Path) -> None:
    """Catches: a description without it, of which nobody can tell later what it holds."""
    simulate(tmp_path / "run")
    record = RunFolder(tmp_path / "run").record()
    assert record["description"]["numbers"] == numbers.NUMBERS
    assert numbers.note(record) is None
    assert REASON in (numbers.note({"description": {}}) or "")
    for unknown in ({"description": {"numbers": 10**6}}, {"description": {"numbers": "2"}}, {}):
        assert "does not know" in (numbers.note(unknown) or "")


@pytest.mark.parametrize("state", ["running", "complete"])
def test_an_ensemble_of_before_blocks_had_digests(tmp_path: Path, state: str) -> None:
    """Catches: "model, data or observables differ" for a run that only says more of itself."""
    simulate(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    record = json.loads(path.read_text())
    record["description"] |= {"block_size": 2, "platform": "cpu", "device_kind": "cpu"}
    path.write_text(json.dumps(record | {"state": state}))
    with pytest.raises(RunError, match="version of Soret"):
        simulate(tmp_path / "run")
