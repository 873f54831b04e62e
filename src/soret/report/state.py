"""How far a saved run is, and what to do where it is not done."""

import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from soret.errors import RunError
from soret.runs import lock, manifest, numbers, schema

T = TypeVar("T")

NOT_JUDGED = "not judged yet"

OLD = (
    "This run is of an earlier format, in which verdict and figures have no digests: nothing tells "
    "whether they were changed."
)


def in_use(path: Path) -> bool:
    """Whether a process works in a run's folder: its lock was touched within the last minute.

    A lock that came with a copy of another folder is nobody's.
    """
    try:
        about = os.lstat(path / lock.NAME)
    except OSError:
        return False
    lately = abs(time.time() - about.st_mtime) < lock.SILENT_SECONDS
    return stat.S_ISREG(about.st_mode) and lately and lock.copied_from(path) is None


def unfinished(path: Path, record: Mapping[str, Any], command: str) -> str:
    """Say in a sentence how a run that is not complete comes to be complete.

    Parameters
    ----------
    path : Path
    record : mapping
        What `run.json` says.
    command : str
        What runs it again; "" where it was made in Python.
    """
    if in_use(path):
        return f"{path} is being computed now; watch it with --live, or wait for it."
    another = numbers.begun_by_another(path, record)
    if another is not None:
        return another
    again = f"with {command}" if command else "by the call that made it"
    return f"{path} is unfinished; run it again {again} to resume it, or watch it with --live."


def not_judged(path: Path, command: str) -> str:
    """Say in a sentence how a claim that was simulated comes to be judged."""
    if in_use(path):
        return "It is being judged now."
    return f"It was simulated and is {NOT_JUDGED}; run it again to judge it: {command}"


class UnfinishedError(RunError):
    """The run is not complete."""


def settled(path: Path, read: Callable[[Path], T]) -> T:
    """Read a run; accuse nobody of what a process that judges it just now is changing.

    While a finished run is judged again, its files are for a moment not those that the manifest
    lists; who is told that they are damaged would start a second process.

    Parameters
    ----------
    path : Path
    read : callable
        Told the path; it is called again if the run has been written a moment ago.

    Raises
    ------
    RunError
        What `read` raises, unless a process works there.
    """
    try:
        return _read(path, read)
    except UnfinishedError:
        raise
    except RunError:
        if in_use(path):
            raise being_judged(path) from None
        if not _just_written(path):
            raise
    return _read(path, read)  # by now, whoever worked there has ended


def being_judged(path: Path) -> RunError:
    """Return what is said of a run whose files are just being changed."""
    return RunError(f"{path} is being judged now, and cannot be read meanwhile; wait for it.")


def _read(path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except OSError as error:  # whoever works there moves its files
        raise RunError(f"{path} was changed while it was read ({error.strerror}).") from error


def _just_written(path: Path) -> bool:
    try:
        written = os.lstat(path / manifest.NAME).st_mtime
    except OSError:
        return False
    return abs(time.time() - written) < lock.SILENT_SECONDS


def cautions(record: Mapping[str, Any]) -> list[str]:
    """Return what a reader should know of a run that an earlier version made."""
    return [*([OLD] if is_old(record) else []), *filter(None, [numbers.note(record)])]


def is_old(record: Mapping[str, Any]) -> bool:
    """Whether a run is of the format before the present one."""
    return record.get("format") == schema.FORMATS[0]
