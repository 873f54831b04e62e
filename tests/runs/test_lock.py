"""The lock of a run's folder: one process at a time, and never one that is gone."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import soret
from soret.errors import RunError
from soret.report import state
from soret.runs import RunFolder, lock

HOLD = """
import sys, time
from pathlib import Path
from soret.runs.lock import FolderLock
held = FolderLock(Path(sys.argv[1]))
held.take()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return another process, which holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def elsewhere(place: Path, pid: int = 12) -> Path:
    """Let a process of another machine hold the lock of a folder; return its file."""
    held = lock.FolderLock(place)
    held.take()
    path = place / lock.NAME
    lines = path.read_text().splitlines()
    changed = [f"host=node-7\npid={pid}" if each.startswith("host=") else each for each in lines]
    held.give_back()
    path.write_text("\n".join(each for each in changed if "start=" not in each) + "\n")
    return path


def test_a_living_process_is_named(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """Catches: two processes in one folder; a refusal that does not say who, where, since when."""
    began = time.monotonic()
    with pytest.raises(RunError, match=rf"process {other.pid} on \S+ works there since \d{{4}}-"):
        RunFolder(tmp_path).begin({})
    assert time.monotonic() - began < 5
    assert [path.name for path in tmp_path.iterdir()] == [lock.NAME]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_killed_process_holds_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """Catches: a lock that somebody has to remove by hand after kill -9."""
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / lock.NAME).exists()
    with RunFolder(tmp_path) as folder:
        assert folder.begin({}) is False
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_stopped_process_is_not_dead(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """Catches: a run that is taken from a process that was suspended (Ctrl-Z, a laptop closed)."""
    other.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(RunError, match=f"process {other.pid} "):
            lock.FolderLock(tmp_path).take()
    finally:
        other.send_signal(signal.SIGCONT)


def test_another_machine_that_gives_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a process number of another machine looked up on this one."""
    monkeypatch.setattr(lock, "_LOOK_EVERY", 0.05)
    path = elsewhere(tmp_path, os.getpid())
    beats = threading.Timer(0.3, lambda: os.utime(path))
    beats.start()
    with pytest.raises(RunError, match=r"process \d+ on node-7 .* last heard of at 20"):
        lock.FolderLock(tmp_path).take()
    beats.join()


def test_another_machine_that_has_fallen_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Catches: a lock that stays for ever because its machine went down."""
    monkeypatch.setattr(lock, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(lock, "_TOUCHED_EVERY", 0.1)
    monkeypatch.setattr(lock, "SILENT_SECONDS", 0.5)
    elsewhere(tmp_path)
    held = lock.FolderLock(tmp_path)
    held.take()
    held.check()
    held.give_back()
    assert "locked by process 12 on node-7; waiting" in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "filelock/2\npid="])
def test_a_lock_that_was_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """Catches: an empty file, from a power cut, that locks a folder for ever."""
    monkeypatch.setattr(lock, "_EMPTY_SECONDS", 0.2)
    (tmp_path / lock.NAME).write_text(content)
    held = lock.FolderLock(tmp_path)
    held.take()
    held.give_back()
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_taken_over_writes_nothing(tmp_path: Path, data: xr.Dataset) -> None:
    """Catches: a process that was long suspended, and overwrites what another made meanwhile."""
    with RunFolder(tmp_path) as folder:
        folder.begin({})
        path = tmp_path / lock.NAME
        text = path.read_text().replace(f"pid={os.getpid()}", "pid=1").replace("token=", "token=0")
        path.unlink()
        path.write_text("\n".join(t for t in text.splitlines() if "start=" not in t) + "\n")
        for write in (
            lambda: folder.write_checkpoint("block-00000", {"done": np.zeros(1)}),
            lambda: folder.finish(data),
            folder.seal,
        ):
            with pytest.raises(RunError, match=r"was silent .* is in use: process 1 "):
                write()
    assert sorted(found.name for found in tmp_path.iterdir()) == [lock.NAME, "run.json"]


