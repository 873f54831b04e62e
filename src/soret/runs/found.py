"""What is found where a run is to be: nothing yet, a run to go on with, a whole one or damage."""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple

from soret.errors import RunError
from soret.runs import aside, checkpoints, files, lock, manifest, numbers, schema, store
from soret.runs.damaged import DamagedError

# Runs of the old format have no manifest: they can be loaded, and are left as they are.
OLD_FORMAT, FORMAT = schema.FORMATS

_NAMES = {*manifest.OWN, manifest.NAME, checkpoints.FOLDER}


class State(Enum):
    """How far the run in a folder came."""

    NOTHING = auto()
    RUNNING = auto()
    COMPLETE = auto()
    UNSEALED = auto()
    """Complete, its data as they were written, without a manifest that can be read."""
    DAMAGED = auto()
    """Something that was finished is not what was written."""


class Found(NamedTuple):
    """What was found, and for a damaged run what is wrong with it."""

    state: State
    why: str = ""


def look(folder: Path, description: Mapping[str, Any]) -> Found:
    """Say what is in a folder, for somebody who wants to run what is described there.

    Raises
    ------
    RunError
        If it holds another run, a run of an older format, somebody's files, or links where a
        run's files should be.
    """
    if not os.path.lexists(folder):
        return Found(State.NOTHING)
    if not folder.is_dir():
        raise RunError(f"{folder} exists and is no run; choose another folder.")
    names = set(os.listdir(folder))
    strange = sorted(name for name in names if not _is_ours(folder, name))
    _refuse_links(folder)
    if "run.json" not in names:
        return _without_record(folder, names, strange)
    try:
        record = schema.read_record(folder / "run.json")
    except DamagedError as error:
        if strange:
            raise RunError(
                f"{error} {folder} also holds {strange[0]!r}, which Soret did not write: choose "
                "another folder, or move that file."
            ) from error
        return _damaged(error)
    _refuse_another(folder, record, description)
    if record.get("state") != "complete":
        return Found(State.RUNNING)
    return _finished(folder, record)


def _without_record(folder: Path, names: Collection[str], strange: Sequence[str]) -> Found:
    """Say what is in a folder without `run.json`: copied in part, or that file was removed."""
    ours = set(names) & _NAMES
    if not (ours or strange):
        return Found(State.NOTHING)
    if manifest.covers(folder):
        said = f"{folder / 'run.json'} is missing"
        if strange:
            raise RunError(
                f"{said}. {folder} also holds {strange[0]!r}, which Soret did not write: choose "
                "another folder, or move that file."
            )
        return _damaged(said)
    if ours == {checkpoints.FOLDER} and not strange and checkpoints.only_blocks(folder):
        return _damaged(f"{folder} holds checkpoints without a run")
    if "data.zarr" in ours and manifest.NAME not in ours and not strange:
        raise RunError(
            f"{folder} holds data.zarr without the run.json and manifest.json that say what the "
            "data are, as where a run was copied in part; copy those there too, or choose another "
            "folder."
        )
    raise RunError(f"{folder} exists and is no run; choose another folder.")


def is_untidy(folder: Path) -> bool:
    """Return whether a finished run still has what is there only while it is being made."""
    return any(
        name == checkpoints.FOLDER or files.is_left_over(name) or lock.is_lock(name)
        for name in os.listdir(folder)
    )


def _finished(folder: Path, record: Mapping[str, Any]) -> Found:
    try:
        wrong = manifest.problems(folder)
    except RunError:
        try:
            store.check(folder / "data.zarr", record.get("data_sha256"))
        except RunError as error:
            return _damaged(error)
        return Found(State.UNSEALED)
    # Verdict and figures are made from the rest, again if need be.
    core = [said for name, said in wrong.items() if name.startswith(("run.json", "data.zarr"))]
    return _damaged(core[0]) if core else Found(State.COMPLETE)


def _damaged(said: object) -> Found:
    # Without its advice: what it advises is done.
    return Found(State.DAMAGED, str(said).partition("; ")[0].rstrip("."))


def _refuse_another(
    folder: Path, record: Mapping[str, Any], description: Mapping[str, Any]
) -> None:
    numbers.refuse_other(folder, record)
    numbers.refuse_old_ensemble(folder, record)
    if record.get("format") == OLD_FORMAT and record.get("state") != "complete":
        raise RunError(str(numbers.begun_by_another(folder, record)))
    if record.get("format") == OLD_FORMAT:
        raise RunError(
            f"{folder} holds a run of an earlier version of Soret; it can be loaded, but not gone "
            "on with: choose another folder."
        )
    here = record.get("description")
    if identity(here) != identity(description):
        raise RunError(
            f"{folder} holds another run ({_difference(here, description)}); choose another "
            "folder, or delete this one."
        )


def refuse_linked_experiments(folder: Path) -> None:
    """Refuse an unfinished run with a link where an experiment is or will be.

    A block's file that is a link is no matter: it is set aside.

    Raises
    ------
    RunError
        If there is one.
    """
    place = folder / checkpoints.FOLDER
    if not os.path.lexists(place):
        return
    if not place.is_dir():
        raise RunError(f"{place} is no folder; remove it, or choose another folder.")
    _refuse_links(place, [n for n in os.listdir(place) if not n.endswith(".npz")])


def _refuse_links(folder: Path, names: Collection[str] = _NAMES) -> None:
    for name in sorted(names):
        path = folder / name
        if os.path.lexists(path) and stat.S_ISLNK(os.lstat(path).st_mode):
            raise RunError(
                f"{path} is a link, which Soret does not make or follow; remove it, or choose "
                "another folder."
            )


def _is_ours(folder: Path, name: str) -> bool:
    return (
        name in _NAMES
        or files.is_left_over(name)
        or lock.is_lock(name)
        or (aside.is_aside(name) and not (folder / name).is_symlink())
    )


def identity(description: Any) -> Any:
    """Return what two descriptions of one run share: all but digests and names of functions.

    They are there to be read. A comment added to a function does not make another run: the
    digest of the compiled program with its data says whether something did.
    """
    if isinstance(description, Mapping):
        kept = {k: v for k, v in description.items() if k not in ("sha256", "functions")}
        return {key: identity(value) for key, value in kept.items()}
    if isinstance(description, list):
        return [identity(value) for value in description]
    return description


def _difference(here: Any, wanted: Mapping[str, Any]) -> str:
    """Name the first few settings in which two descriptions differ."""
    if not isinstance(here, dict):
        return "its description cannot be read"
    here, wanted = _flat(identity(here)), _flat(identity(wanted))
    keys = [key for key in (*wanted, *here) if here.get(key) != wanted.get(key)]
    if not keys:
        return "it differs"
    # Names of things come before digests, which tell a person nothing.
    keys = sorted(dict.fromkeys(keys), key=lambda key: "program" in key)[:3]
    said = [
        "model, data or observables differ"
        if "program" in key
        else f"{key} is {here.get(key)} there, {wanted.get(key)} here"
        for key in keys
    ]
    return "; ".join(dict.fromkeys(said))


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
