"""How far a saved run is, and what to do where it is not done."""

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soret.runs import lock, numbers, schema

NOT_JUDGED = "not judged yet"

OLD = (
    "This run is of an earlier format, in which verdict and figures have no digests: nothing tells "
    "whether they were changed."
)


def in_use(path: Path) -> bool:
    """Whether a process works in a run's folder: its lock was touched within the last minute."""
    try:
        about = os.lstat(path / lock.NAME)
    except OSError:
        return False
    return stat.S_ISREG(about.st_mode) and abs(time.time() - about.st_mtime) < lock.SILENT_SECONDS


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


def cautions(record: Mapping[str, Any]) -> list[str]:
    """Return what a reader should know of a run that an earlier version made."""
    return [*([OLD] if is_old(record) else []), *filter(None, [numbers.note(record)])]


def is_old(record: Mapping[str, Any]) -> bool:
    """Whether a run is of the format before the present one."""
    return record.get("format") == schema.FORMATS[0]
