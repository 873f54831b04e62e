"""Files that are either whole or not there: written beside, then renamed into place."""

import errno
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from soret.errors import RunError
from soret.runs.strict_json import read_json as read_json  # beside what writes it

_DIGEST_BYTES = hashlib.sha256().digest_size
# What numpy and zipfile raise for a file that is cut off, altered or no archive at all.
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically. Numbers that are not finite are written as null."""
    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        written = text.encode("utf-8")
    except UnicodeEncodeError:
        # The name of a file that is no UTF-8; escaped, it can be read back.
        written = json.dumps(finite(content), indent=2, allow_nan=False).encode("ascii")
    write_bytes(path, written + b"\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; a letter that is none, as in a file's name, as "?"."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    beside = _beside(path)
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays atomically: an uncompressed .npz archive, and its SHA-256 behind it."""
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **arrays)
    beside = _beside(path)
    with beside.open("wb") as file:
        file.write(archive.getbuffer())
        file.write(hashlib.sha256(archive.getbuffer()).digest())
    os.replace(beside, path)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read named arrays, once their digest is verified: an archive's own checksums miss a lot.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    try:
        content = path.read_bytes()
        archive, written = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if hashlib.sha256(archive).digest() != written:
            raise ValueError("its content is not what was written")
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except _DAMAGED as error:
        raise RunError(
            f"{path} is damaged ({error}); delete it and run again to compute that block anew."
        ) from error


def replace_folder(new: Path, path: Path) -> None:
    """Put folder `new` where `path` is, removing what was there."""
    if path.exists():
        old = _beside(path, "old")
        remove(old)
        os.replace(path, old)
        os.replace(new, path)
        remove(old)
    else:
        os.replace(new, path)


def remove(folder: Path) -> None:
    """Remove a folder if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def left_over(folder: Path) -> list[Path]:
    """Return what killed processes left half-written in a folder."""
    return [path for path in folder.glob(".*") if path.suffix in (".partial", ".old")]


def clear_left_over(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder."""
    for path in left_over(folder):
        if path.is_dir():
            remove(path)
        else:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to disk, where the system can do that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot
            raise
    finally:
        os.close(handle)


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


def _beside(path: Path, suffix: str = "partial") -> Path:
    # The process's number keeps two processes from writing the same file.
    return path.with_name(f".{path.name}.{os.getpid()}.{suffix}")
