"""Files that are either whole or not there: written beside, then renamed into place."""

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from soret.errors import RunError

# What numpy and zipfile raise for a file that is cut off, altered or no archive at all.
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically. Numbers that are not finite are written as null."""
    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    beside = _beside(path)
    beside.write_text(text + "\n", encoding="utf-8")
    os.replace(beside, path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    RunError
        If the file is missing, damaged, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; {path.parent} is no saved run.") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); the run cannot be read.") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged (no JSON object); the run cannot be read.")
    return content


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to an uncompressed .npz file atomically."""
    beside = _beside(path)
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    os.replace(beside, path)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read named arrays; the archive's checksums are verified by reading it.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    try:
        # Opened here, because numpy leaves the file open where it proves to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
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
