"""Bars on standard error that never end the work they show."""

import contextlib
import logging
import time
from collections.abc import Callable

from rich.progress import Progress, ProgressColumn, TaskID

from soret.streams import Terminal

__all__ = ["Bars"]

_REDRAWN_SECONDS = 0.1

log = logging.getLogger("soret")


class _Elsewhere:
    """Where bars are drawn, if not here."""

    tell: Callable[[tuple[str, float, float | None] | None], None] | None = None


def send_to(tell: Callable[[tuple[str, float, float | None] | None], None]) -> None:
    """Let all bars of this process be drawn by another one.

    Parameters
    ----------
    tell : callable
        Told title, what is done and the total; None at a bar's end.
    """
    _Elsewhere.tell = tell


class Bars:
    """Bars, each with a title; dropped, with a word in the log, where they cannot be written.

    Parameters
    ----------
    *columns : rich.progress.ProgressColumn
    transient : bool
        Whether they vanish in the end.
    """

    def __init__(self, *columns: ProgressColumn, transient: bool = False) -> None:
        # Drawn by who counts: an error in a thread of Rich's own would reach nobody.
        self._progress: Progress | None = Progress(
            *columns, console=Terminal(stderr=True), auto_refresh=False, transient=transient
        )
        self._tasks: dict[str, TaskID] = {}
        self._drawn = -1.0

    def draw(self, title: str, done: float, total: float | None) -> None:
        """Show that `done` of `total` are done."""
        if self._progress is None:
            return
        now = time.monotonic()
        due = done == total or now - self._drawn > _REDRAWN_SECONDS
        if _Elsewhere.tell is not None:
            if due:
                self._drawn = now
                _Elsewhere.tell((title, done, total))
            return
        try:
            if not self._tasks:
                self._progress.start()
            if title not in self._tasks:
                self._tasks[title] = self._progress.add_task(title, total=total)
            self._progress.update(self._tasks[title], completed=done, total=total, refresh=due)
        except (OSError, ValueError) as error:
            self._drop(error)
        if due:
            self._drawn = now

    def close(self) -> None:
        """Draw them a last time."""
        if _Elsewhere.tell is not None:
            _Elsewhere.tell(None)
            return
        if self._progress is None or not self._tasks:
            return
        try:
            self._progress.stop()
        except (OSError, ValueError) as error:
            self._drop(error)

    def _drop(self, error: Exception) -> None:
        """Give the streams back, and say in the log that nothing more is shown."""
        progress, self._progress = self._progress, None
        if progress is not None:
            # It gives them back although it cannot write.
            with contextlib.suppress(OSError, ValueError):
                progress.stop()
        log.warning("the progress bar cannot be written (%s); the work goes on without it", error)
