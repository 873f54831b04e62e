"""Fetching a known file: verified by size and SHA-256, and put in place whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from soret.errors import DataError

Progress = Callable[[str, int, int], None]
"""Called as ``progress(file_name, bytes_so_far, bytes_in_all)`` while a file arrives."""

Unpack = Callable[[Path, Path], Sequence[Path]]
"""``unpack(archive, folder)`` writes files into ``folder`` and returns their paths."""

_CHUNK = 1 << 16


@dataclass(frozen=True)
class RemoteFile:
    """A file that mirrors offer.

    Parameters
    ----------
    name
        Its name, on the mirrors and here.
    size
        Its length in bytes.
    sha256
        Its SHA-256, in hexadecimal.
    unpack
        What turns it into the files to keep, if it is an archive.
    """

    name: str
    size: int
    sha256: str
    unpack: Unpack | None = None


def fetch(remote: RemoteFile, folder: Path, mirrors: Sequence[str], progress: Progress) -> None:
    """Download a file into a folder from the first mirror that has it intact.

    The file is written in a folder of its own beside its place, verified (and unpacked) there,
    then renamed into place. So a reader never sees part of a file, an interruption leaves
    nothing behind, and of two processes at work on the same file the later one replaces it by
    the same bytes.

    Parameters
    ----------
    remote
        The file.
    folder
        Where to put it; made if it is not there.
    mirrors
        Base URLs, each ending in ``/``, tried in this order.
    progress
        Called with the file's name, the bytes so far, and the bytes in all.

    Raises
    ------
    DataError
        If no mirror delivers the file, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch:
            arrived = Path(scratch) / remote.name
            _from_any(mirrors, remote, arrived, progress)
            if remote.unpack is None:
                files: Sequence[Path] = [arrived]
            else:
                unpacked = Path(scratch) / "unpacked"
                unpacked.mkdir()
                files = remote.unpack(arrived, unpacked)
            for file in files:
                os.replace(file, folder / file.name)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror or error}); it should be a folder "
            f"with room for {remote.name} ({remote.size:,} bytes)"
        ) from error


def _from_any(mirrors: Sequence[str], remote: RemoteFile, path: Path, progress: Progress) -> None:
    failures = []
    for mirror in mirrors:
        url = mirror + remote.name
        failure = _from_one(url, remote, path, progress)
        if failure is None:
            return
        failures.append(f"{url}: {failure}")
    raise DataError(f"{remote.name} could not be downloaded ({'; '.join(failures)})")


def _from_one(url: str, remote: RemoteFile, path: Path, progress: Progress) -> str | None:
    """Download and verify; return what went wrong, or nothing."""
    import pooch

    # Identity: a server that compresses on the way would send other bytes than it stores.
    transfer = pooch.HTTPDownloader(
        chunk_size=_CHUNK, headers={"Accept-Encoding": "identity", "User-Agent": "soret"}
    )
    with open(path, "wb") as file:
        sink = _Sink(file, remote, progress)
        try:
            transfer(url, sink, None)
        except _TooLongError:
            return f"the server sends more than the {remote.size:,} bytes of the original"
        # All that pooch's network layer raises is an OSError, or a ValueError for a bad URL.
        except (OSError, ValueError) as error:
            if sink.failure is not None:
                raise sink.failure from None
            return _reason(error, sink)
    if sink.received < remote.size:
        return f"the server sent {sink.received:,} of the {remote.size:,} bytes of the original"
    if sink.digest.hexdigest() != remote.sha256:
        return (
            f"what arrived has the SHA-256 {sink.digest.hexdigest()} "
            f"where the original has {remote.sha256}"
        )
    return None


def _reason(error: Exception, sink: "_Sink") -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if sink.received:
        return f"the transfer broke off after {sink.received:,} bytes"
    return f"the connection failed ({type(error).__name__})"


class _TooLongError(Exception):
    """The server sends more bytes than the file has."""


class _Sink:
    """The file that pooch writes to: counts, hashes, reports, and refuses what is too long."""

    def __init__(self, file: IO[bytes], remote: RemoteFile, progress: Progress) -> None:
        self.file = file
        self.remote = remote
        self.progress = progress
        self.received = 0
        self.digest = hashlib.sha256()
        self.failure: Exception | None = None
        """What the disk or the caller's function raised, kept apart from what the network did."""

    def write(self, chunk: bytes) -> None:
        if self.received + len(chunk) > self.remote.size:
            raise _TooLongError
        self.received += len(chunk)
        self.digest.update(chunk)
        try:
            self.file.write(chunk)
            self.progress(self.remote.name, self.received, self.remote.size)
        except Exception as error:
            self.failure = error
            raise

    def flush(self) -> None:
        """Do nothing where pooch would flush after every chunk; closing the file flushes."""
