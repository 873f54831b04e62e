"""One process at a time works in a run's folder, on this machine or on another that shares it.

The lock is a file in the folder, made by `filelock` in a way that holds on network file systems
too. It says who made it and for which folder, and is touched every ten seconds. One whose process
has ended, or that was not touched for a minute if that process is on another machine, is taken
over; so is one that came with a copy of the folder.
"""

import functools
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote

import psutil
from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from soret.errors import RunError

log = logging.getLogger("soret")

NAME = ".soret-lock"

# After so long without a sign of life from another machine, its process counts as gone. Network
# file systems may show such signs late, by half a minute or so.
SILENT_SECONDS = 60.0
_TOUCHED_EVERY = 10.0
_LOOK_EVERY = 0.5
# A file without a word in it: a process was killed while it made it, or the power was cut.
_EMPTY_SECONDS = 2.0
# A lock has at most 1024 bytes; of a long path the end is kept.
_MOST_BYTES = 1024
_PATH_BYTES = 500


class FolderLock:
    """The lock of a folder; shared by the threads of whoever holds it.

    Parameters
    ----------
    folder : Path
        Must exist by the time it is locked.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._lease: SoftFileLease | None = None
        self._lost: str | None = None
        self._guard = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether it was taken here and not given back."""
        return self._lease is not None

    def take(self, patient: bool = True) -> None:
        """Take the lock, or refuse at once if a process that lives holds it.

        Parameters
        ----------
        patient : bool
            Whether a process on another machine is watched for a sign of life first.

        Raises
        ------
        RunError
            If somebody else works in the folder: who, where and since when.
        OSError
            If the folder cannot be written.
        """
        if self._lease is None:
            self._lease = self._taken(patient)

    def give_back(self) -> None:
        """Give the lock back, if it is held."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            lease.release()
        except OSError as error:
            log.warning("%s could not be removed (%s).", self._path, error.strerror)

    def check(self) -> None:
        """Make sure, before something is written, that the lock is still held.

        Raises
        ------
        RunError
            If this process was silent for so long that another one took the folder over.
        """
        with self._guard:
            lease = self._lease
            if self._lost is not None:
                raise RunError(self._lost)
            if lease is None:
                return
            owner = lease.owner
            if owner is not None and owner.token == lease.token and lease.compromise is None:
                return
            # Gone silent, but nobody came: it is ours again if it can be had.
            self.give_back()
            try:
                self._lease = self._taken()
            except RunError as error:
                self._lost = (
                    f"this process was silent for more than {SILENT_SECONDS:.0f} s, and {error}"
                )
                raise RunError(self._lost) from error

    def _taken(self, patient: bool = True) -> SoftFileLease:
        lease = SoftFileLease(
            self._path,
            lease_duration=SILENT_SECONDS,
            heartbeat_interval=_TOUCHED_EVERY,
            thread_local=False,
        )
        watched = _Watched()
        while True:
            try:
                lease.acquire(timeout=0)
                self._say_where(lease)
                return lease
            except Timeout:
                pass
            except LeaseSettingsMismatch as error:
                raise RunError(
                    f"{self._folder} is in use by another version of Soret ({error})."
                ) from error
            if self._clear_copied():
                continue
            touched, size = self._look()
            owner = lease.owner
            if owner is not None and not patient:
                raise RunError(f"{self._folder} is locked.")
            if owner is None:
                self._wait_for_a_word(watched, size)
                continue
            if owner.hostname == _this_host():
                raise RunError(self._refusal(owner.pid, owner.hostname, _since(owner.pid)))
            if watched.lives(f"{owner.token} {touched}"):
                when = f"and was last heard of at {_clock(touched)}"
                raise RunError(self._refusal(owner.pid, owner.hostname, when))
            if watched.begins():
                log.warning(
                    "%s is locked by process %d on %s; waiting up to %.0f s for a sign of life",
                    self._folder,
                    owner.pid,
                    _bare(owner.hostname),
                    SILENT_SECONDS,
                )
            time.sleep(_LOOK_EVERY)

    def _say_where(self, lease: SoftFileLease) -> None:
        """Add to the lock which folder it is of, so that a copy is not taken for it."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
            try:
                inode = os.fstat(handle).st_ino
                os.write(handle, f"inode={inode}\nfolder={_place(self._folder)}\n".encode())
            finally:
                os.close(handle)
        except BaseException:
            lease.release()
            raise

    def _clear_copied(self) -> bool:
        """Remove a lock that came with a copy of another folder; return whether it did."""
        words = _words(self._path)
        place = copied_from(self._folder)
        if place is None:
            return False
        log.warning("%s is a copy of %s, and so is its lock, which is removed", self._folder, place)
        self._clear(lambda aside: _words(aside).get("token") == words.get("token"))
        return True

    def _wait_for_a_word(self, watched: "_Watched", size: int | None) -> None:
        """Look on while the lock's file says nothing: it is being made, or nobody's any more."""
        if size == 0 and watched.seconds > _EMPTY_SECONDS:
            self._clear(lambda aside: not os.lstat(aside).st_size)
        elif watched.seconds > SILENT_SECONDS:
            raise RunError(f"{self._path} is no lock of Soret's; remove it, and run again.")
        elif size is not None:
            time.sleep(_LOOK_EVERY / 10)

    def _look(self) -> tuple[float, int | None]:
        """Return when the lock was last touched, and its size; None if it is gone."""
        try:
            # Opened, because network file systems remember for long what a file was like.
            handle = os.open(
                self._path,
                os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0),
            )
        except FileNotFoundError:
            return 0.0, None
        try:
            found = os.fstat(handle)
            return found.st_mtime, found.st_size
        finally:
            os.close(handle)

    def _clear(self, is_meant: Callable[[Path], bool]) -> None:
        """Remove a lock file, unless somebody has just made another in its place."""
        aside = self._path.with_name(f"{NAME}.old.{os.getpid()}.{threading.get_ident()}")
        try:
            os.rename(self._path, aside)
        except FileNotFoundError:
            return
        if not is_meant(aside):
            os.link(aside, self._path)  # it was made anew between the look and now
        aside.unlink()

    def _refusal(self, pid: int, host: str, since: str) -> str:
        if pid == os.getpid() and host == _this_host():
            who = "another call in this process works there"
        else:
            who = f"process {pid} on {_bare(host)} works there {since}"
        return f"{self._folder} is in use: {who}; wait for it, or choose another folder."


