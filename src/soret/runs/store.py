"""The data of a run: an xarray Dataset or DataTree in a zarr folder.

A store is untrusted until looked at. All its files are listed and hashed without following a
link, its metadata is held to what Soret writes (`zarr_schema`), and zarr is given the files'
contents, not their paths: each again as it was when it was looked at, or an error.
"""

import hashlib
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, NoReturn, cast

import xarray as xr

from soret.errors import RunError
from soret.memory import limit_bytes, readable
from soret.runs import files, manifest, zarr_schema
from soret.runs.untrusted import files_below, open_regular, read_bytes
from soret.runs.zarr_schema import Chunk

Data = xr.Dataset | xr.DataTree

_METADATA_BYTES = 4 * 2**20
_HEAD = 18  # the longest header of a compressed frame


class TooLarge(RunError):
    """Data that does not fit into the memory that may be used here; elsewhere it may."""


def write(data: Data, path: Path) -> str:
    """Write a run's data atomically; return its digest.

    Raises
    ------
    RunError
        If the data is such that it could not be read again.
    """
    beside = files.beside(path)
    try:
        _plain(data).to_zarr(beside, mode="w", zarr_format=3, consolidated=False)
        written = digest(beside)
        _Store(beside)
        files.replace_folder(beside, path)
    except BaseException:
        files.remove(beside)
        raise
    return written


def _plain(data: Data) -> Data:
    """Return data without the encodings of files that some of it may have come from."""
    groups = data.subtree if isinstance(data, xr.DataTree) else [data]
    for name, variable in ((n, v) for group in groups for n, v in group.variables.items()):
        if variable.dtype.kind in "mM":
            raise RunError(
                f"{name!r} holds times ({variable.dtype}); save numbers, with their unit as an "
                "attribute."
            )
    if isinstance(data, xr.DataTree):
        return xr.map_over_datasets(lambda group: group.drop_encoding(), data)
    return data.drop_encoding()


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
        If the store is missing, altered, or holds anything but plain arrays as Soret writes them.
    TooLarge
        If it holds more than fits in memory.
    """
    from zarr.storage import MemoryStore

    store = _Store(path, expected)
    if store.bytes > store.room:
        raise TooLarge(
            f"{path} needs {readable(store.bytes)} of memory, where {readable(store.room)} may be "
            "used; load it on a machine with more."
        )
    try:
        # What is called seconds or days is a number with a unit, not a time.
        tree = xr.open_datatree(
            cast(Any, MemoryStore(store, read_only=True)),
            engine="zarr",
            consolidated=False,
            decode_times=False,
            decode_timedelta=False,
        ).load()
    except RunError:
        raise
    except MemoryError as error:
        raise TooLarge(f"{path} does not fit into the memory that is free.") from error
    except Exception as error:
        # Whatever two libraries and their decoders raise for what passed every check above.
        _refuse(path, f"{type(error).__name__}: {error}", error)
    return tree if tree.children else tree.to_dataset()


def check(path: Path, expected: object) -> None:
    """Verify that a store is what was written.

    Raises
    ------
    RunError
        If it is missing or altered, or is not what Soret writes.
    """
    _Store(path, expected)


def digest(path: Path) -> str:
    """Return the SHA-256 of a folder's regular files, names and contents; links are left out."""
    total = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()):
        _add(total, file.relative_to(path).as_posix(), hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _add(total: Any, name: str, content: bytes) -> None:
    total.update(name.encode() + b"\0")
    total.update(content)


class _Store(MutableMapping[str, Any]):
    """The files of a store that was looked at, as zarr wants them: contents by path.

    Parameters
    ----------
    path : Path
    expected : str, optional
        Their digest.

    Raises
    ------
    RunError
        As `read`.
    """

    def __init__(self, path: Path, expected: object = None) -> None:
        if not path.is_dir() and not path.is_symlink():
            raise RunError(f"{path} is missing; the run in {path.parent} is not whole.")
        self.path = path
        self.room = limit_bytes()
        self._digests = self._look(expected)
        self._chunks = self._checked()

    def _look(self, expected: object) -> dict[str, bytes]:
        """Return the digest of every file, by path; in all they must be the expected one."""
        within = len(self.path.name) + 1
        names = []
        for found in files_below(self.path.parent, self.path.name):
            names.append(found.name[within:])
            if found.size > manifest.MOST_BYTES:
                raise RunError(
                    f"{self.path / names[-1]} is larger than any file that Soret writes; it is "
                    "not read."
                )
        digests = {}
        # In the order of paths, not of their texts, in which a slash is a letter.
        for name in sorted(names, key=lambda name: name.split("/")):
            try:
                with open_regular(self.path.parent, f"{self.path.name}/{name}") as file:
                    digests[name] = hashlib.file_digest(file, "sha256").digest()
            except FileNotFoundError as error:
                raise RunError(f"{self.path / name} was removed while it was read.") from error
        total = hashlib.sha256()
        for name, content in digests.items():
            _add(total, name, content)
        if expected is not None and total.hexdigest() != expected:
            raise RunError(
                f"{self.path} is damaged: its content is not what was written; run it again."
            )
        return digests

    def _checked(self) -> dict[str, Chunk]:
        nodes, others = {}, []
        for name in self._digests:
            folder, _, last = name.rpartition("/")
            if last in (".zarray", ".zgroup", ".zattrs", ".zmetadata"):
                raise RunError(
                    f"{self.path} is in an old zarr format that Soret does not write or read."
                )
            if last == zarr_schema.NAME:
                nodes[folder] = self._node(name)
            else:
                others.append(name)
            if len(nodes) > zarr_schema.MOST_NODES:
                raise RunError(
                    f"{self.path} has more than {zarr_schema.MOST_NODES:,} arrays and groups; no "
                    "run has."
                )
        self.bytes = sum(n.bytes for n in nodes.values() if isinstance(n, zarr_schema.Array))
        try:
            return zarr_schema.check_tree(nodes, others)
        except ValueError as error:
            _refuse(self.path, str(error), error)

    def _node(self, name: str) -> zarr_schema.Node:
        try:
            return zarr_schema.parse(self._content(name))
        except zarr_schema.UnknownCodecs as error:
            raise RunError(f"{self.path / name} {error}.") from error
        except ValueError as error:
            _refuse(self.path / name, str(error), error)

    def _content(self, name: str) -> bytes:
        limit = _METADATA_BYTES if name.endswith(zarr_schema.NAME) else 2**62
        try:
            content = read_bytes(self.path.parent, f"{self.path.name}/{name}", limit)
        except FileNotFoundError as error:
            raise RunError(f"{self.path / name} was removed while it was read.") from error
        if hashlib.sha256(content).digest() != self._digests[name]:
            raise RunError(f"{self.path / name} was changed while it was read.")
        return content

    def __getitem__(self, name: str) -> Any:
        from zarr.core.buffer.cpu import Buffer

        if name not in self._digests:
            raise KeyError(name)
        content = self._content(name)
        if name in self._chunks:
            try:
                self._chunks[name].check(content[:_HEAD], len(content), self.room)
            except ValueError as error:
                _refuse(self.path / name, str(error), error)
        return Buffer.from_bytes(content)

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    def __setitem__(self, name: str, content: Any) -> NoReturn:
        raise TypeError("a store is read, not written")

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError("a store is read, not written")


def _refuse(path: Path, why: str, error: Exception) -> NoReturn:
    raise RunError(
        f"{path} is not what Soret writes ({why}); delete the run and make it again."
    ) from error
