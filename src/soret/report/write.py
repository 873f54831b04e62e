"""Writing a report: a page or a table, by the file's name, put into place whole."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from soret.errors import SettingsError
from soret.report.collect import Collected, collect
from soret.report.size import WORTH_SAYING, expected_bytes, megabytes, refuse_beyond
from soret.report.table import MARK, escape, table
from soret.runs import durable, files

_GENERATOR = 'name="generator" content="soret report'
_LOOKED_AT = 4096


def write(
    paths: Iterable[Path], to: Path, say: Callable[[str], None] = lambda line: None
) -> Collected:
    """Write a report of the runs at some paths.

    Parameters
    ----------
    paths : iterable of Path
        Folders of runs, or folders that hold some.
    to : Path
        A page, ``.html``, or a table of verdicts in Markdown, ``.md``.
    say : callable
        Told, before the work, how large the page will be where that is much.

    Returns
    -------
    Collected
        What was found; what could not be read is in it, and on the page.

    Raises
    ------
    SettingsError
        If there is no run to report, `to` is no place for it, or the page would be too large.
    """
    check_place(to)
    found = collect(paths)
    if to.suffix == ".md":
        notes = "".join(f"\nNot loaded: {escape(sentence)}\n" for sentence in found.unread)
        put(f"{MARK}\n{table(found.runs)}{notes}", to)
    else:
        from soret.report.page import page

        size = expected_bytes(found.runs)
        refuse_beyond(size, len(found.runs))
        if size > WORTH_SAYING:
            say(f"reading {len(found.runs)} runs; the page will have about {megabytes(size)}")
        put(page(found), to)
    return found


def check_place(to: Path) -> None:
    """Refuse, before any work, a place where no report can be put.

    Raises
    ------
    SettingsError
        If the name is of no known kind, its folder cannot be written to, or a file is there that
        is no report.
    """
    if to.suffix not in (".html", ".md"):
        raise SettingsError(f"{to} is neither a page (.html) nor a table (.md).")
    try:
        if to.is_dir():
            raise SettingsError(f"{to} is a folder; name a file.")
        folder = next(place for place in to.absolute().parents if place.exists())
        start = None
        if to.exists():
            with to.open(encoding="utf-8", errors="replace") as file:
                start = file.read(_LOOKED_AT)
    except OSError as error:
        raise _cannot_be_written(to, error) from error
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise SettingsError(f"{to} cannot be written: {folder} is no folder to write in.")
    if start is not None and MARK not in start and _GENERATOR not in start:
        raise SettingsError(f"{to} exists and is no report; delete it, or name another file.")


def put(text: str, to: Path) -> None:
    """Write a report whole, in folders that are made if need be.

    Raises
    ------
    SettingsError
        If it cannot be written; what was there before is there still.
    """
    try:
        durable.make_folder(to.parent)
        files.clear_abandoned(to.parent)  # what a report that was killed left half-written
        files.write_text(to, text)
    except OSError as error:
        raise _cannot_be_written(to, error) from error


def _cannot_be_written(to: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{to} cannot be written ({error.strerror}).")
