"""The verdicts as a table in Markdown."""

import re
from collections.abc import Callable, Iterable

from soret.printable import printable
from soret.report import state, words
from soret.report.saved import SavedRun

MARK = "<!-- made by soret report -->"

_HEADS = ("claim", "tested", "predicted", "measured (95 %)", "rival", "verdict", "cost")
# What Markdown takes for more than a letter: a backslash helps in every dialect, or an entity does.
_ESCAPED = re.compile(r"[\\`*_\[\]]")
# What some dialects make links of without being asked.
_ADDRESS = re.compile(r"://|www(?=\.)|@", re.IGNORECASE)
_ENTITIES = re.compile(r"[&<>|~$]")


def table(runs: Iterable[SavedRun], link: Callable[[SavedRun], str] | None = None) -> str:
    """Return the verdicts of saved runs as a Markdown table, a claim a row.

    A claim with several results is shown by the one that decides its verdict.

    Parameters
    ----------
    runs : iterable of SavedRun
        As from `collect`; ensembles without a claim are left out. A claim that was not judged
        has a row that says so.
    link : callable, optional
        Returns what a claim's name should lead to.
    """
    rows = [_row(run, link) for run in runs if run.claim is not None]
    lines = [_HEADS, ("---",) * len(_HEADS), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line, and makes no links of."""
    safe = _ENTITIES.sub(_entity, printable(" ".join(text.split())))
    safe = _ESCAPED.sub(r"\\\g<0>", safe)
    return _ADDRESS.sub(lambda found: _entity(found[0][0]) + found[0][1:], safe)


def _entity(letter: str | re.Match[str]) -> str:
    return f"&#{ord(letter[0])};"


def _row(run: SavedRun, link: Callable[[SavedRun], str] | None) -> tuple[str, ...]:
    told = "; ".join(
        [*([] if run.scale in ("", "quick") else [f"{run.scale} scale"]), *run.substitutes]
    )
    name = escape(f"{run.title} ({told})" if told else run.title)
    result = run.decisive
    compared = (
        (
            f"{result.quantity}{_others(run)}",
            words.number(result.predicted),
            result.in_words.replace(" (95 %: ", " ("),
            words.number(result.rival),
        )
        if result
        else ("nothing could be compared" if run.verdict else state.NOT_JUDGED, "", "", "")
    )
    return (
        f"[{name}]({link(run)})" if link else name,
        *map(escape, compared),
        run.outcome,
        f"{words.duration(run.seconds)} s",
    )


def _others(run: SavedRun) -> str:
    if len(run.results) < 2:
        return ""
    return f" ({len(run.results)} results: {words.counted(r.verdict for r in run.results)})"
