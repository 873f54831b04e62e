"""Showing a download on the terminal."""

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
    from rich import progress as bars
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _silent
        return
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as display:
        tasks: dict[str, bars.TaskID] = {}

        def draw(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = display.add_task(name)
            display.update(tasks[name], completed=done, total=total)

        yield draw
