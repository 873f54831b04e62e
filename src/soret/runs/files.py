"""Files that are either whole or not there: written beside, synced, then renamed into place."""

import hashlib
import io
import json
import os
import re
import shutil
import stat
import sys
import time
import tokenize
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from soret.errors import RunError
from soret.runs import durable
from soret.runs.damaged import DamagedError
from soret.runs.strict_json import read_json as read_json  # beside what writes it
from soret.runs.untrusted import read_bytes

_DIGEST_BYTES = hashlib.sha256().digest_size
# What numpy and zipfile raise for a file that is cut off, altered or no archive at all.
_DAMAGED = (
    ValueError,
    KeyError,
    EOFError,
    SyntaxError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)
# What is being written, or was replaced a moment ago, has a name that nobody else gives.
_BESIDE = re.compile(r"\.soret-[0-9a-f]{32}\.(partial|old)")
# In a folder that is not a run's, somebody may be writing another file just now.
_ABANDONED_SECONDS = 3600.0


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically. Numbers that are not finite are written as null."""
    write_bytes(path, json_bytes(content))


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Return what `write_json` writes."""
    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    # A byte of a file's name that is no UTF-8 is no letter, and no JSON that is read back.
    return text.encode("utf-8", "replace") + b"\n"


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; a letter that is none, as in a file's name, as "?"."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; once this returns no power cut takes it away."""
    _write(path, content, sync=True)
    durable.sync_folder(path.parent)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays atomically: an uncompressed .npz archive, and its SHA-256 behind it.

    What replaces an older file is synced first, so that a power cut leaves one or the other; a
    new file is synced by whoever counts on it.
    """
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **arrays)
    archive.seek(0, io.SEEK_END)
    archive.write(hashlib.sha256(archive.getbuffer()).digest())
    _write(path, archive.getbuffer(), sync=os.path.lexists(path))


def read_arrays(
    path: Path, run: Path | None = None, limit: int = sys.maxsize
) -> dict[str, np.ndarray]:
    """Read named arrays, once their digest is verified: an archive's own checksums miss a lot.

    Parameters
    ----------
    path : Path
        A regular file.
    run : Path, optional
        A folder above it within which no link is followed; by default its own.
    limit : int, optional
        The most bytes that it may have.

    Raises
    ------
    RunError
        If the file is damaged, a link, no regular file, or too large.
    """
    folder = path.parent if run is None else run
    try:
        content = read_bytes(folder, path.relative_to(folder).as_posix(), limit)
        archive, written = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if hashlib.sha256(archive).digest() != written:
            raise ValueError("its content is not what was written")
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            # A few bytes that are compressed may fill the memory; Soret compresses none.
            if any(member.compress_type != zipfile.ZIP_STORED for member in arrays.zip.infolist()):
                raise ValueError("it is compressed")
            found = {name: arrays[name] for name in arrays.files}
        if not all(isinstance(values, np.ndarray) for values in found.values()):
            raise ValueError("it holds something else than arrays")
        return found
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).") from error
    except _DAMAGED as error:
        raise DamagedError(f"{path} is damaged ({error}); that block is computed anew.") from error


def replace_folder(new: Path, path: Path) -> None:
    """Put folder `new`, once it is on disk, where `path` is; remove what was there."""
    durable.sync_tree(new)
    if os.path.lexists(path):
        old = beside(path, "old")
        os.replace(path, old)
        os.replace(new, path)
        durable.sync_folder(path.parent)
        remove(old)
    else:
        os.replace(new, path)
        durable.sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove what Soret wrote, a folder or a file, if it is there. Links are not followed.

    Raises
    ------
    RunError
        If it is a link: Soret makes none.
    """
    if not os.path.lexists(path):
        return
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        raise RunError(f"{path} is a link, which Soret did not make; remove it, and run again.")
    if stat.S_ISDIR(mode):
        shutil.rmtree(path)
    else:
        path.unlink()


def left_over(folder: Path) -> list[Path]:
    """Return what killed processes of Soret left half-written in a folder."""
    return sorted(path for path in folder.iterdir() if is_left_over(path.name))


def is_left_over(name: str) -> bool:
    """Return whether a name is one of those that only files being written have."""
    return _BESIDE.fullmatch(name) is not None


def clear_left_over(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder that nobody else works in."""
    for path in left_over(folder):
        remove(path)


def clear_abandoned(folder: Path) -> None:
    """Remove half-written files that are too old to be somebody's work of this moment."""
    if not os.access(folder, os.R_OK):
        return
    for path in left_over(folder):
        try:
            found = os.lstat(path)
        except FileNotFoundError:  # it was somebody's work of this moment
            continue
        if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > _ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


def beside(path: Path, suffix: str = "partial") -> Path:
    """Return a name in the same folder that nobody else has, for what is being written."""
    return path.with_name(f".soret-{uuid.uuid4().hex}.{suffix}")


def finite(value: Any) -> Any:
    """Return plain JSON data: NumPy scalars as numbers, tuples as lists, NaN and ∞ as None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def _write(path: Path, content: bytes | memoryview, sync: bool) -> None:
    new = beside(path)
    try:
        with new.open("xb") as file:
            durable.make_usable(new)
            file.write(content)
            file.flush()
            if sync:
                durable.sync_handle(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
