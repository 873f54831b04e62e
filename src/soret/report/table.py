"""The verdicts as a table in Markdown."""

import re
from collections.abc import Callable, Iterable

from soret.report import words
from soret.report.saved import SavedRun

MARK = "<!-- made by soret report -->"

_HEADS = ("claim", "tested", "predicted", "measured (95 %)", "rival", "verdict", "cost")
# What Markdown takes for more than a letter: a backslash helps in every dialect, or an entity does.
_ESCAPED = re.compile(r"[\\`*_\[\]]")
_ENTITIES = re.compile(r"[&<>|~$]")


def table(runs: Iterable[SavedRun], link: Callable[[SavedRun], str] | None = None) -> str:
    """Return the verdicts of saved runs as a Markdown table, a claim a row.

    A claim with several results is shown by the one that decides its verdict.

    Parameters
    ----------
    runs : iterable of SavedRun
        As from `collect`; ensembles without a claim are left out.
    link : callable, optional
        Returns what a claim's name should lead to.
    """
    rows = [_row(run, link) for run in runs if run.verdict is not None]
    lines = [_HEADS, ("---",) * len(_HEADS), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    safe = _ENTITIES.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
    return _ESCAPED.sub(r"\\\g<0>", safe)


def _row(run: SavedRun, link: Callable[[SavedRun], str] | None) -> tuple[str, ...]:
    name = escape(run.title if run.scale in ("", "quick") else f"{run.title} ({run.scale} scale)")
    result = run.decisive
    compared = (
        (
            f"{result.quantity}{_others(run)}",
            words.number(result.predicted),
            result.in_words.replace(" (95 %: ", " ("),
            words.number(result.rival),
        )
        if result
        else ("nothing could be compared", "", "", "")
    )
    return (
        f"[{name}]({link(run)})" if link else name,
        *map(escape, compared),
        str(run.verdict),
        f"{words.duration(run.seconds)} s",
    )


def _others(run: SavedRun) -> str:
    if len(run.results) < 2:
        return ""
    return f" ({len(run.results)} results: {words.counted(r.verdict for r in run.results)})"
