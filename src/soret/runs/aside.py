"""Setting aside what cannot be used: renamed within the run's folder, said, never deleted."""

import logging
import os
import re
import shutil
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

from soret.runs import durable

log = logging.getLogger("soret")

_NAME = re.compile(r"damaged-\d+")


class Aside:
    """Where one run's damaged files go: `damaged-1` in its folder, or the next that is free.

    Parameters
    ----------
    folder : Path
        The run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._there: Path | None = None
        self._guard = threading.Lock()

    def put(self, paths: Sequence[Path], why: str, copy: Sequence[Path] = ()) -> None:
        """Move files and folders aside, and say why.

        Parameters
        ----------
        paths : sequence of Path
            What is moved, if it is there.
        why : str
            What is wrong, and what follows; a sentence without its full stop.
        copy : sequence of Path
            Files that are copied, because they are replaced in one go a moment later.
        """
        with self._guard:
            there = self._place([path.name for path in (*paths, *copy)])
            for path in copy:
                if os.path.lexists(path) and stat.S_ISREG(os.lstat(path).st_mode):
                    shutil.copyfile(path, there / path.name)
            for path in paths:
                if os.path.lexists(path):
                    os.replace(path, there / path.name)
            durable.sync_folder(self._folder)
        log.warning("%s; what was there is kept in %s", why, there)

    def _place(self, names: Sequence[str]) -> Path:
        """Return the folder that this process has set things aside in, or a new one."""
        there, number = self._there, 1
        if there is not None and not any(os.path.lexists(there / name) for name in names):
            return there
        while True:
            there = self._folder / f"damaged-{number}"
            try:
                durable.make_usable_folder(there)
            except FileExistsError:
                number += 1
            else:
                self._there = there
                return there


def is_aside(name: str) -> bool:
    """Return whether a name is that of a folder made here."""
    return _NAME.fullmatch(name) is not None
