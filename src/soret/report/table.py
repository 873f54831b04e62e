"""The verdicts as a table in Markdown."""

import re
from collections.abc import Callable, Iterable, Iterator

from soret.claims.finding import TestedStatement
from soret.printable import printable
from soret.report import state, words
from soret.report.saved import SavedRun

MARK = "<!-- made by soret report -->"

_HEADS = ("claim", "found", "predicted", "measured (95 %)", "rival", "verdict", "cost")
# What Markdown takes for more than a letter: a backslash helps in every dialect, or an entity does.
_ESCAPED = re.compile(r"[\\`*_\[\]]")
# What some dialects make links of without being asked.
_ADDRESS = re.compile(r"://|www(?=\.)|@", re.IGNORECASE)
_ENTITIES = re.compile(r"[&<>|~$]")


def table(runs: Iterable[SavedRun], link: Callable[[SavedRun], str] | None = None) -> str:
    """Return the verdicts of saved runs as a Markdown table: a row a claim, and one a statement.

    A claim's row says what was found, a statement's which result decides its verdict.

    Parameters
    ----------
    runs : iterable of SavedRun
        As from `collect`; ensembles without a claim are left out. A claim that was not judged
        has a row that says so.
    link : callable, optional
        Returns what a claim's name should lead to.
    """
    rows = [row for run in runs if run.claim is not None for row in _rows(run, link)]
    lines = [_HEADS, ("---",) * len(_HEADS), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line, and makes no links of."""
    safe = _ENTITIES.sub(_entity, printable(" ".join(text.split())))
    safe = _ESCAPED.sub(r"\\\g<0>", safe)
    return _ADDRESS.sub(lambda found: _entity(found[0][0]) + found[0][1:], safe)


def _entity(letter: str | re.Match[str]) -> str:
    return f"&#{ord(letter[0])};"


def _rows(run: SavedRun, link: Callable[[SavedRun], str] | None) -> Iterator[tuple[str, ...]]:
    told = "; ".join(
        [*([] if run.scale in ("", "quick") else [f"{run.scale} scale"]), *run.substitutes]
    )
    name = escape(f"{run.title} ({told})" if told else run.title)
    named = f"[{name}]({link(run)})" if link else name
    cost = f"{words.duration(run.seconds)} s"
    if run.finding or not run.verdict:
        found = escape(run.finding or state.NOT_JUDGED)
        yield named, found, "", "", "", "" if run.verdict else run.outcome, cost
        named, cost = "", ""
    for statement in run.statements:
        yield named, *map(escape, _compared(run, statement)), statement.shown, cost


def _compared(run: SavedRun, statement: TestedStatement) -> tuple[str, ...]:
    """Return what is stated, or measured where that is not known, and the numbers."""
    result = run.decides(statement)
    about = f"{statement.text} ({statement.circumstances})" if statement.circumstances else ""
    if result is None:
        return about or "nothing could be compared", "", "", ""
    others = run.of(statement)
    if not about:
        about = result.quantity
        if len(others) > 1:
            about += f" ({len(others)} results: {words.counted(str(r.verdict) for r in others)})"
    return about, result.written.predicted, words.brief(result), result.written.rival
