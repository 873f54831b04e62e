"""Progress of long work: steps per second and time left, on standard error."""

import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

# Work that ends sooner than this shows nothing.
_QUIET_SECONDS = 2.0


class ProgressBar:
    """A bar that appears once work proves to be long; safe to call from several threads.

    Parameters
    ----------
    total : int
        Replica-steps to be done.
    title : str
        What stands before the bar.
    enabled : bool, optional
        Default: where standard error is a terminal.
    """

    def __init__(self, total: int, title: str, enabled: bool | None = None) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled
        self.total, self.title, self.done = total, title, 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, steps: int) -> None:
        """Say that `steps` more replica-steps are done."""
        with self._lock:
            self.done += steps
            if not self.enabled:
                return
            if self._bar is None and time.monotonic() - self._began > _QUIET_SECONDS:
                self._bar = _bar()
                self._task = self._bar.add_task(self.title, total=self.total)
                self._bar.start()
            if self._bar is not None:
                self._bar.update(self._task, completed=self.done)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{_metric(speed)} steps/s")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
    )


def _metric(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} "