class TestCopies:
    """A folder that was copied while a process worked in it: its lock is the original's."""

    @pytest.fixture
    def original(self, tmp_path: Path) -> Iterator[RunFolder]:
        with RunFolder(tmp_path / "run") as folder:
            folder.begin({"seed": 0})
            folder.write_checkpoint("block-00000", {"done": np.asarray(1)})
            yield folder

    def test_a_copy_can_be_gone_on_with(
        self, original: RunFolder, data: xr.Dataset, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Catches: a copy that is refused as in use for as long as the original runs."""
        place = original.path.with_name("copy of the rün")
        shutil.copytree(original.path, place)
        assert not state.in_use(place)
        with RunFolder(place) as copy:
            assert not copy.begin({"seed": 0})
            assert f"{place} is a copy of {original.path}" in caplog.text
            assert copy.read_checkpoint("block-00000") is not None
            assert state.in_use(place)
            copy.finish(data)
        assert soret.load(place).identical(data)
        original.check()
        with pytest.raises(RunError, match="in use"):
            RunFolder(original.path).begin({"seed": 0})

    def test_a_copy_of_a_killed_one(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            place = tmp_path.with_name(f"{tmp_path.name}-copy")
            shutil.copytree(tmp_path, place)
            for _ in range(2):
                held = lock.FolderLock(place)
                held.take()
                held.give_back()
                process.kill()
                process.wait()

    @pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be moved")
    def test_a_moved_folder_is_the_original(self, original: RunFolder) -> None:
        """Catches: two processes in one folder, of which one goes by its older name."""
        place = original.path.with_name("moved")
        original.path.rename(place)
        assert state.in_use(place)
        with pytest.raises(RunError, match="in use"):
            RunFolder(place).begin({"seed": 0})
        place.rename(original.path)
        original.check()

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
    def test_a_link_to_a_folder_is_the_original(self, original: RunFolder) -> None:
        place = original.path.with_name("link")
        place.symlink_to(original.path)
        assert lock.copied_from(place) is None
        with pytest.raises(RunError, match="in use"):
            lock.FolderLock(place).take()

    @pytest.mark.parametrize("changed", ["host=node-7", "folder=", "inode=1", "nothing"], ids=str)
    def test_where_nothing_can_be_concluded(self, original: RunFolder, changed: str) -> None:
        """Catches: a lock taken from a living process by what says too little."""
        place = original.path
        path = place / lock.NAME
        lines = path.read_text().splitlines()
        if changed == "host=node-7":  # a copy from another machine, which is watched for a minute
            place = place.with_name("copy")
            shutil.copytree(original.path, place)
            path = place / lock.NAME
            lines = [changed if line.startswith("host=") else line for line in lines]
        elif changed == "folder=":
            lines = [line for line in lines if not line.startswith(changed)]
        elif changed == "inode=1":  # a file system whose numbers change
            lines = [changed if line.startswith("inode=") else line for line in lines]
        path.write_text("\n".join(lines) + "\n")
        assert lock.copied_from(place) is None

    def test_a_long_path(self, tmp_path: Path) -> None:
        """Catches: a lock that is too long to be read as one."""
        folder = tmp_path.joinpath(*["ü" * 60] * 12)
        folder.mkdir(parents=True)
        held = lock.FolderLock(folder)
        held.take()
        held.check()
        with pytest.raises(RunError, match="in use"):
            lock.FolderLock(folder).take()
        held.give_back()


class TestThreads:
    def test_two_calls_in_one_process(self, tmp_path: Path) -> None:
        """Catches: a lock that only other processes respect."""
        with RunFolder(tmp_path) as folder:
            folder.begin({})
            with pytest.raises(RunError, match="another call in this process works there"):
                RunFolder(tmp_path).begin({})
        with RunFolder(tmp_path) as folder:
            folder.begin({})

    def test_simulate_in_threads(self, tmp_path: Path) -> None:
        """Catches: blocks of two calls mixed in one folder."""
        problem = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, 2.0])
        refused: list[str] = []
        made: list[xr.Dataset] = []

        def simulate() -> None:
            try:
                made.append(
                    soret.simulate(
                        problem,
                        soret.SGD([0.1, 0.05]),
                        observe=soret.observables.parameter_norm,
                        steps=40,
                        replicas=4,
                        out=tmp_path / "run",
                    )
                )
            except RunError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=simulate) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) + len(refused) == 3
        assert all("in use" in said for said in refused)
        for each in made:
            xr.testing.assert_identical(each, soret.load(tmp_path / "run"))


class TestGivenBack:
    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
    def test_at_an_exception(self, tmp_path: Path, error: type[BaseException]) -> None:
        """Catches: a lock left at Ctrl-C, or while a notebook keeps the traceback."""

        def stopped() -> None:
            with RunFolder(tmp_path) as folder:
                folder.begin({})
                raise error

        with pytest.raises(error) as kept:
            stopped()
        assert not (tmp_path / lock.NAME).exists()
        assert kept.value.__traceback__ is not None

    def test_at_the_end(self, tmp_path: Path, data: xr.Dataset) -> None:
        """Catches: a finished run that cannot be judged by the next process."""
        folder = RunFolder(tmp_path)
        folder.begin({})
        folder.finish(data)
        assert not (tmp_path / lock.NAME).exists()

    @pytest.mark.parametrize(
        "use",
        [
            lambda place: soret.load(place),
            lambda place: RunFolder(place).begin({}),
            lambda place: RunFolder(place).record(),
        ],
    )
    def test_a_finished_run_is_read_without_a_lock(
        self, tmp_path: Path, data: xr.Dataset, use: Callable[[Path], object]
    ) -> None:
        """Catches: a run on a read-only disk that cannot be loaded."""
        folder = RunFolder(tmp_path)
        folder.begin({})
        folder.finish(data)
        held = lock.FolderLock(tmp_path)
        held.take()
        use(tmp_path)
        held.give_back()
