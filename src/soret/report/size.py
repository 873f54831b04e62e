"""How large a page will be: said before the work, and refused where no browser would be glad."""

import os
from collections.abc import Iterable
from pathlib import Path

from soret.errors import SettingsError
from soret.report.saved import SavedRun

# A browser opens this in some seconds; making it takes about five times as much memory.
MOST_BYTES = 200_000_000
WORTH_SAYING = 20_000_000

# Plotly, the page's own scripts and styles.
_PAGE = 1_900_000
# Of 500 runs of a claim: a figure as WebP in base64, over its bytes as PNG; curves and texts.
_PER_PNG_BYTE, _PER_RUN = 0.7, 40_000
# A quotation mark has two letters in JSON and five in HTML.
_PER_TEXT_BYTE = 3


def expected_bytes(runs: Iterable[SavedRun]) -> int:
    """Return about how many bytes a page on some runs will have."""
    return _PAGE + sum(
        _PER_RUN + text_bytes(run) + int(_PER_PNG_BYTE * _figure_bytes(run)) for run in runs
    )


def text_bytes(run: SavedRun) -> int:
    """Return how many bytes of a page the texts of a run may be."""
    return _PER_TEXT_BYTE * sum(_size(run.path / name) for name in ("run.json", "verdict.json"))


def refuse_beyond(size: int, runs: int) -> None:
    """Refuse a page that is too large.

    Raises
    ------
    SettingsError
        Saying how large it would be, and what to do instead.
    """
    if size > MOST_BYTES:
        raise SettingsError(
            f"a page on {runs} runs would have {megabytes(size)} or more, and at most "
            f"{megabytes(MOST_BYTES)} are written; name fewer runs, or a table (-o verdicts.md)."
        )


def megabytes(size: int) -> str:
    """Return a size as a person reads it."""
    return f"{size / 1e6:,.0f} MB"


def _figure_bytes(run: SavedRun) -> int:
    return sum(map(_size, run.figures))


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:  # there is none, or none any more
        return 0
