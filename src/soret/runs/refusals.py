"""What the operating system refuses, in a sentence: what was being written, where, what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soret.errors import RunError, SettingsError

_AGAIN = "and run the same command again"
_SAYS = {
    errno.ENOSPC: f"no space is left on the device, or for no more files; free some {_AGAIN}",
    errno.EDQUOT: f"your quota on the device is used up; free some space {_AGAIN}",
    errno.EFBIG: f"files may not grow that large here (see `ulimit -f`); raise the limit {_AGAIN}",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission is denied; choose another folder",
    errno.EPERM: "the system does not permit it; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOTDIR: "part of the path is a file, not a folder; choose another folder",
    errno.ELOOP: "its links lead only to each other; choose another folder",
    errno.ENOENT: "there is no such folder (any more); choose another folder",
    errno.EMFILE: f"too many files are open (see `ulimit -n`); raise the limit {_AGAIN}",
    errno.ENFILE: f"too many files are open on this machine; close some {_AGAIN}",
    errno.EIO: "the device fails (input/output error); choose another folder",
    errno.ESTALE: f"the network file system lost the file; wait {_AGAIN}",
}


def sentence(path: Path, error: OSError) -> str:
    """Return what is to be said of a file or folder that cannot be written."""
    said = _SAYS.get(error.errno or 0)
    if said is None:
        said = f"{error.strerror or error}; choose another folder, or mend that {_AGAIN}"
    return f"{_short(path)} cannot be written: {said}."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while something is written into one sentence.

    Raises
    ------
    RunError
        In place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise RunError(sentence(path, error)) from error


@contextmanager
def claiming(path: Path) -> Iterator[None]:
    """Turn what the system says of a place where a run is to be into one sentence.

    Raises
    ------
    SettingsError
        In place of an `OSError`: there is nowhere to write the run.
    """
    try:
        yield
    except OSError as error:
        raise SettingsError(sentence(path, error)) from error


def _short(path: Path) -> str:
    text = os.fspath(path)
    return text if len(text) <= 200 else f"{text[:100]}…{text[-60:]}"
