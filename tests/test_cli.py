"""The command line, as a user meets it: a real process, its streams and its exit status."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import here

from soret import cli
from soret.claims.worker import Failure
from soret.runs import store

__all__ = ["here"]  # a fixture

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


def test_one_claim_is_listed_with_its_settings(tmp_path, here):
    assert "learning_rates" in here("list", CLAIM, cwd=tmp_path).stdout
    listed = json.loads(here("list", CLAIM, "--json", cwd=tmp_path).stdout)
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


def test_show_gives_verdict_and_provenance(ran, here):
    folder, _ = ran
    for path in ("runs/a", "runs"):
        done = here("show", path, cwd=folder)
        assert done.returncode == 0
        assert CLAIM in done.stdout
        assert "jax" in done.stdout
    record = json.loads(here("show", "runs/a", "--json", cwd=folder).stdout)
    assert record["run"]["description"]["seed"] == 0
    assert record["verdict"]["claim"] == CLAIM


def test_the_same_command_again_only_judges(ran, here):
    folder, first = ran
    again = here("run", CLAIM, *SMALL, "--json", "--out", "runs/a", cwd=folder)
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
def test_bad_usage_is_one_sentence_and_leaves_nothing(args, status, says, tmp_path, here):
    done = here(*args, cwd=tmp_path)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_bad_usage_ends_a_process_with_its_status(tmp_path):
    """Catches: a status or a sentence that is lost on the way out of the process."""
    done = soret("run", CLAIM, "--set", "inputs=ten", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "whole number" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_another_run_in_the_folder_is_refused(ran, here):
    folder, _ = ran
    done = here("run", CLAIM, *SMALL, "--seed", "5", "--out", "runs/a", cwd=folder)
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
def test_ctrl_c_then_the_same_command_gives_the_same_run(tmp_path, at_last_killed, here):
    long = ["--set", "steps=40000", "--set", "replicas=16", "--set", "initializations=normal"]
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
    assert here("run", CLAIM, *long, "--out", "stopped", cwd=tmp_path).returncode == 0
    from soret.claims import configure, find
    from soret.claims.running import run_claim

    settings = {"steps": 40000, "replicas": 16, "initializations": ("normal",)}
    claim = configure(find(CLAIM)[0], "quick", settings)
    run_claim(claim, scale="quick", out=tmp_path / "whole")
    digests = [store.digest(tmp_path / name / "data.zarr") for name in ("stopped", "whole")]
    assert digests[0] == digests[1]


class Known:
    """A claim of which no more is asked than what it is called and says."""

    def __init__(self, id: str) -> None:
        self.id, self.statement, self.about = id, f"{id} says so.", self


def shown(capsys: Any, seeds: int, *events: tuple[int, str, Any]) -> tuple[str, list[Any]]:
    """Return what is printed of what happens to claims a and b, and the failures."""
    printer = cli._Shown([Known("a"), Known("b")], seeds, False)
    for event in events:
        printer(*event)
    printer.close()
    return capsys.readouterr().err, printer.failures


def failed(reason: str, **of: Any) -> Any:
    return "end", Failure(reason, **of)


class TestShown:
    """What claims that run side by side print."""

    def test_claims_are_printed_in_their_order(self, capsys):
        """Catches: the lines of two claims in a mix that nobody can read; lines lost."""
        printed, failures = shown(
            capsys,
            1,
            (0, "begin", 0),
            (1, "begin", 0),
            (1, "say", "fast"),
            (0, "say", "slow"),
            (1, *failed("no b")),
            (0, "say", "slower"),
            (0, *failed("no a")),
        )
        words = ["a says so", "slow", "slower", "no a", "b says so", "fast", "no b"]
        places = [printed.index(word) for word in words]
        assert places == sorted(places)
        assert [failure.reason for failure in failures] == ["no a", "no b"]

    def test_the_first_is_printed_as_it_happens(self, capsys):
        """Catches: silence until a claim is done."""
        printed, _ = shown(capsys, 1, (0, "begin", 0), (0, "say", "simulating"))
        assert "simulating" in printed
        printed, _ = shown(capsys, 1, (1, "begin", 0), (1, "say", "simulating"))
        assert printed == ""

    def test_seeds_of_a_claim_share_its_heading(self, capsys):
        """Catches: a heading for every seed, or a seed under another claim's heading."""
        printed, _ = shown(
            capsys, 2, *[(n, *one) for n in range(4) for one in (("begin", n % 2), failed("no"))]
        )
        assert printed.count("says so") == 2
        assert [line.strip() for line in printed.splitlines() if "seed" in line] == [
            "seed 0",
            "seed 1",
        ] * 2

    def test_a_defect_is_printed_whole(self, capsys):
        """Catches: a defect's one line, from which nobody finds the place."""
        trace = "Traceback (most recent call last):\n  File [bold]\nKeyError: 3"
        printed, _ = shown(capsys, 1, (0, "begin", 0), (0, *failed("a: KeyError(3)", trace=trace)))
        assert "File [bold]\nKeyError: 3" in printed


@pytest.mark.slow
def test_side_by_side_gives_what_one_after_the_other_does(tmp_path):
    """Catches: numbers that depend on who computes them; results out of order."""
    claims = ["thermophoresis/monotone-variance", "limiting-dynamics/constant-speed"]
    runs = {}
    for jobs in (1, 2):
        done = soret(
            "run", *claims, "--json", "--jobs", jobs, "--out", f"jobs-{jobs}", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        runs[jobs] = [json.loads(line) for line in done.stdout.splitlines()]
    for one, other in zip(runs[1], runs[2], strict=True):
        assert one["claim"] == other["claim"]
        assert one["results"] == other["results"]
        data = [Path(tmp_path, found["run"], "data.zarr") for found in (one, other)]
        assert store.digest(data[0]) == store.digest(data[1])
    assert [found["claim"] for found in runs[2]] == sorted(claims)
