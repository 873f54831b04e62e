"""The command line, as a user meets it: a real process, its streams and its exit status."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

SORET = [sys.executable, "-m", "soret.cli"]
CLAIM = "thermophoresis/activation-rate"
SMALL = ["--set", "replicas=16", "--set", "steps=800", "--set", "initializations=normal"]


def soret(*args, cwd):
    return subprocess.run(
        [*SORET, *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    return folder, soret("run", CLAIM, *SMALL, "--json", "--out", "runs/a", cwd=folder)


def test_list_names_every_claim_without_loading_jax(tmp_path):
    """JAX takes seconds to import; a list must answer at once."""
    code = (
        "import sys; sys.argv = ['soret', 'list']\n"
        "from soret.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('jax' in sys.modules, 'matplotlib' in sys.modules, 'xarray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert CLAIM in done.stdout
    assert done.stdout.splitlines()[-1] == "False False False"


def test_one_claim_is_listed_with_its_settings(tmp_path):
    assert "learning_rates" in soret("list", CLAIM, cwd=tmp_path).stdout
    listed = json.loads(soret("list", CLAIM, "--json", cwd=tmp_path).stdout)
    assert listed["settings"]["inputs"]["paper"] == 100


def test_json_alone_is_on_standard_output(ran):
    folder, done = ran
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found["claim"] == CLAIM
    assert found["verdict"] in ("supported", "contradicted", "inconclusive")
    assert all((folder / path).exists() for path in found["figures"])
    assert "simulating" in done.stderr


def test_show_gives_verdict_and_provenance(ran):
    folder, _ = ran
    for path in ("runs/a", "runs"):
        done = soret("show", path, cwd=folder)
        assert done.returncode == 0
        assert CLAIM in done.stdout
        assert "jax" in done.stdout
    record = json.loads(soret("show", "runs/a", "--json", cwd=folder).stdout)
    assert record["run"]["description"]["seed"] == 0
    assert record["verdict"]["claim"] == CLAIM


def test_the_same_command_again_only_judges(ran):
    folder, first = ran
    again = soret("run", CLAIM, *SMALL, "--json", "--out", "runs/a", cwd=folder)
    assert "simulating" not in again.stderr
    assert json.loads(again.stdout)["results"] == json.loads(first.stdout)["results"]


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (["run", "thermophoresis/nothing"], 2, "no claim"),
        (["run", CLAIM, "--set", "batch=1"], 2, "learning_rates"),
        (["run", CLAIM, "--set", "inputs=ten"], 2, "whole number"),
        (["run", CLAIM, "--set", "learning_rates=-1"], 2, "above 0"),
        (["run", CLAIM, "--set", "initializations=pytorch,zero"], 2, "zero"),
        (["run", CLAIM, "--scale", "huge"], 2, "quick, paper"),
        (["run", CLAIM, "--seed", "-1"], 2, "seed"),
        (["run"], 2, "CLAIM"),
        (["fly"], 2, "fly"),
        (["show", "nowhere"], 1, "holds no saved run"),
    ],
)
def test_bad_usage_is_one_sentence_and_leaves_nothing(args, status, says, tmp_path):
    done = soret(*args, cwd=tmp_path)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_another_run_in_the_folder_is_refused(ran):
    folder, _ = ran
    done = soret("run", CLAIM, *SMALL, "--seed", "5", "--out", "runs/a", cwd=folder)
    assert done.returncode == 1
    assert "seed is 0 there, 5 here" in done.stderr


def test_missing_data_is_one_sentence(tmp_path):
    environment = os.environ | {
        "SORET_DATA": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [*SORET, "run", "thermophoresis/image-two-layer", "--set", "data=cifar-10"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "SORET_DATA" in done.stderr
    assert "data=digits" in done.stderr
    assert not (tmp_path / "runs").exists()
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_then_the_same_command_gives_the_same_run(tmp_path, at_last_killed):
    long = ["--set", "steps=80000", "--set", "replicas=16", "--set", "initializations=normal"]
    command = [*SORET, "run", CLAIM, *long, "--out", "stopped"]
    process = at_last_killed(
        subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    )
    checkpoints = tmp_path / "stopped" / "checkpoints" / "normal" / "run.json"
    while not checkpoints.exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("the machine was faster than the interruption")
    assert process.returncode == 130
    assert "same command again" in said
    assert "Traceback" not in said
    assert subprocess.run(command, cwd=tmp_path, timeout=300).returncode == 0
    from soret.claims import configure, find
    from soret.claims.running import run_claim
    from soret.runs import store

    settings = {"steps": 80000, "replicas": 16, "initializations": ("normal",)}
    claim = configure(find(CLAIM)[0], "quick", settings)
    run_claim(claim, scale="quick", out=tmp_path / "whole")
    digests = [store.digest(tmp_path / name / "data.zarr") for name in ("stopped", "whole")]
    assert digests[0] == digests[1]
