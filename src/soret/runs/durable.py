"""Having files on disk, not only in the system's memory: what a power cut must not take."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # no POSIX
    fcntl = None  # type: ignore[assignment]

# File systems write what is synced at the same moment in one go: 500 small files take 0.1 s, one
# after the other 1.4 s.
_TOGETHER = 8


def sync_handle(handle: int) -> None:
    """Have an open file written to disk; on a Mac, past the disk's own memory."""
    full: Any = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(handle, full)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOTTY):
                raise
    os.fsync(handle)


def sync_file(path: Path) -> None:
    """Have a file's content written to disk."""
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        sync_handle(handle)
    finally:
        os.close(handle)


def sync_files(paths: Iterable[Path]) -> None:
    """Have several files written to disk, at the same time."""
    _together(sync_file, list(paths))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to disk, where the system can do that."""
    if os.name == "nt":
        return
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one may write there, but not look
        return
    try:
        sync_handle(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Have everything in a folder written to disk: files first, then the names that they have."""
    files, folders = [], [folder]
    for place in folders:
        with os.scandir(place) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    folders.append(Path(entry.path))
                elif stat.S_ISREG(mode):
                    files.append(Path(entry.path))
    sync_files(files)
    _together(sync_folder, folders)


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it is in, so that a power cut does not take them."""
    missing = []
    for place in (folder, *folder.parents):
        if place.is_dir():
            break
        missing.append(place)
    for place in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else made it
            make_usable_folder(place)
    folder.mkdir(exist_ok=True)
    for place in missing:
        sync_folder(place.parent)


def make_usable_folder(folder: Path) -> None:
    """Make a folder, in one that is there, that its owner can use whatever the umask.

    Raises
    ------
    FileExistsError
        If there is something of this name.
    """
    folder.mkdir()
    _allow(folder, stat.S_IRWXU)


def make_usable(file: Path) -> None:
    """Let its owner read and change a file that was just made, whatever the umask."""
    _allow(file, stat.S_IRUSR | stat.S_IWUSR)


def _allow(path: Path, wanted: int) -> None:
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    if mode & wanted != wanted:
        os.chmod(path, mode | wanted)


def _together(sync: Callable[[Path], None], paths: Sequence[Path]) -> None:
    if len(paths) == 1:
        sync(paths[0])
    elif paths:
        with ThreadPoolExecutor(min(_TOGETHER, len(paths)), "soret-sync") as pool:
            list(pool.map(sync, paths))
