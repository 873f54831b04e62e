"""What processes do in tests in place of running claims, by the name of the task."""

import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

from soret.claims import worker
from soret.claims.worker import Failure, Task, Tell


def serve(connection: Connection, sharing: int, progress: bool) -> None:
    """Answer every task with this process's number and how many share the machine."""
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(("say", task.id))
        if task.id == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if task.id == "large" and sharing > 1:
            connection.send(("end", Failure("no room", usage=True, memory=True)))
        elif task.id == "wrong":
            connection.send(("end", Failure("a setting is wrong", usage=True)))
        else:
            connection.send(("end", (os.getpid(), sharing)))


def serve_long(connection: Connection, sharing: int, progress: bool) -> None:
    """Serve as workers do, tasks that end when they are told to stop."""
    worker.attempt = _wait
    worker._divide_cores = lambda sharing: None
    worker.serve(connection, sharing, progress)


def serve_deaf(connection: Connection, sharing: int, progress: bool) -> None:
    """Never stop for anybody."""
    task = connection.recv()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection.send(("say", str(os.getpid())))
    time.sleep(600 if task else 0)


def _wait(task: Task, tell: Tell, progress: bool) -> object:
    """Wait to be stopped; then save that one was."""
    assert isinstance(task.out, Path)
    try:
        tell("say", str(os.getpid()))
        for _ in range(6000):
            time.sleep(0.01)
    except KeyboardInterrupt:
        task.out.write_text("saved")
        raise
    return "it was never stopped"
