"""The command line where the operating system or the environment says no: real processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

SORET = [sys.executable, "-m", "soret"]
CLAIM = "thermophoresis/activation-rate"
SMALL = ["--set", "replicas=8", "--set", "steps=800", "--set", "initializations=normal"]


def shell(line, *, cwd, env=(), limit=""):
    command = f"{limit} exec {sys.executable} -m soret {line}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=os.environ | dict(env),
        capture_output=True,
        timeout=300,
        check=False,
    )


def told(done):
    """Return what was said, which is no traceback."""
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "cp1252", "COLUMNS": "1", "NO_COLOR": "1", "TERM": "dumb"},
    ],
    ids=["ascii", "posix", "windows"],
)
def test_a_claim_is_listed_whatever_output_can_show(env, tmp_path):
    """Catches: UnicodeEncodeError for the η of the first statement."""
    done = shell(f"list {CLAIM}", cwd=tmp_path, env=env)
    assert done.returncode == 0
    assert "steps" in told(done)
    listed = shell(f"list {CLAIM} --json", cwd=tmp_path, env=env).stdout
    assert "η" in json.loads(listed.decode("ascii"))["statement"]


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        (f"list {CLAIM} >/dev/full", 1, "No space left on device"),
        (f"list {CLAIM} >&- 2>&- <&-", 0, ""),
        ("list nothing 2>/dev/full", 2, ""),
        ("fly 2>&-", 2, ""),
        ("--help >/dev/full", 1, "No space left on device"),
        ("show nowhere 2>&-", 1, ""),
    ],
)
def test_streams_that_are_full_or_closed(line, status, says, tmp_path):
    """Catches: a traceback, or the wrong exit status, where nobody can be told."""
    done = shell(line, cwd=tmp_path)
    assert done.returncode == status
    assert says in told(done)
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"MPLBACKEND": "nothing"}, "MPLBACKEND"),
        ({"JAX_PLATFORMS": "nothing"}, "JAX_PLATFORMS"),
    ],
    ids=["MPLBACKEND", "JAX_PLATFORMS"],
)
def test_an_unknown_backend_is_refused_before_the_work(env, says, tmp_path):
    """Catches: a traceback of Matplotlib's after everything was simulated."""
    done = shell(f"run {CLAIM}", cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert says in told(done)
    assert os.listdir(tmp_path) == []


def test_a_deleted_working_directory_is_said(tmp_path):
    """Catches: FileNotFoundError without a name."""
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"cd {gone} && rmdir {gone} && {sys.executable} -m soret run {CLAIM} --out x"
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=300, check=False)
    assert done.returncode in (1, 2)
    assert "soret: " in told(done)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(28, "No space left on device", "runs/x/data.zarr"), "No space left on device"),
        (OSError(30, "Read-only file system", "runs"), "Read-only file system"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
    ],
)
def test_what_the_system_refuses_a_run_names_the_claim_and_goes_on(
    error, says, monkeypatch, capsys
):
    """Catches: a traceback; the other claims left out because one could not be written."""
    from soret import cli
    from soret.claims import running

    started = []

    def refuse(claim, **_settings):
        started.append(claim.about.id)
        raise error

    monkeypatch.setattr(running, "run_claim", refuse)
    other = "thermophoresis/weight-norm"
    monkeypatch.setattr(sys, "argv", ["soret", "run", CLAIM, other, "--jobs", "1"])
    assert cli._status() == 1
    said = capsys.readouterr().err
    assert sorted(started) == sorted([CLAIM, other])
    assert said.count(says) == 2
    assert f"{CLAIM}: " in said
    assert "same command" in said


def test_a_defect_keeps_its_traceback(monkeypatch):
    """Catches: a defect of the program told as if the system had refused something."""
    from soret import cli
    from soret.claims import running

    def defect(_claim, **_settings):
        raise RuntimeError("a defect")

    monkeypatch.setattr(running, "run_claim", defect)
    monkeypatch.setattr(sys, "argv", ["soret", "run", CLAIM])
    with pytest.raises(RuntimeError, match="a defect"):
        cli._status()


@pytest.mark.slow
def test_a_figure_that_cannot_be_written_is_drawn_by_the_same_command(tmp_path):
    """Catches: a run simulated again, or half a picture, because the disk was full at the end."""
    line = " ".join(["run", CLAIM, *SMALL, "--out", "x"])
    env = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    done = shell(line, cwd=tmp_path, env=env, limit="ulimit -S -f 30;")
    assert done.returncode == 1
    assert "ulimit -f" in told(done)
    assert "drawing" in told(done)
    pictures = tmp_path / "x" / "figures"
    assert not pictures.exists() or all(
        path.stat().st_size < 30_000 and not path.name.startswith(".")
        for path in pictures.iterdir()
    )
    again = shell(line, cwd=tmp_path)
    assert again.returncode == 0
    assert "simulating" not in told(again)


@pytest.mark.slow
def test_a_run_ends_in_a_place_whose_name_is_no_utf8_without_a_home(tmp_path):
    """Catches: UnicodeEncodeError after the run; a home that cannot be written."""
    env = {"HOME": "/nonexistent", "MPLCONFIGDIR": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}
    out = os.fsencode(tmp_path) + b"/run-\xff"
    command = [*SORET, "run", CLAIM, *SMALL, "--json", "--out", out]
    done = subprocess.run(
        command, env=os.environ | env, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, told(done)
    assert os.fsencode(json.loads(done.stdout)["run"]) == out
    again = subprocess.run([*command[:-3], "--out", out], capture_output=True, check=False)
    assert again.returncode == 0
    assert b"run-\\udcff" in again.stdout
    for command in ("show", "report"):
        done = subprocess.run(
            [*SORET, command, out], cwd=tmp_path, capture_output=True, timeout=300, check=False
        )
        assert done.returncode == 0, told(done)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_saves_and_ends(number, status, tmp_path, at_last_killed):
    """Catches: ten seconds of work lost to a batch system that says when to end."""
    command = [*SORET, "run", CLAIM, "--set", "steps=400000", "--out", str(tmp_path / "run")]
    process = at_last_killed(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    while not list(tmp_path.rglob("checkpoints/*/run.json")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status
    assert "the same command again goes on" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_too_little_memory_is_one_sentence(tmp_path):
    """Catches: a traceback of whatever library is loaded when memory ends."""
    done = shell(f"run {CLAIM}", cwd=tmp_path, limit="ulimit -v 300000;")
    assert done.returncode == 1
    assert "not enough memory" in told(done)
    assert os.listdir(tmp_path) == []
