"""Showing a download on the terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from soret.data.download import Progress


@contextmanager
def shown(progress: Progress | bool) -> Iterator[Progress]:
    """Turn the ``progress`` setting of :func:`soret.data.load` into a function to call.

    ``True`` draws a bar on standard error if that is a terminal.
    """
    if callable(progress):
        yield progress
    elif progress:
        with _bar() as draw:
            yield draw
    else:
        yield _silent


def _silent(name: str, done: int, total: int) -> None:
    pass


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich import progress as columns

    from soret.bars import Bars
    from soret.streams import is_terminal

    if not is_terminal(sys.stderr):
        yield _silent
        return
    bars = Bars(
        columns.TextColumn("{task.description}"),
        columns.BarColumn(),
        columns.DownloadColumn(),
        columns.TransferSpeedColumn(),
        columns.TimeRemainingColumn(),
        transient=True,
    )
    try:
        yield bars.draw
    finally:
        bars.close()
