"""Checkpoints: the state of a block on disk, which says whose it is.

Each holds a digest of the run's description and of the block's own: its number, and what it
computes. One that is damaged, or belongs to another run or block, is set aside and not used.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from soret.runs import durable, files, lock, pace
from soret.runs.aside import Aside
from soret.runs.damaged import DamagedError

FOLDER = "checkpoints"

_IDENTITY = "identity"
_BLOCK = re.compile(r"(block-[0-9a-f]{5,64}|loop)\.npz")
# A finished block that was not synced for so long is: nobody loses more than `SAVE_SECONDS`.
_SYNC_SHARE = 0.5


class Checkpoints:
    """The checkpoints of one run.

    Parameters
    ----------
    folder : Path
        The run's folder.
    description : mapping
        The run's, which decides its numbers.
    aside : Aside
        Where what cannot be used goes.
    """

    def __init__(self, folder: Path, description: Mapping[str, Any], aside: Aside) -> None:
        self._folder = folder / FOLDER
        self._run = digest(description)
        self._aside = aside
        self._guard = threading.Lock()
        self._unsynced: set[Path] = set()
        self._synced = time.monotonic()

    def write(
        self, block: str, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any] | None
    ) -> None:
        """Save a block's state, in place of an older one."""
        path = self._path(block)
        if not self._folder.is_dir():
            # Never the folder that it is in: that was moved or removed if it is not there.
            with contextlib.suppress(FileExistsError):  # another block made it
                durable.make_usable_folder(self._folder)
            durable.sync_folder(self._folder.parent)
        new = not os.path.lexists(path)
        identity = np.frombuffer(bytes.fromhex(self._identity(block, about)), np.uint8)
        files.write_arrays(path, {**arrays, _IDENTITY: identity})
        with self._guard:
            self._unsynced |= {path} if new else set()
            if time.monotonic() - self._synced < _SYNC_SHARE * pace.SAVE_SECONDS:
                return
            waiting, self._unsynced = self._unsynced, set()
            durable.sync_files(sorted(waiting))
            durable.sync_folder(self._folder)
            self._synced = time.monotonic()

    def read(self, block: str, about: Mapping[str, Any] | None) -> dict[str, np.ndarray] | None:
        """Return a block's state, or None if none can be used."""
        path = self._path(block)
        if not os.path.lexists(path):
            return None
        try:
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode) and not found.st_size:
                return None  # the power was cut before it was on the disk: nothing to keep
            if not stat.S_ISREG(found.st_mode):
                raise DamagedError(f"{path} is no regular file; that block is computed anew.")
            arrays = files.read_arrays(path)
        except DamagedError as error:
            self._aside.put([path], str(error).rstrip("."))
            return None
        identity = arrays.pop(_IDENTITY, np.zeros(0, np.uint8))
        if identity.tobytes().hex() != self._identity(block, about):
            self._aside.put(
                [path], f"{path} belongs to another run or another block; this one is computed anew"
            )
            return None
        return arrays

    def _path(self, block: str) -> Path:
        return self._folder / f"{block}.npz"

    def _identity(self, block: str, about: Mapping[str, Any] | None) -> str:
        return digest({"run": self._run, "block": block, "about": about or {}})


def only_blocks(folder: Path) -> bool:
    """Whether a run's folder holds blocks under `checkpoints`, and nothing else is there."""
    place = folder / FOLDER
    if not _is_folder(place):
        return False
    return all(
        stat.S_ISREG(os.lstat(path).st_mode)
        and (_BLOCK.fullmatch(path.name) or files.is_left_over(path.name))
        for path in place.iterdir()
    )


def digest(description: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain data, in hexadecimal."""
    text = json.dumps(files.finite(description), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def clear(folder: Path) -> None:
    """Remove the checkpoints of a finished run, and its experiments', but nothing of others.

    Raises
    ------
    RunError
        If a link stands where they should be.
    """
    place = folder / FOLDER
    if not os.path.lexists(place):
        return
    if _is_folder(place):
        for path in sorted(place.iterdir()):
            if _BLOCK.fullmatch(path.name):
                files.remove(path)
            elif _is_folder(path):
                _clear_experiment(path)
        files.clear_left_over(place)
        if any(place.iterdir()):  # not ours
            return
    files.remove(place)


def _clear_experiment(folder: Path) -> None:
    """Remove an experiment's run; its record last, since that tells that it is one."""
    if _is_run(folder):
        clear(folder)
        lock.clear_abandoned(folder)
        files.clear_left_over(folder)
        for name in ("data.zarr", "manifest.json", "run.json"):
            files.remove(folder / name)
    if not any(folder.iterdir()):
        folder.rmdir()


def _is_run(folder: Path) -> bool:
    record = folder / "run.json"
    if not os.path.lexists(record) or not stat.S_ISREG(os.lstat(record).st_mode):
        return False
    try:
        return str(files.read_json(record).get("format")).startswith("soret-run/")
    except DamagedError:
        return False


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)
