"""Claims side by side: every task once, whatever happens to others and to the processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fake_workers
import pytest

from soret.claims import side_by_side
from soret.claims.side_by_side import SideBySide, run_tasks
from soret.claims.worker import Failure, Task
from soret.errors import SettingsError

TOLD = list[tuple[int, str, Any]]


def tasks(*names: str, out: Path | None = None) -> list[Task]:
    return [Task(name, (name,), "quick", out=out and out / name) for name in names]


def ran(jobs: int, *names: str) -> TOLD:
    told: TOLD = []
    SideBySide(jobs, lambda *one: told.append(one), serve=fake_workers.serve).run(tasks(*names))
    return told


def ends(told: TOLD) -> dict[int, Any]:
    found = [(number, content) for number, kind, content in told if kind == "end"]
    assert len(found) == len(dict(found)), "a task ended twice"
    return dict(found)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_task_is_run_once_by_processes_that_live_for_many() -> None:
    """Catches: a task run twice or never; imports paid for every claim; too many processes."""
    told = ran(2, *"abcde")
    assert sorted(ends(told)) == [0, 1, 2, 3, 4]
    assert len({process for process, _ in ends(told).values()}) == 2
    assert {sharing for _, sharing in ends(told).values()} == {2}
    assert [(n, k) for n, k, _ in told if k == "begin"] == [(n, "begin") for n in range(5)]
    assert [content for n, kind, content in told if kind == "say" and n == 3] == ["d"]
    assert not any(is_running(process) for process, _ in ends(told).values())


def test_a_process_that_is_killed_fails_its_task_alone() -> None:
    """Catches: a pool broken, or a run that waits for ever, when the system kills a process."""
    found = ends(ran(2, "a", "killed", "b", "c"))
    assert isinstance(found[1], Failure)
    assert "SIGKILL, as where memory is short" in found[1].reason
    assert all(isinstance(found[n], tuple) for n in (0, 2, 3))


def test_a_setting_that_is_wrong_fails_its_task_alone() -> None:
    found = ends(ran(2, "wrong", "a"))
    assert found[0] == Failure("a setting is wrong", usage=True)
    assert isinstance(found[1], tuple)


def test_what_wants_the_whole_memory_has_it_after_the_others() -> None:
    """Catches: a claim refused for a memory that it would have had alone."""
    told = ran(2, "large", "a", "b", "large")
    found = ends(told)
    assert [sharing for _, sharing in (found[n] for n in range(4))] == [1, 2, 2, 1]
    order = [number for number, kind, _ in told if kind == "end"]
    assert set(order[2:]) == {0, 3}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_stop_lets_all_processes_save(tmp_path: Path) -> None:
    """Catches: work lost at Ctrl-C in a process that never heard of it; processes left behind."""
    processes = []

    def tell(number: int, kind: str, content: Any) -> None:
        if kind == "say":
            processes.append(int(content))
        if len(processes) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SideBySide(2, tell, serve=fake_workers.serve_long).run(tasks("a", "b", "c", out=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert not any(map(is_running, processes))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_second_stop_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a terminal held by a process that does not stop."""
    processes = []

    def tell(number: int, kind: str, content: Any) -> None:
        if kind == "say":
            processes.append(int(content))
            raise KeyboardInterrupt

    def asked() -> None:
        if processes:
            raise KeyboardInterrupt

    monkeypatch.setattr(side_by_side.system, "stop_if_asked", asked)
    with pytest.raises(KeyboardInterrupt):
        SideBySide(1, tell, serve=fake_workers.serve_deaf).run(tasks("a"))
    deadline = time.monotonic() + 60
    while is_running(processes[0]) and time.monotonic() < deadline:
        os.waitpid(processes[0], os.WNOHANG)
        time.sleep(0.01)
    assert not is_running(processes[0])


_PARENT = """
import sys
from pathlib import Path
import fake_workers
from soret.claims.side_by_side import SideBySide
from soret.claims.worker import Task

def tell(number, kind, content):
    if kind == "say":
        print(content, flush=True)

task = Task("a", ("a",), "quick", out=Path(sys.argv[1]))
SideBySide(1, tell, serve=fake_workers.serve_long).run([task])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_processes_whose_head_is_killed_save_and_end(tmp_path: Path, at_last_killed: Any) -> None:
    """Catches: processes that nobody waits for, computing on for hours in a locked folder."""
    saved = tmp_path / "saved"
    paths = [str(Path(fake_workers.__file__).parent), *sys.path]
    head = at_last_killed(
        subprocess.Popen(
            [sys.executable, "-c", _PARENT, str(saved)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    with head.stdout:
        process = int(head.stdout.readline())
    head.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert saved.exists()
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(process)


def test_one_task_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: imports paid twice, and bars in a process without a terminal, for a single claim."""
    told: TOLD = []
    monkeypatch.setattr(side_by_side, "attempt", lambda task, tell: task.id)
    run_tasks(tasks("a"), None, lambda *one: told.append(one), False)
    assert told == [(0, "begin", 0), (0, "end", "a")]


def test_an_accelerator_is_held_by_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: every process taking three quarters of the same card's memory."""
    import jax

    class Card:
        platform = "gpu"

    told: TOLD = []
    monkeypatch.setattr(jax, "local_devices", lambda: [Card()])
    monkeypatch.setattr(side_by_side, "attempt", lambda task, tell: os.getpid())
    with pytest.raises(SettingsError, match="held by one process"):
        run_tasks(tasks("a", "b"), 2, lambda *one: told.append(one), False)
    run_tasks(tasks("a", "b"), None, lambda *one: told.append(one), False)
    assert ends(told) == {0: os.getpid(), 1: os.getpid()}
