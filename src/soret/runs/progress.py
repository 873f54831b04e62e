"""Progress of long work: how much is done, how fast, time left; on standard error."""

import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from soret.bars import Bars
from soret.streams import is_terminal

# Work that ends sooner than this shows nothing.
_QUIET_SECONDS = 2.0


class ProgressBar:
    """A bar that appears once work proves to be long; safe to call from several threads.

    One that cannot be written, as where the terminal is gone, is dropped, and the work goes on.

    Parameters
    ----------
    total : int
        Replica-steps, or whatever else is to be done.
    title : str
        What stands before the bar.
    enabled : bool, optional
        Default: where standard error is a terminal.
    unit : str, optional
        What is counted, where its number a second tells something.
    """

    def __init__(
        self, total: int, title: str, enabled: bool | None = None, unit: str | None = "steps"
    ) -> None:
        self.enabled = is_terminal(sys.stderr) if enabled is None else enabled
        self.total, self.title, self.unit, self.done = total, title, unit, 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._bar: Bars | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, steps: int) -> None:
        """Say that `steps` more of the total are done."""
        with self._lock:
            self.done += steps
            if not self.enabled:
                return
            if self._bar is None and time.monotonic() - self._began > _QUIET_SECONDS:
                self._bar = _bar(self.unit)
            if self._bar is not None:
                self._bar.draw(self.title, self.done, self.total)

    def how_to_resume(self, folder: Path | None) -> str:
        """Say at Ctrl-C how far it came, and how it goes on; `folder` is where it was saved."""
        share = f"stopped at {100 * self.done / self.total:.0f} %"
        if folder is None:
            return f"{share}; nothing was saved, because no folder was given (out=...)."
        return f"{share}; run again with the same settings and out={str(folder)!r} to resume."


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{_metric(speed)} {self._unit}/s")


def _bar(unit: str | None) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        *([_Rate(unit)] if unit else []),
        TimeRemainingColumn(),
        TextColumn("left"),
    )


def _metric(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} "
