"""A process that runs claims, one after the other, as it is told through a connection."""

from __future__ import annotations

import _thread
import functools
import io
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soret import bars, memory, system
from soret.claims.discovery import find
from soret.claims.settings import configure
from soret.errors import SettingsError, SoretError, TooMuchMemory

if TYPE_CHECKING:
    from soret.claims.running import Outcome

Tell = Callable[[str, Any], None]
"""``tell(kind, content)``: what happens as a task is run.

Of the kinds "say" and "error" the content is a line, of "bar" it is ``(title, done, total)`` or
None, of "end" an `Outcome` or a `Failure`.
"""


@dataclass(frozen=True)
class Task:
    """A claim to be run, as any process can make it.

    Attributes
    ----------
    id : str
        The claim's.
    patterns : tuple of str
        What `soret.claims.find` finds it by, among others.
    scale : str
    assignments : tuple of str
        "NAME=VALUE", as on the command line.
    seed : int
    out : Path, optional
        The run's folder; default: its own below ``runs``.
    several : bool
        Whether `out` is the folder that holds it and others.
    """

    id: str
    patterns: tuple[str, ...]
    scale: str
    assignments: tuple[str, ...] = ()
    seed: int = 0
    out: Path | None = None
    several: bool = False

    def claim(self) -> Any:
        """Return the claim with its settings.

        Raises
        ------
        SettingsError
            If there is none, or a setting does not work.
        """
        return configure(_found(self.patterns)[self.id], self.scale, self.assignments)


@functools.cache
def _found(patterns: tuple[str, ...]) -> dict[str, Any]:
    return {claim.about.id: claim for claim in find(*patterns)}  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Failure:
    """A claim that could not be run.

    Attributes
    ----------
    reason : str
        In a sentence.
    usage : bool
        Whether settings were wrong, and nothing was simulated.
    memory : bool
        Whether it did not fit into the process's share of the memory.
    trace : str
        The traceback of a defect; empty where the failure has a sentence of its own.
    """

    reason: str
    usage: bool = False
    memory: bool = False
    trace: str = ""


def attempt(task: Task, tell: Tell, progress: bool | None = None) -> Outcome | Failure:
    """Run a claim, and return what came of it, or why nothing did.

    Parameters
    ----------
    task : Task
    tell : callable
        Told what is being done.
    progress : bool, optional
        As in `soret.simulate`.

    Raises
    ------
    KeyboardInterrupt
        If a signal asked to stop; what was done is saved.
    Exception
        A defect.
    """
    try:
        with system.stop_later():
            from soret.claims.running import default_folder, run_claim
        system.stop_if_asked()
        claim, out = task.claim(), task.out
        if out is not None and task.several:
            out = out / default_folder(claim, task.scale, task.seed).name
        return run_claim(
            claim,
            scale=task.scale,
            seed=task.seed,
            out=out,
            progress=progress,
            say=lambda line: _said(line, tell),
        )
    except SettingsError as error:
        return Failure(str(error), usage=True, memory=isinstance(error, TooMuchMemory))
    except SoretError as error:
        return Failure(str(error))
    except (OSError, MemoryError, RuntimeError) as error:
        refused = system.refusal(error)
        if refused is None:
            raise
        return Failure(f"{task.id}: {refused}; the same command goes on from what is saved.")


def _said(line: str, tell: Tell) -> None:
    system.stop_if_asked()
    tell("say", line)


def serve(connection: Connection, sharing: int, progress: bool) -> None:
    """Run the tasks that come through a connection until it is closed at its other end.

    Then, and where SIGTERM or SIGHUP says so, the task in progress is stopped as by Ctrl-C: what is
    done of it is saved. What happens is told through the connection.

    Parameters
    ----------
    connection : Connection
    sharing : int
        Processes that share the machine, this one among them.
    progress : bool
        Whether somebody looks at bars.
    """
    try:
        system.keep_own_access()
        system.stop_like_ctrl_c()
        memory.share_between(sharing)
        told = _Told(connection)
        sys.stdout = sys.stderr = _Lines(told)
        if progress:
            bars.send_to(lambda bar: told("bar", bar))
        tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(connection, tasks), daemon=True).start()
        _divide_cores(sharing)
        while (task := tasks.get()) is not None:
            told("end", _outcome(task, told, progress))
    except KeyboardInterrupt:
        system.heard()
    system.leave(0)


def _outcome(task: Task, tell: Tell, progress: bool) -> Outcome | Failure:
    try:
        return attempt(task, tell, progress)
    except Exception as error:
        if system.is_asked_to_stop():  # what is cut short may fail in any way
            raise KeyboardInterrupt from None
        return Failure(f"{task.id}: {error!r}", trace=traceback.format_exc())


def _divide_cores(sharing: int) -> None:
    """Let BLAS use a share of the cores: its threads wait for each other by counting."""
    from threadpoolctl import threadpool_limits

    from soret.dynamics.plan import cores

    threadpool_limits(max(1, cores() // sharing), user_api="blas")


def _listen(connection: Connection, tasks: queue.SimpleQueue[Task | None]) -> None:
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            # Whoever gave the tasks wants no more of them, or is gone.
            tasks.put(None)
            if not system.is_asked_to_stop():
                _interrupt()
            return
        tasks.put(task)


def _interrupt() -> None:
    """Let SIGTERM arrive on the main thread, whatever it waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        _thread.interrupt_main(signal.SIGTERM)


class _Told:
    """Sends what happens, from whichever thread; what nobody receives is dropped."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __call__(self, kind: str, content: Any) -> None:
        with self._lock:
            try:
                self._connection.send((kind, content))
            except (OSError, ValueError):  # the other end is closed, and `_listen` has heard so
                return


class _Lines(io.TextIOBase):
    """A stream whose lines are told."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._begun = tell, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._tell("error", line)
        return len(text)
