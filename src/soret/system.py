"""What the operating system and the environment refuse, in a sentence; signals that end a run."""

import os
import signal
from types import FrameType
from typing import NoReturn

from soret.errors import SettingsError

__all__ = ["check_backends", "ended_by", "refusal", "stop_like_ctrl_c"]

_THREADS = (
    "the operating system starts no more threads for this user; end other programs, or raise the "
    "limit (ulimit -u)"
)
_MEMORY = "there is not enough memory: take fewer replicas, records or units, or smaller batches"
# What the loader of shared libraries says where the address space is too small.
_UNMAPPED = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")

# Signals that save and end like Ctrl-C: a batch system's, and a terminal's that is closed.
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_received: list[int] = []


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
        import matplotlib  # noqa: F401  it reads MPLBACKEND and matplotlibrc when it is loaded
    except ValueError as error:
        raise SettingsError(
            f"Matplotlib cannot start with what MPLBACKEND or its matplotlibrc asks for: "
            f"{_first(error)}"
        ) from error


def stop_like_ctrl_c() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, unless they are ignored."""
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)


def ended_by() -> int | None:
    """Return the number of the signal that ended the work, of those that `stop_like_ctrl_c` has."""
    return _received[0] if _received else None


def _nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    _received.append(number)
    raise KeyboardInterrupt


def _first(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
