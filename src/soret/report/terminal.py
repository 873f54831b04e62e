"""Saved runs on a terminal, or as JSON: verdict and provenance, of which nothing can act."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from soret.claims.finding import IN_DOUBT, TestedStatement
from soret.claims.pooling import Pooled, PooledResult
from soret.errors import SoretError
from soret.printable import printable
from soret.report import state
from soret.report.saved import SavedRun
from soret.report.statements import of, results_of, statements_of
from soret.report.words import counted, held_to, setting
from soret.runs import manifest, schema
from soret.runs.folder import runs_in
from soret.runs.strict_json import read_json
from soret.streams import json_line
from soret.verdict import Result
from soret.wording import number

_COLOURS = {
    "supported": "green",
    "contradicted": "red",
    "inconclusive": "yellow",
    IN_DOUBT: "yellow",
}
# Groups of what a run says of itself: a line for each of their entries.
_GROUPS = ("problem", "data", "algorithm", "functions", "settings")
# A claim has some tens of settings, and a list of values some hundred letters.
_MOST_LINES, _MOST_LETTERS = 200, 2_000
_SHOWN = ("state", "started", "finished", "description", "versions", "platform")


@dataclass(frozen=True)
class Glance:
    """What a run says of itself, without its data.

    Attributes
    ----------
    path : Path
    record, verdict : mapping
        What `run.json` and `verdict.json` say; empty where there is no verdict.
    judged : schema.Verdict or None
        The verdict as it is read.
    notes : list of str
        What to do if it is not done, and what cannot be known of it.
    """

    path: Path
    record: Mapping[str, Any]
    verdict: Mapping[str, Any] = field(default_factory=dict)
    judged: schema.Verdict | None = None
    notes: list[str] = field(default_factory=list)


def show(folders: Iterable[Path], out: Console, err: Console, as_json: bool) -> bool:
    """Print runs; name, on standard error, those that cannot be read.

    Parameters
    ----------
    folders : iterable of Path
        Folders of runs, or folders that hold some.
    out, err : Console
    as_json : bool
        An object a line instead of tables.

    Returns
    -------
    bool
        Whether there was one that could be read.
    """
    any_shown = False
    for folder in folders:
        try:
            paths = runs_in(folder)
        except SoretError as error:
            _say_unread(error, err)
            continue
        for path in paths:
            try:
                seen = glance(path)
            except SoretError as error:
                _say_unread(error, err)
                continue
            any_shown = True
            if as_json:
                print(json_line({"run": seen.record, "verdict": seen.verdict}))
            else:
                _print_run(seen, out)
    return any_shown


def glance(path: Path) -> Glance:
    """Read what a run says of itself; its data and figures are not looked at.

    Raises
    ------
    RunError
        If that is missing or damaged, or the verdict is of another run.
    """
    return state.settled(path, _glance)


def _glance(path: Path) -> Glance:
    record = schema.read_record(path / "run.json")
    run = SavedRun(path, record)
    if record["state"] != "complete":
        return Glance(path, record, notes=[state.unfinished(path, record, run.command)])
    verdict = path / "verdict.json"
    judged = os.path.lexists(verdict)
    notes = state.cautions(record)
    if not state.is_old(record):
        manifest.verify_files(path, "run.json", *(["verdict.json"] if judged else []))
    if not judged:
        if run.claim is not None:
            notes.append(state.not_judged(path, run.command))
        return Glance(path, record, notes=notes)
    found = read_json(verdict)
    return Glance(path, record, found, schema.check_verdict(found, verdict, record), notes)


def print_verdict(found: schema.Verdict, console: Console, *, every: bool) -> None:
    """Print what came of a claim's test: statement by statement, and the finding.

    Parameters
    ----------
    found : schema.Verdict
        What `verdict.json` says.
    console : Console
    every : bool
        All results, and not only those that decide.
    """
    results = results_of(found)
    statements = statements_of(found, results)
    for statement in statements[:_MOST_LINES]:
        _print_statement(statement, results, console, every)
    _print_left_out(statements, "statements", console)
    for kind, given in (("note", found.notes), ("figure", found.figures)):
        for one in given[:_MOST_LINES]:
            console.print(_plain(f"{kind}: {one}"), soft_wrap=True)
        _print_left_out(given, f"{kind}s", console)
    head = _plain(f"{found.claim} ({found.scale} scale): ", style="bold")
    told = _plain(found.finding) if found.finding else _coloured(found.verdict)
    console.print(Text.assemble(head, told))


def print_pooled(found: Pooled, console: Console) -> None:
    """Print what came of a claim at several seeds: each statement's verdicts, and the pooled one.

    Parameters
    ----------
    found : Pooled
    console : Console
    """
    seeds = f"seeds {found.seeds[0]} to {found.seeds[-1]}"
    console.print(_plain(f"{found.claim} ({found.scale} scale), {seeds}:", style="bold"))
    table = Table("statement", "by seed", "pooled", "estimate over seeds")
    for statement in found.statements:
        decides = [r for r in statement.results if r.verdict == statement.verdict]
        table.add_row(
            _plain(statement.text),
            statement.marks,
            _coloured(statement.in_words),
            _plain(_estimate_of(decides[0]) if decides else ""),
        )
    console.print(table)


def _estimate_of(result: PooledResult) -> str:
    low, high = (number(bound) for bound in result.interval)
    spread = "" if math.isnan(result.interval[0]) else f" (95 % over seeds: {low} to {high})"
    return f"{result.quantity}: {number(result.measured)}{spread}"


def _print_statement(
    statement: TestedStatement, results: Sequence[Result], console: Console, every: bool
) -> None:
    """Print a verdict, what it is on, and the results: that which decides first."""
    shown = _coloured(statement.shown)
    console.print(Text.assemble(shown, _plain(f": {statement.text or 'the claim'}")))
    about = [statement.where, statement.circumstances, statement.differs]
    if any(about):
        _print_inside("; ".join(filter(None, about)), console, style="dim")
    own = of(statement, results)
    if statement.deciding is None:
        return
    decides = results[statement.deciding]
    rest = [result for result in own if result is not decides]
    for result in [decides, *rest][: _MOST_LINES if every else 1]:
        told = f"{result.quantity}: {result.in_words}, {held_to(result)}"
        _print_inside(f"{told}; {result.verdict}" if rest else told, console)
        if every and result.note:
            _print_inside(result.note, console, style="dim", indent=8)
    if every:
        _print_left_out(own, "results", console)
    elif rest:
        told = counted(str(result.verdict) for result in rest)
        _print_inside(f"other results: {told}", console, style="dim")
    if statement.tolerance:
        _print_inside(f"tolerance: {statement.tolerance}", console, style="dim")


def _print_inside(text: str, console: Console, *, style: str = "", indent: int = 4) -> None:
    console.print(Padding(_plain(text, style=style), (0, 0, 0, indent)))


def _print_left_out(given: Sequence[Any], what: str, console: Console) -> None:
    more = len(given) - _MOST_LINES
    if more > 0:
        console.print(_plain(f"… and {more:,} {what} more, in verdict.json"))


def _print_run(seen: Glance, out: Console) -> None:
    out.print(_plain(seen.path, style="bold"), soft_wrap=True)
    if seen.judged is not None:
        print_verdict(seen.judged, out, every=True)
    for note in seen.notes:
        out.print(_plain(note, style="bold yellow"), soft_wrap=True)
    table = Table(show_header=False, box=None)
    for key in _SHOWN:
        if key in seen.record:
            table.add_row(key, _lines(seen.record[key]))
    out.print(table)


def _lines(value: Any) -> Text:
    if not isinstance(value, Mapping):
        return _plain(value)
    entries = _entries(value)
    lines = [_plain(f"{key}: {setting(one)}") for key, one in islice(entries, _MOST_LINES)]
    more = sum(1 for _ in entries)
    if more:
        lines.append(_plain(f"… and {more:,} more, in run.json"))
    return Text("\n").join(lines)


def _entries(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping) and key in _GROUPS:
            yield from ((f"{key} {name}", one) for name, one in item.items())
        else:
            yield key, item


def _say_unread(error: SoretError, err: Console) -> None:
    err.print(_plain(f"not shown: {error}"), soft_wrap=True)


def _plain(text: object, style: str = "") -> Text:
    said = str(text)
    if len(said) > _MOST_LETTERS:  # wrapping megabytes takes a minute
        said = f"{said[:_MOST_LETTERS]}… and {len(said) - _MOST_LETTERS:,} letters more"
    return Text(printable(said), style=style)


def _coloured(verdict: Any) -> Text:
    return _plain(verdict, style=f"bold {_COLOURS.get(str(verdict), 'white')}")
