"""Several claims at a time, each in a process of its own; a process lives for many of them.

Most of a claim's time goes into tracing, compiling and drawing, which hold the interpreter: threads
would wait for each other. Processes are spawned, never forked.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from soret import memory, system
from soret.claims.worker import Failure, Task, attempt, serve
from soret.errors import SettingsError

Tell = Callable[[int, str, Any], None]
"""``tell(number, kind, content)``: as `soret.claims.worker.Tell`, and which of the tasks it is."""

# Bytes that a process may want: at quick scale none has more, and at paper scale it makes do.
_ROOM = 2 * 2**30
# Seconds between looks at signals, and that workers that were idle have to end.
_LOOK, _LEAVE = 0.2, 5.0


@dataclass(eq=False)
class _Worker:
    """A process, and the task that it has."""

    process: Any
    connection: Connection
    number: int | None = None


def run_tasks(tasks: Sequence[Task], jobs: int | None, tell: Tell, progress: bool) -> None:
    """Run tasks, side by side where there are several.

    Parameters
    ----------
    tasks : sequence of Task
    jobs : int, optional
        How many at a time. Default: what cores and memory allow, and one where an accelerator
        computes.
    tell : callable
        Of each task told "begin" with its seed, what happens, and "end".
    progress : bool
        Whether somebody looks at bars.

    Raises
    ------
    KeyboardInterrupt
        If a signal asked to stop; what was done is saved.
    SettingsError
        If several are to run where an accelerator computes.
    """
    import jax

    accelerated = jax.local_devices()[0].platform != "cpu"
    if accelerated and jobs not in (None, 1):
        raise SettingsError(
            f"jobs is {jobs}, and an accelerator is held by one process; leave --jobs out."
        )
    jobs = 1 if accelerated else min(len(tasks), jobs or _usual())
    if jobs > 1:
        SideBySide(jobs, tell, progress).run(tasks)
        return
    for number, task in enumerate(tasks):
        tell(number, "begin", task.seed)
        tell(number, "end", attempt(task, functools.partial(tell, number)))


def _usual() -> int:
    """Return how many claims are run at a time: one a core, if memory allows."""
    from soret.dynamics.plan import cores

    return max(1, min(cores(), memory.limit_bytes() // _ROOM))


class SideBySide:
    """Runs tasks in processes of their own, and tells what happens.

    A failure is the task's alone: also that of a process that is killed, which another one takes
    the place of. Tasks that did not fit into a process's share of the memory are run again one at
    a time, after all others.

    Parameters
    ----------
    jobs : int
        Processes at a time, at most.
    tell : callable
    progress : bool
        Whether somebody looks at bars.
    serve : callable
        What a process does: `soret.claims.worker.serve`, or what a test puts in its place.
    """

    def __init__(
        self,
        jobs: int,
        tell: Tell,
        progress: bool = False,
        serve: Callable[[Connection, int, bool], None] = serve,
    ) -> None:
        self._jobs, self._tell, self._progress, self._serve = jobs, tell, progress, serve
        self._workers: list[_Worker] = []
        self._begun: set[int] = set()

    def run(self, tasks: Sequence[Task]) -> None:
        """Run all tasks.

        Raises
        ------
        KeyboardInterrupt
            If a signal asked to stop; what was done is saved. A second one does not wait for that.
        """
        try:
            alone = self._run_all(dict(enumerate(tasks)), self._jobs)
            if alone:
                self._run_all(alone, 1)
        except BaseException:
            self._stop()
            raise

    def _run_all(self, tasks: dict[int, Task], jobs: int) -> dict[int, Task]:
        """Run tasks; return those that want more memory than a share."""
        waiting, alone = deque(tasks), dict[int, Task]()
        while True:
            idle = [worker for worker in self._workers if worker.number is None]
            while waiting and (idle or len(self._workers) < jobs):
                worker = idle.pop() if idle else self._started(jobs)
                self._hand(worker, waiting.popleft(), tasks)
            if all(worker.number is None for worker in self._workers):
                break
            for worker, kind, content in self._heard():
                assert worker.number is not None
                number = worker.number
                if kind == "end":
                    worker.number = None
                if isinstance(content, Failure) and content.memory and jobs > 1:
                    self._tell(number, "say", "waits for the memory that others use")
                    alone[number] = tasks[number]
                    continue
                self._tell(number, kind, content)
        self._leave()
        return alone

    def _started(self, sharing: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=self._serve, args=(theirs, sharing, self._progress), daemon=True
        )
        with _deaf():
            process.start()
        theirs.close()  # or its end would not be heard
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _hand(self, worker: _Worker, number: int, tasks: dict[int, Task]) -> None:
        if number not in self._begun:
            self._begun.add(number)
            self._tell(number, "begin", tasks[number].seed)
        worker.number = number
        with contextlib.suppress(OSError):  # a process that has died says so when it is heard
            worker.connection.send(tasks[number])

    def _heard(self) -> Iterator[tuple[_Worker, str, Any]]:
        """Yield what workers say, and of one that died that its task has failed."""
        system.stop_if_asked()
        busy = {w.connection: w for w in self._workers if w.number is not None}
        for connection in wait(list(busy), _LOOK):
            assert isinstance(connection, Connection)
            worker = busy[connection]
            try:
                kind, content = connection.recv()
            except (EOFError, OSError):
                worker.process.join()
                connection.close()
                self._workers.remove(worker)
                yield worker, "end", Failure(_of_the_dead(worker.process.exitcode))
                continue
            yield worker, kind, content

    def _leave(self) -> None:
        """Let workers that are idle end."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_LEAVE)
            if worker.process.is_alive():
                worker.process.kill()
        self._workers.clear()

    def _stop(self) -> None:
        """Stop all workers, and wait until they have saved what is done."""
        system.heard()
        try:
            for worker in self._workers:
                worker.connection.close()
            while alive := [w.process.sentinel for w in self._workers if w.process.is_alive()]:
                wait(alive, _LOOK)
                system.stop_if_asked()
        except KeyboardInterrupt:
            for worker in self._workers:
                worker.process.kill()
            raise


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Let a process that is started here never hear Ctrl-C: whoever started it tells it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _of_the_dead(status: int | None) -> str:
    how = f"with status {status}"
    if status is not None and status < 0:
        how = f"by signal {-status}"
        with contextlib.suppress(ValueError):
            how = f"by {signal.Signals(-status).name}"
    why = ", as where memory is short" if status == -9 else ""
    return (
        f"its process was ended {how}{why}; the same command goes on from what is saved, and "
        "--jobs 1 runs one claim at a time."
    )
