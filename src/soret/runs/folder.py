"""A run's folder: `run.json`, `data.zarr`, `manifest.json`; of a claim `verdict.json`, `figures/`.

While it is being computed a run has `run.json` in state "running" and finished or half-finished
blocks under `checkpoints/`. It is complete when `run.json` says so and `data.zarr` has the
digest written there; until then it can be resumed and cannot be loaded.

Whatever counts is on disk before the rename that makes it count, so that neither a kill nor a
power cut leaves a state that the same call does not go on from. One process at a time works in a
folder; reading takes no lock.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from soret.errors import RunError
from soret.runs import (
    checkpoints,
    durable,
    files,
    found,
    manifest,
    numbers,
    refusals,
    schema,
    store,
)
from soret.runs.aside import Aside, is_aside
from soret.runs.checkpoints import Checkpoints
from soret.runs.found import FORMAT, OLD_FORMAT, State
from soret.runs.lock import FolderLock
from soret.runs.paths import resolve
from soret.runs.provenance import now, provenance
from soret.runs.store import Data

__all__ = ["FORMAT", "OLD_FORMAT", "RunFolder", "load", "runs_in"]

log = logging.getLogger("soret")


class RunFolder:
    """One run on disk.

    As a context manager it gives the folder's lock back at the end, however the end comes.

    Parameters
    ----------
    path : path
        The folder; made by `begin`. It is resolved here, once: see `soret.runs.paths.resolve`.

    Raises
    ------
    SettingsError
        If it is no path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = resolve(path)
        self._lock = FolderLock(self.path)
        self._aside = Aside(self.path)
        self._entered = False
        self._checkpoints: Checkpoints | None = None

    def __enter__(self) -> Self:
        self._entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered = False
        self._lock.give_back()

    @property
    def record_path(self) -> Path:
        """Where settings and provenance are."""
        return self.path / "run.json"

    @property
    def data_path(self) -> Path:
        """Where the data is."""
        return self.path / "data.zarr"

    @property
    def figures(self) -> Path:
        """Where figures are."""
        return self.path / "figures"

    def begin(self, description: Mapping[str, Any]) -> bool:
        """Claim the folder for a run, or take up the run that is there.

        A run that was finished and is damaged is set aside, which is said, and begun anew. Unless
        the run is complete the folder is locked from here on: until `finish`, or until the end of
        the context if this is one.

        Parameters
        ----------
        description : mapping
            Everything that decides the run's numbers, as plain JSON data.

        Returns
        -------
        bool
            Whether the run is complete already.

        Raises
        ------
        RunError
            If the folder holds another run, or something that is no run, or another process works
            in it.
        SettingsError
            If no run can be written there.
        """
        wanted = files.finite(numbers.described(description))
        with refusals.claiming(self.path):
            seen = found.look(self.path, wanted)
            if seen.state is State.COMPLETE:
                self._tidy_if_idle()
                return True
            durable.make_folder(self.path)
            self._lock.take()
            try:
                return self._begun(wanted)
            except BaseException:
                self._lock.give_back()
                raise

    def check(self) -> None:
        """Make sure, before something is written, that the run is there and locked still.

        Raises
        ------
        RunError
            If its folder was moved or removed, or another process took it over.
        """
        # Before the lock, which would be made anew, and the folder with it.
        if self.path.is_dir() and not os.path.lexists(self.record_path):
            raise RunError(
                f"{self.record_path} was removed while the run was being made; run the same "
                "command again."
            )
        if not self.path.is_dir():
            raise RunError(
                f"the folder {self.path} was moved or removed while the run was being made; put it "
                "back and run the same command again, or run it with the folder where it is now."
            )
        self._lock.check()

    def lock(self) -> None:
        """Keep other processes from working in the folder, as `begin` does for a run to be made.

        Raises
        ------
        RunError
            If another process works there.
        SettingsError
            If the folder cannot be written.
        """
        with refusals.claiming(self.path):
            self._lock.take()

    def _begun(self, wanted: Mapping[str, Any]) -> bool:
        # Somebody else may have worked here until a moment ago.
        seen = found.look(self.path, wanted)
        files.clear_left_over(self.path)
        if seen.state is State.UNSEALED:
            self.seal()
        if seen.state in (State.UNSEALED, State.COMPLETE):
            self._tidy()
            if not self._entered:
                self._lock.give_back()
            return True
        found.refuse_linked_experiments(self.path)
        made_of_it = [self.path / "verdict.json", self.figures]
        if seen.state is State.DAMAGED:
            # Of what no record vouches for, checkpoints may be anybody's.
            vouched = os.path.lexists(self.record_path)
            orphans = [] if vouched else [self.path / checkpoints.FOLDER]
            # The record is replaced in one go below: there is no moment without one. Where there
            # was none, the manifest goes last: it tells that the rest is a run's.
            self._aside.put(
                [*orphans, self.data_path, *made_of_it, self.path / manifest.NAME],
                f"{seen.why}; the run is computed anew",
                copy=[self.record_path],
            )
        elif any(map(os.path.lexists, made_of_it)):
            self._aside.put(made_of_it, f"{self.path} is unfinished and cannot have a verdict yet")
        if seen.state is not State.RUNNING:
            files.write_json(
                self.record_path,
                {
                    "format": FORMAT,
                    "state": "running",
                    "description": wanted,
                    "started": now(),
                    **provenance(),
                },
            )
        self._checkpoints = Checkpoints(self.path, found.identity(wanted), self._aside)
        return False

    def record(self) -> dict[str, Any]:
        """Return what `run.json` says.

        Raises
        ------
        RunError
            If there is no run here, or it is damaged or of another format.
        """
        return schema.read_record(self.record_path)

    def finish(self, data: Data, **also: Any) -> None:
        """Write the data, seal the run, mark it complete, and clear its checkpoints.

        Raises
        ------
        RunError
            If it cannot be written; the same call goes on from there.
        """
        with refusals.writing(self.path):
            self.check()
            record = self.record()
            record |= {"data_sha256": store.write(data, self.data_path)}
            record |= {"state": "complete", "finished": now(), **also}
            content = files.json_bytes(record)
            # The manifest first: once the record says complete, all of it can be verified.
            manifest.write(self.path, content)
            files.write_bytes(self.record_path, content)
        self._tidy()
        if not self._entered:
            self._lock.give_back()

    def seal(self) -> None:
        """Write down what the folder holds, once everything is in it: verdict and figures too.

        Raises
        ------
        RunError
            If a link, or anything else that Soret does not write, is among the run's files; if
            the folder cannot be written.
        """
        with refusals.writing(self.path):
            self.check()
            manifest.write(self.path)

    @contextmanager
    def drawing(self) -> Iterator[Path]:
        """Yield a folder for figures, which takes the place of `figures` once all are drawn.

        Raises
        ------
        RunError
            If they cannot be written; the figures of before are still there then.
        """
        new = files.beside(self.figures)
        with refusals.writing(self.figures):
            self.check()
            durable.make_usable_folder(new)
            try:
                yield new
                self.check()
                files.replace_folder(new, self.figures)
            except BaseException:
                files.remove(new)
                raise

    def write_verdict(self, verdict: Mapping[str, Any]) -> None:
        """Write what came of testing a claim, and seal the run.

        Raises
        ------
        RunError
            If it cannot be written, or another process took the folder over.
        """
        path = self.path / "verdict.json"
        with refusals.writing(path):
            self.check()
            files.write_json(path, verdict)
        self.seal()

    def load(self) -> Data:
        """Return the data of a complete run.

        Raises
        ------
        RunError
            If the run is missing, unfinished or damaged.
        """
        record = self.record()
        if record.get("state") != "complete":
            raise RunError(
                numbers.begun_by_another(self.path, record)
                or f"the run in {self.path} is unfinished; run it again with the same settings to "
                "resume it."
            )
        if manifest.is_there(self.path):
            manifest.verify_files(self.path, "run.json")  # which has the digest of the data
        return store.read(self.data_path, record.get("data_sha256"))

    def write_checkpoint(
        self,
        block: str,
        arrays: Mapping[str, np.ndarray],
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Save a block's state, in place of an older one.

        Parameters
        ----------
        block : str
            Its name: ``block-`` and hexadecimal digits of what it is a result of, or ``loop``.
        arrays : mapping
            Its state.
        about : mapping, optional
            What the block computes, beside what the run's description says: it is taken up again
            only for the same.

        Raises
        ------
        RunError
            If it cannot be written, or another process took the folder over.
        """
        with refusals.writing(self.path):
            self.check()
            self._begun_checkpoints().write(block, arrays, about)

    def read_checkpoint(
        self, block: str, about: Mapping[str, Any] | None = None
    ) -> dict[str, np.ndarray] | None:
        """Return a block's state, or None if none was saved.

        One that is damaged, or was saved by another run or for another block, is set aside, which
        is said, and counts as none.
        """
        return self._begun_checkpoints().read(block, about)

    def _begun_checkpoints(self) -> Checkpoints:
        if self._checkpoints is None:
            raise RunError(f"nothing was begun in {self.path}.")
        return self._checkpoints

    def _tidy(self) -> None:
        """Remove what a finished run needs no more. What cannot be removed does no harm."""
        try:
            checkpoints.clear(self.path)
            files.clear_left_over(self.path)
        except (OSError, RunError) as error:
            log.warning("%s is finished, but could not be tidied up (%s)", self.path, error)

    def _tidy_if_idle(self) -> None:
        """Tidy up after a process that was killed once all was done, unless one works there."""
        if not found.is_untidy(self.path):
            return
        try:
            self._lock.take(patient=False)
        except (OSError, RunError) as error:  # it is read-only, or tidied up by whoever is there
            log.info("%s is not tidied up (%s)", self.path, error)
            return
        try:
            self._tidy()
        finally:
            self._lock.give_back()


def load(path: str | os.PathLike[str]) -> Data:
    """Return the data of a saved run: a Dataset, or a DataTree where a claim has several.

    Parameters
    ----------
    path : path
        The run's folder.

    Raises
    ------
    RunError
        If the run is missing, unfinished or damaged.
    """
    return RunFolder(path).load()


def runs_in(path: Path) -> list[Path]:
    """Return the runs at a path: the folder itself, or the folders in it that are runs.

    A folder that holds a part of a run counts, so that whoever reads it says what is missing.

    Raises
    ------
    RunError
        If there is none, or the folder cannot be read.
    """
    if _has(path, "run.json"):
        return [path]
    try:
        inside = sorted(path.iterdir()) if path.is_dir() else []
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).") from error
    parts = ("run.json", "data.zarr", manifest.NAME)
    runs = [place for place in inside if _has(place, *parts) and not is_aside(place.name)]
    if not runs and _has(path, *parts):
        runs = [path]
    if not runs:
        raise RunError(f"{path} holds no saved run.")
    return runs


def _has(folder: Path, *names: str) -> bool:
    return any(os.path.lexists(folder / name) for name in names)
