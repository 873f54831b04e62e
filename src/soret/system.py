"""What the operating system and the environment refuse, in a sentence; signals that end a run."""

import contextlib
import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from soret.errors import SettingsError

__all__ = [
    "check_backends",
    "ended_by",
    "heard",
    "is_asked_to_stop",
    "keep_own_access",
    "leave",
    "refusal",
    "stop_if_asked",
    "stop_later",
    "stop_like_ctrl_c",
    "was_asked_to_stop",
]

_THREADS = (
    "the operating system starts no more threads for this user; end other programs, or raise the "
    "limit (ulimit -u)"
)
_MEMORY = "there is not enough memory: take fewer replicas, records or units, or smaller batches"
# What the loader of shared libraries says where the address space is too small.
_UNMAPPED = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")

# Signals that save and end like Ctrl-C: a batch system's, and a terminal's that is closed.
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Asked:
    """What signals asked for; all that happens here happens on the main thread."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.waiting = False  # asked to stop, and nobody has stopped yet
        self.held = 0  # blocks of `stop_later` that are open


_asked = _Asked()


def refusal(error: BaseException) -> str | None:
    """Return what the system refused, as a sentence without its full stop; None for other errors.

    Parameters
    ----------
    error : BaseException
        An `OSError`, a `MemoryError` or what JAX and `threading` raise for want of memory or
        threads. Anything else is an error of the program, whose traceback should be seen.
    """
    said = str(error)
    if isinstance(error, MemoryError):
        return f"{_MEMORY} ({said})" if said else _MEMORY
    if isinstance(error, ImportError) and any(why in said for why in _UNMAPPED):
        return f"{_MEMORY} ({said})"
    if isinstance(error, OSError):
        reason = error.strerror or said or type(error).__name__
        if isinstance(error, FileNotFoundError) and _nowhere():
            return "the folder that this was started in is gone; start again in one that exists"
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return f"{reason}: {' and '.join(names)}" if names else reason
    if isinstance(error, RuntimeError) and "can't start new thread" in said:
        return _THREADS
    if type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError"):
        if "RESOURCE_EXHAUSTED" in said or "out of memory" in said.lower():
            return f"{_MEMORY} ({said.splitlines()[0]})"
        if "pthread_create" in said or "Thread creation" in said:
            return _THREADS
    return None


def check_backends() -> None:
    """Load JAX and Matplotlib, and ask for the devices that the environment names.

    Raises
    ------
    SettingsError
        If an environment variable names something that they do not have.
    """
    try:
        with stop_later():
            import jax

            jax.local_devices()
    except (ValueError, RuntimeError) as error:
        if refusal(error) is not None:
            raise
        raise SettingsError(
            f"JAX cannot start with what JAX_PLATFORMS and its other environment variables ask "
            f"for: {_first(error)}"
        ) from error
    try:
        with stop_later():
            import matplotlib  # noqa: F401  it reads MPLBACKEND and matplotlibrc when loaded
    except ValueError as error:
        raise SettingsError(
            f"Matplotlib cannot start with what MPLBACKEND or its matplotlibrc asks for: "
            f"{_first(error)}"
        ) from error


def stop_like_ctrl_c() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, unless they are ignored.

    Each raises `KeyboardInterrupt`, and is remembered: where it lands in a callback that Python or
    a library calls, as of the garbage collector, the exception is lost, and `stop_if_asked` raises
    it again. For programs only; the library installs no handlers.
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def stop_if_asked() -> None:
    """Raise what a signal asked for, if it was lost on its way; called where work can stop.

    Raises
    ------
    KeyboardInterrupt
        On the main thread, if a signal came since `stop_like_ctrl_c`, and `heard` was not called.
    """
    if is_asked_to_stop() and not _asked.held and _on_main_thread():
        raise KeyboardInterrupt


@contextlib.contextmanager
def stop_later() -> Iterator[None]:
    """Let a signal wait until a block of code is done; the second one does not wait.

    Around imports: some extension modules abort the process when they are interrupted.
    """
    if not _on_main_thread():  # where no signal arrives
        yield
        return
    _asked.held += 1
    try:
        yield
    finally:
        _asked.held -= 1
    stop_if_asked()


def is_asked_to_stop() -> bool:
    """Return whether a signal asked to stop, and nothing has stopped for it yet."""
    return _asked.waiting


def was_asked_to_stop() -> bool:
    """Return whether a signal ever asked to stop, whatever came of it."""
    return bool(_asked.received)


def heard() -> None:
    """Say that the work has stopped because of a signal, so that it need not be raised again."""
    _asked.waiting = False


def ended_by() -> int | None:
    """Return the number of the signal that ended the work, SIGTERM or SIGHUP."""
    return next((number for number in _asked.received if number in _ENDING), None)


def leave(status: int) -> NoReturn:
    """End the process at once, with its output written and everything of Soret's closed.

    After a signal threads of XLA's may be in the middle of a compilation; where the interpreter is
    taken down under them they abort the process, and the status is lost.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # it is closed, or nobody reads it
                stream.flush()
    logging.shutdown()
    os._exit(status)


def keep_own_access() -> None:
    """Let this process read and change the files that it makes, whatever its umask takes away.

    For programs only: a umask is of the whole process.
    """
    mask = os.umask(0o077)
    os.umask(mask & ~stat.S_IRWXU)


def _nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _stop(number: int, frame: FrameType | None) -> None:
    again = _asked.waiting
    _asked.received.append(number)
    _asked.waiting = True
    if again or not _asked.held:
        raise KeyboardInterrupt


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _first(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