class _Watched:
    """What was seen of somebody else's lock so far."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: str | None = None
        self._begun = False

    @property
    def seconds(self) -> float:
        """How long it was looked at."""
        return time.monotonic() - self._began

    def lives(self, sign: str) -> bool:
        """Return whether a sign of life differs from the first that was seen."""
        self._first = self._first or sign
        return sign != self._first

    def begins(self) -> bool:
        """Return whether this is the first look."""
        first, self._begun = not self._begun, True
        return first


def _since(pid: int) -> str:
    try:
        return f"since {_clock(psutil.Process(pid).create_time())}"
    except psutil.Error:
        return "still"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")


def _bare(host: str) -> str:
    """Return a host's name without the namespace that tells containers on it apart."""
    return host.partition("?")[0] or host


@functools.cache
def _this_host() -> str:
    """Return this machine's name as locks have it."""
    with tempfile.TemporaryDirectory() as folder:
        lease = SoftFileLease(Path(folder) / NAME)
        with lease:
            owner = lease.owner
    return "" if owner is None else owner.hostname


def copied_from(folder: Path) -> Path | None:
    """Return whose copy a folder is, by the lock that came with it; None if that is its own.

    A lock says the folder it was made in, and its number there (its inode), which it keeps where
    the folder is moved. Of another machine's lock nothing is concluded: the same folder may have
    another path there, and on some file systems another number.
    """
    path = folder / NAME
    words = _words(path)
    try:
        inode = os.lstat(path).st_ino
    except OSError:
        return None
    if not {"inode", "folder"} <= set(words) or words.get("host") != _this_host():
        return None
    if words["inode"] == str(inode) or words["folder"] == _place(folder):
        return None
    return Path(unquote(words["folder"], errors="replace"))


def _place(folder: Path) -> str:
    """Return a folder's path as a lock has it."""
    return quote_from_bytes(os.fsencode(os.path.realpath(folder)))[-_PATH_BYTES:]


def _words(path: Path) -> dict[str, str]:
    """Return what a lock says, by key; nothing if it is not there or no lock."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return {}
    try:
        lines = os.read(handle, _MOST_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return {}
    finally:
        os.close(handle)
    return {key: value for key, equals, value in (x.partition("=") for x in lines) if equals}


def is_lock(name: str) -> bool:
    """Return whether a file's name is a lock's, or of one that is being taken over."""
    return name == NAME or name.startswith(f"{NAME}.")


def clear_abandoned(folder: Path) -> None:
    """Remove the lock of a killed process in a folder that nobody works in any more."""
    for path in folder.iterdir():
        if is_lock(path.name):
            path.unlink(missing_ok=True)
