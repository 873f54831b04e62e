"""Work that is stopped at its n-th call that changes the file system.

A kill is played in this process: from the n-th call on nothing is changed any more, so that what
cleans up after an exception cannot, either. The lock that is left is given to a dead process.
"""

import builtins
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from soret.runs import RunFolder, folder, lock

NAMES = ("replace", "rename", "unlink", "mkdir", "rmdir", "fsync", "link")
DESCRIPTION = {"claim": "a/b", "seed": 3, "settings": {"steps": 10}}
DATA = xr.Dataset({"x": ("step", [1.0, 2.0, 3.0])})


class Killed(BaseException):
    """The process has ended: nothing catches this."""


@contextmanager
def stopped_at(
    monkeypatch: pytest.MonkeyPatch, number: int, below: Path, error: int | None = None
) -> Iterator[list[str]]:
    """Let the n-th call that changes something under a folder fail.

    Parameters
    ----------
    monkeypatch : MonkeyPatch
    number : int
        Which call, from 0; beyond the last one nothing happens.
    below : Path
        Calls elsewhere are let through.
    error : int, optional
        The system's error that this call fails with; default: a kill, of this call and all later.

    Yields
    ------
    list of str
        The calls, filled as they are made.
    """
    calls: list[str] = []

    def happens(name: str, target: object) -> None:
        calls.append(f"{name} {target}")
        if error is None and len(calls) > number:
            raise Killed
        if error is not None and len(calls) == number + 1:
            raise OSError(error, os.strerror(error), str(target))

    def is_there(target: object, more: dict[str, Any]) -> bool:
        if isinstance(target, int) or any(
            more.get(k) is not None for k in ("dir_fd", "src_dir_fd")
        ):
            return True
        return str(below) in os.fspath(target)  # type: ignore[call-overload]

    def changed(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(target: Any, *rest: Any, **more: Any) -> Any:
            if is_there(target, more):
                happens(name, target)
            return real(target, *rest, **more)

        return call

    real_open, real_io_open = os.open, io.open

    def os_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and is_there(path, more):
            happens("open", path)
        return real_open(path, flags, *rest, **more)

    def io_open(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if set(mode) & set("wxa+") and is_there(file, {}):
            happens("open", file)
        return real_io_open(file, mode, *rest, **more)

    with monkeypatch.context() as patch:
        for name in NAMES:
            patch.setattr(os, name, changed(name))
        patch.setattr(os, "open", os_open)
        patch.setattr(io, "open", io_open)
        patch.setattr(builtins, "open", io_open)
        yield calls


def _dead() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


DEAD = _dead()


def orphan_locks(place: Path) -> None:
    """Let the locks under a folder be those of a process that was killed."""
    for path in [*place.rglob(lock.NAME)]:
        lines = path.read_text().splitlines()
        changed = [f"pid={DEAD}" if line.startswith("pid=") else line for line in lines]
        path.unlink()  # the lease of the process that played dead knows its own file
        path.write_text("".join(f"{line}\n" for line in changed))


def work(path: Path) -> None:
    """Do what a claim with one experiment does to the disk."""
    with RunFolder(path) as outer:
        if not outer.begin(DESCRIPTION):
            with RunFolder(path / "checkpoints" / "a") as inner:
                if not inner.begin({"measurement": "a", "seed": 3}):
                    if inner.read_checkpoint("block-00000") is None:
                        inner.write_checkpoint("block-00000", {"done": DATA.x.values})
                    inner.finish(DATA)
                made = inner.load()
            outer.finish(xr.DataTree.from_dict({"a": made}), experiments=["a"])
        outer.lock()
        outer.load()
        with outer.drawing() as place:
            (place / "figure.png").write_bytes(b"picture")
        outer.write_verdict({"verdict": "supported"})


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run that was stopped say the same of itself as one that was not."""
    monkeypatch.setattr(folder, "now", lambda: "2026-01-01T00:00:00+00:00")


def contents(path: Path) -> dict[str, bytes]:
    """Return everything in a folder, by relative path."""
    return {
        found.relative_to(path).as_posix(): found.read_bytes() if found.is_file() else b"folder"
        for found in sorted(path.rglob("*"))
    }
