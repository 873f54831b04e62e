"""The manifest of a run: every file that Soret wrote there, with its size and SHA-256.

`manifest.json` is written last. What it does not list is not the run's: files of somebody else
beside the run are left alone, files among the run's own (in `data.zarr` or `figures`) are refused.
Links are never followed and only regular files are opened.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from soret.errors import RunError
from soret.runs import files
from soret.runs.untrusted import DEEPEST

NAME = "manifest.json"
FORMAT = "soret-manifest/1"
# What a run consists of; whatever else is in its folder is not looked at.
OWN = ("run.json", "verdict.json", "data.zarr", "figures")

# The largest files are chunks of data, of some hundred megabytes. One with holes may be of any size
# and take no room on a disk, and would be read for hours.
MOST_BYTES = 4 * 2**30

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """What a file was when it was written: its size in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


def write(folder: Path, record: bytes | None = None) -> None:
    """Write down what is in a run's folder, durably, in place of an older manifest.

    Parameters
    ----------
    folder : Path
    record : bytes, optional
        What `run.json` will hold in a moment; default, what it holds.

    Raises
    ------
    RunError
        If the run holds a link or anything else that is no regular file.
    """
    found = entries(folder)
    if record is not None:
        found["run.json"] = Entry(len(record), hashlib.sha256(record).hexdigest())
    listed = {path: entry._asdict() for path, entry in found.items()}
    files.write_json(folder / NAME, {"format": FORMAT, "files": listed})


def is_there(folder: Path) -> bool:
    """Whether there is a manifest; runs of the first format have none."""
    return os.path.lexists(folder / NAME)


def read(folder: Path) -> dict[str, Entry]:
    """Return what the manifest lists, by path relative to the folder.

    Raises
    ------
    RunError
        If it is missing, damaged or of another format.
    """
    path = folder / NAME
    if not is_there(folder):
        raise RunError(
            f"{path} is missing: the run was stopped before it was sealed; run the same command "
            "again."
        )
    if not _is_regular(path):
        raise RunError(f"{path} is no regular file; the run cannot be trusted.")
    content = files.read_json(path)
    if content.get("format") != FORMAT:
        raise RunError(f"{path} has format {content.get('format')!r}; use {FORMAT}.")
    listed = content.get("files")
    if not isinstance(listed, dict):
        raise RunError(f"{path} is damaged (it lists no files).")
    return {name: _entry(path, name, found) for name, found in listed.items()}


def covers(folder: Path) -> bool:
    """Whether there is a manifest of Soret's that lists every file where a run's files are.

    Files that it lists may be missing or damaged.
    """
    try:
        listed = read(folder)
        return "run.json" in listed and all(
            name in listed and _is_regular(path) for name, path in own(folder)
        )
    except RunError:
        return False


def verify(folder: Path) -> None:
    """Verify that a run is what was written.

    Raises
    ------
    RunError
        Naming the first file that is damaged, missing, not listed, or no regular file.
    """
    for sentence in problems(folder).values():
        raise RunError(sentence)


def verify_files(folder: Path, *names: str) -> None:
    """Verify some of a run's files; one that is not there is as it should be if it is not listed.

    Raises
    ------
    RunError
        Naming the first file that is damaged, missing, not listed, or no regular file; or if there
        is no manifest to compare with.
    """
    listed = read(folder)
    for name in names:
        if os.path.lexists(folder / name):
            sentence = _problem(folder / name, listed.get(name))
        else:
            sentence = _missing(folder / name) if name in listed else None
        if sentence is not None:
            raise RunError(sentence)


def problems(folder: Path, among: Sequence[str] = OWN) -> dict[str, str]:
    """Return what is wrong with a run's files: a sentence by path relative to the folder.

    What the run says of itself comes first, then its data, then its figures.

    Parameters
    ----------
    folder : Path
    among : sequence of str
        Which of `OWN` to look at.

    Raises
    ------
    RunError
        If there is no manifest to compare with.
    """
    listed = {n: e for n, e in read(folder).items() if among == OWN or n.split("/")[0] in among}
    found: dict[str, str] = {}
    for name, path in own(folder, among):
        sentence = _problem(path, listed.pop(name, None))
        if sentence is not None:
            found[name] = sentence
    for name in listed:
        found[name] = _missing(folder / name)
    return dict(sorted(found.items(), key=lambda problem: _place(problem[0])))


def _problem(path: Path, listed: Entry | None) -> str | None:
    if not _is_regular(path):
        return f"{path} is no regular file (a link, perhaps); it is not read."
    if listed is None:
        return f"{path} is not in the run's manifest; remove it, or run the same command again."
    if os.lstat(path).st_size > MOST_BYTES:
        return f"{path} is larger than any file that Soret writes; it is not read."
    # By its size before its content: of a file with holes, a gigabyte takes no room on a disk.
    if os.lstat(path).st_size != listed.size or entry(path) != listed:
        return (
            f"{path} is damaged: its content is not what was written; run the same command again."
        )
    return None


def _missing(path: Path) -> str:
    return f"{path} is missing; run the same command again."


def entries(folder: Path) -> dict[str, Entry]:
    """Return the present sizes and digests of a run's files, by path relative to the folder.

    Raises
    ------
    RunError
        If the run holds a link or anything else that is no regular file.
    """
    found = {}
    for name, path in own(folder):
        if not _is_regular(path):
            raise RunError(f"{path} is no regular file (a link, perhaps); remove it.")
        found[name] = entry(path)
    return found


def entry(path: Path) -> Entry:
    """Return the present size and digest of a regular file.

    Raises
    ------
    RunError
        If it cannot be read, or is no regular file by the time it is opened.
    """
    try:
        with open(path, "rb", opener=_no_link) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RunError(f"{path} is no regular file; it is not read.")
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Entry(file.tell(), digest)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).") from error


def own(folder: Path, among: Sequence[str] = OWN) -> Iterator[tuple[str, Path]]:
    """Yield what belongs to a run, files and whatever is no folder: relative name and path.

    Folders that are links are yielded, not entered.
    """
    for name in among:
        path = folder / name
        if os.path.lexists(path):
            yield from _below(path, name)


def _below(path: Path, name: str) -> Iterator[tuple[str, Path]]:
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        yield name, path
        return
    if name.count("/") > DEEPEST:
        raise RunError(f"{path} is deeper than anything in a run that Soret writes.")
    try:
        inside = sorted(os.listdir(path))
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).") from error
    for child in inside:
        yield from _below(path / child, f"{name}/{child}")


def _place(name: str) -> tuple[int, PurePosixPath]:
    """Order paths as `OWN` is, whatever a damaged manifest lists last."""
    first = name.partition("/")[0]
    return (OWN.index(first) if first in OWN else len(OWN), PurePosixPath(name))


def _is_regular(path: Path) -> bool:
    return stat.S_ISREG(os.lstat(path).st_mode)


def _no_link(path: str, flags: int) -> int:
    # Not to be made to wait by a pipe that was put there between two looks, either.
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _entry(path: Path, name: str, found: object) -> Entry:
    size = found.get("size") if isinstance(found, dict) else None
    digest = found.get("sha256") if isinstance(found, dict) else None
    if type(size) is not int or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise RunError(f"{path} is damaged (its entry for {name!r} cannot be read).")
    return Entry(size, digest)
