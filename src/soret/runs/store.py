"""The data of a run: an xarray Dataset or DataTree in a zarr folder.

A store is untrusted until looked at: zarr's older format can name a codec that unpickles, so
only the present format and codecs that merely decode bytes are read.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import xarray as xr

from soret.errors import RunError
from soret.runs import files

Data = xr.Dataset | xr.DataTree

_CODECS = {"bytes", "zstd", "blosc", "gzip", "crc32c", "transpose", "sharding_indexed", "vlen-utf8"}


def write(data: Data, path: Path) -> str:
    """Write a run's data atomically; return its digest."""
    beside = path.with_name(f".{path.name}.partial")
    files.remove(beside)
    data.to_zarr(beside, mode="w", zarr_format=3, consolidated=False)
    written = digest(beside)
    files.replace_folder(beside, path)
    return written


def read(path: Path, expected: object) -> Data:
    """Read a run's data into memory: a DataTree if it has groups, else a Dataset.

    Parameters
    ----------
    path : Path
    expected : str
        The digest that `write` returned.

    Raises
    ------
    RunError
        If the store is missing, altered, or holds anything but plain arrays.
    """
    check(path, expected)
    _check_codecs(path)
    try:
        tree = xr.open_datatree(path, engine="zarr", consolidated=False).load()
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{path} is damaged ({error}); run it again.") from error
    return tree if tree.children else tree.to_dataset()


def check(path: Path, expected: object) -> None:
    """Verify that a store is what was written.

    Raises
    ------
    RunError
        If it is missing or altered.
    """
    if not path.is_dir():
        raise RunError(f"{path} is missing; the run in {path.parent} is not whole.")
    if digest(path) != expected:
        raise RunError(f"{path} is damaged: its content is not what was written; run it again.")


def digest(path: Path) -> str:
    """Return the SHA-256 of a folder's files, names and contents."""
    total = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        total.update(str(file.relative_to(path).as_posix()).encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _check_codecs(path: Path) -> None:
    for old in (".zarray", ".zgroup", ".zmetadata"):
        if next(path.rglob(old), None) is not None:
            raise RunError(f"{path} is in an old zarr format that Soret does not write or read.")
    for file in path.rglob("zarr.json"):
        try:
            used = set(_codec_names(json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError) as error:
            raise RunError(f"{file} is damaged ({error}); run it again.") from error
        if not used <= _CODECS:
            raise RunError(
                f"{file} names codecs that Soret does not write: {sorted(used - _CODECS)}."
            )


def _codec_names(node: Any) -> list[str]:
    """Return the names of all codecs under a piece of zarr metadata."""
    names: list[str] = []
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("codecs", "index_codecs") and isinstance(value, list):
                names += [str(c.get("name") if isinstance(c, dict) else c) for c in value]
            # An array's or a group's own attributes are data, not instructions.
            if key != "attributes":
                names += _codec_names(value)
    elif isinstance(node, list):
        for item in node:
            names += _codec_names(item)
    return names
