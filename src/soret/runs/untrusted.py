"""Opening the files of a run folder that may come from anyone.

No link inside the folder is followed, at no step of a path, also if it is put there between two
looks; only regular files are opened, none is waited for, and none is read beyond a limit.
"""

import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from soret.errors import RunError

# A real run has tens to hundreds of files, four folders deep.
MOST_FILES, DEEPEST = 200_000, 32

# Where a file can be opened relative to a folder that is open already: everywhere but on Windows.
_RELATIVE = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd
_NOT_FOLLOWED = getattr(os, "O_NOFOLLOW", 0)
_NOT_WAITED_FOR = getattr(os, "O_NONBLOCK", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class Found(NamedTuple):
    """A regular file below a folder: its path relative to it, with slashes, and its size."""

    name: str
    size: int


def read_bytes(folder: Path, name: str, limit: int) -> bytes:
    """Return what is in a regular file of a folder.

    Parameters
    ----------
    folder : Path
        It may be reached by links; nothing in it may be one.
    name : str
        The file's path relative to it, with slashes.
    limit : int
        The most bytes that it may have.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    RunError
        If it, or a folder on the way, is a link; if it is no regular file, too large, or cannot
        be read.
    """
    with open_regular(folder, name) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > limit else file.read(size + 1)
    if max(size, len(content)) > limit:
        raise RunError(
            f"{folder / name} has {max(size, len(content)):,} bytes; at most {limit:,} are read: "
            "Soret does not write such a file."
        )
    return content


def open_regular(folder: Path, name: str) -> BufferedReader:
    """Open a regular file of a folder to be read.

    Raises
    ------
    FileNotFoundError, RunError
        As `read_bytes`.
    """
    path = folder / name
    *parents, last = name.split("/")
    handle = -1
    try:
        handle = os.open(folder, os.O_RDONLY | _FOLDER) if _RELATIVE else -1
        place = folder
        for parent in parents:
            place = place / parent
            _refuse_other(place, handle, stat.S_ISDIR, "folder")
            if _RELATIVE:
                flags = os.O_RDONLY | _FOLDER | _NOT_FOLLOWED
                inner = os.open(parent, flags, dir_fd=handle)
                os.close(handle)
                handle = inner
        _refuse_other(path, handle, stat.S_ISREG, "regular file")
        flags = os.O_RDONLY | _NOT_FOLLOWED | _NOT_WAITED_FOR | _BINARY
        opened = os.open(last, flags, dir_fd=handle) if _RELATIVE else os.open(path, flags)
        # Looked at again: it may be another by now.
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise RunError(f"{path} is no regular file; it is not read.")
        return os.fdopen(opened, "rb")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"{path} cannot be read ({why}).") from error
    finally:
        if handle >= 0:
            os.close(handle)


def files_below(folder: Path, name: str) -> Iterator[Found]:
    """Yield the regular files below a folder of a folder, in the order of their names.

    Raises
    ------
    RunError
        If anything there is a link, or neither a folder nor a regular file; if a name is no text
        in UTF-8; if there are more files, or deeper ones, than a run has.
    """
    waiting, seen = [name], 0
    while waiting:
        here = waiting.pop()
        place = folder / here
        try:
            _refuse_other(place, None, stat.S_ISDIR, "folder")
        except OSError as error:
            raise RunError(f"{place} cannot be read ({error.strerror}).") from error
        if here.count("/") > DEEPEST:
            raise RunError(f"{place} is deeper than anything in a run that Soret writes.")
        inner = []
        for child in _listed(place):
            seen += 1
            if seen > MOST_FILES:
                raise RunError(f"{folder / name} has more than {MOST_FILES:,} files; no run has.")
            path = place / child
            try:
                about = os.lstat(path)
            except OSError as error:
                raise RunError(f"{path} cannot be read ({error.strerror}).") from error
            if stat.S_ISDIR(about.st_mode):
                inner.append(f"{here}/{child}")
            elif stat.S_ISREG(about.st_mode):
                yield Found(f"{here}/{child}", about.st_size)
            else:
                raise RunError(_other(path, about.st_mode, "folder and no regular file"))
        waiting += reversed(inner)


def _listed(folder: Path) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
        for name in names:
            name.encode()
    except OSError as error:
        raise RunError(f"{folder} cannot be read ({error.strerror}).") from error
    except UnicodeEncodeError as error:
        raise RunError(
            f"{folder} holds a name that is no text in UTF-8; Soret did not write it."
        ) from error
    return names


def _refuse_other(path: Path, handle: int | None, wanted: object, name: str) -> None:
    """Refuse what is there if it is of another kind; a file that is not there is left to `open`."""
    if handle is not None and handle >= 0:
        mode = os.stat(path.name, dir_fd=handle, follow_symlinks=False).st_mode
    else:
        mode = os.lstat(path).st_mode
    if not wanted(mode):  # type: ignore[operator]
        raise RunError(_other(path, mode, name))


def _other(path: Path, mode: int, wanted: str) -> str:
    what = "a link" if stat.S_ISLNK(mode) else f"no {wanted}"
    return f"{path} is {what}; a run has none, and it is not followed or read."
