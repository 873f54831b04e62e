"""The verdicts on a claim's statements, and what was found, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from soret.claims.statement import Origin, Setting, Statement, setting_of
from soret.errors import SettingsError
from soret.verdict import Result, Verdict, together

IN_DOUBT = "restoration in doubt"
NOT_TESTED = "not tested at these settings"

MARKS = {
    Verdict.SUPPORTED: "✓",
    Verdict.CONTRADICTED: "✗",
    Verdict.INCONCLUSIVE: "?",
    IN_DOUBT: "!",
    NOT_TESTED: "–",
}
"""A mark for each word that `TestedStatement.shown` may be."""


@dataclass(frozen=True)
class TestedStatement:
    """A statement with what became of it in a run: plain data, as it is saved.

    Attributes
    ----------
    name, text, where, tolerance : str
        As of `Statement`.
    origin, setting : str
        As of `Statement`, and where the run tests it; empty in a run saved before there were any.
    differs : str
        What is easier or other than in the paper.
    verdict : Verdict or None
        That of its worst result; None where there is no result.
    deciding : int or None
        Which of the run's results decides the verdict.
    clause : str
        Its part of the finding.
    """

    name: str
    text: str
    where: str
    origin: str
    setting: str
    differs: str
    tolerance: str
    verdict: Verdict | None
    deciding: int | None
    clause: str

    __test__ = False  # no class of pytest's, for all its name

    @property
    def shown(self) -> str:
        """The verdict in words: where a restored formula fails, no paper is contradicted."""
        if self.verdict is None:
            return NOT_TESTED
        failed = self.verdict is Verdict.CONTRADICTED and self.origin == Origin.RESTORED
        return IN_DOUBT if failed else str(self.verdict)

    @property
    def mark(self) -> str:
        """A letter for the verdict."""
        return MARKS[self.shown]

    @property
    def circumstances(self) -> str:
        """Whose statement it is, and where it was tested, in a few words."""
        where = {
            Setting.PAPER: "at the paper's setting",
            Setting.EASIER: "at an easier setting",
            Setting.OTHER: "at another setting",
        }
        known = [self.origin, where.get(Setting(self.setting)) if self.setting else None]
        return ", ".join(filter(None, known))

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"verdict": None if self.verdict is None else str(self.verdict)}


def assigned(claim: Any, results: Iterable[Result]) -> list[Result]:
    """Return results each of which names a statement of the claim.

    Parameters
    ----------
    claim : Claim
    results : iterable of Result
        Where the claim makes only one statement they need not name it.

    Raises
    ------
    SettingsError
        If a result names no statement, or one that the claim does not make.
    """
    names = [statement.name for statement in claim.about.statements]
    found = []
    for result in results:
        if not result.statement and len(names) == 1:
            result = replace(result, statement=names[0])
        if result.statement not in names:
            told = repr(result.statement) if result.statement else "no statement"
            raise SettingsError(
                f"the result {result.quantity!r} of {claim.about.id} belongs to {told}; name one "
                f"of its statements: {', '.join(names)}."
            )
        found.append(result)
    return found


def conclude(claim: Any, results: Sequence[Result]) -> list[TestedStatement]:
    """Return what became of each of a claim's statements.

    Parameters
    ----------
    claim : Claim
        With its settings.
    results : sequence of Result
        As from `assigned`.
    """
    return [_concluded(claim, statement, results) for statement in claim.about.statements]


def deciding(results: Sequence[Result], verdict: Verdict, among: Sequence[int]) -> int | None:
    """Return which result decides a verdict: of those with the verdict the one furthest off.

    Where none is held to an interval: the first, one with a predicted number before others.

    Parameters
    ----------
    results : sequence of Result
    verdict : Verdict
    among : sequence of int
        Which of them are asked.
    """
    worst = [i for i in among if results[i].verdict == verdict]
    return max(worst, key=lambda i: _strain(results[i]), default=None)


def _strain(result: Result) -> tuple[bool, float, bool]:
    """Return whether a result is held to an interval, and how far off it is, 1 at its edge."""
    worded = isinstance(result.predicted, str)
    if result.within is None or not np.isfinite([*result.within, *result.interval]).all():
        return False, 0.0, not worded
    low, high = result.within
    off = [abs(2 * bound - low - high) / (high - low) for bound in result.interval]
    nearest = min(off) if result.verdict is Verdict.CONTRADICTED else max(off)
    return True, nearest, not worded


_NUMBERS = ("measured", "low", "high", "predicted", "rival")


def _concluded(claim: Any, statement: Statement, results: Sequence[Result]) -> TestedStatement:
    own = [i for i, result in enumerate(results) if result.statement == statement.name]
    verdict = together(results[i].verdict for i in own) if own else None
    chosen = None if verdict is None else deciding(results, verdict, own)
    setting, differs = setting_of(claim, statement)
    return TestedStatement(
        name=statement.name,
        text=statement.text,
        where=statement.where,
        origin=str(statement.origin),
        setting=str(setting),
        differs=differs,
        tolerance=statement.tolerance,
        verdict=verdict,
        deciding=chosen,
        clause=""
        if chosen is None
        else _clause(statement, results[chosen], [results[i].verdict for i in own]),
    )


def _clause(statement: Statement, decides: Result, verdicts: Sequence[Verdict]) -> str:
    if decides.verdict is Verdict.INCONCLUSIVE and np.isnan(decides.measured):
        return f"{decides.quantity} could not be measured"
    clause = {
        Verdict.SUPPORTED: statement.holds,
        Verdict.CONTRADICTED: statement.fails,
        Verdict.INCONCLUSIVE: statement.unclear,
    }[decides.verdict]
    numbers = {name: getattr(decides.written, name) for name in _NUMBERS}
    return clause.format(
        quantity=decides.quantity,
        held=verdicts.count(Verdict.SUPPORTED),
        failed=verdicts.count(Verdict.CONTRADICTED),
        count=len(verdicts),
        **numbers,
    )


def finding(statements: Iterable[TestedStatement]) -> str:
    """Return what was found of a claim, in one sentence made from its statements' clauses."""
    every = list(statements)
    clauses = [statement.clause for statement in every if statement.clause]
    missing = [statement.name for statement in every if statement.verdict is None]
    if missing:
        clauses.append(f"not tested at these settings: {', '.join(missing)}")
    return f"{_capital('; '.join(clauses))}." if clauses else "Nothing could be compared."


def _capital(text: str) -> str:
    """Return text with a capital where it begins with a word; symbols stay as they are."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]{2}|a\b", text) else text


def verdict_of(statements: Iterable[TestedStatement]) -> Verdict:
    """Return the verdict on a claim, for scripts: the worst over what a paper says.

    Over statements of ours where it makes no other: by themselves these contradict no paper.
    """
    every = [statement for statement in statements if statement.verdict is not None]
    theirs = [statement for statement in every if statement.origin != Origin.OURS]
    return together(one.verdict for one in theirs or every if one.verdict is not None)


def totals(statements: Iterable[TestedStatement]) -> str:
    """Count verdicts: a paper's own statements at its settings apart from all others.

    Returns
    -------
    str
        "printed, at the paper's setting: 3 supported, 1 contradicted; ours: 2 supported", say.
    """
    groups: dict[str, list[str]] = {
        "printed, at the paper's setting": [],
        "printed, tested elsewhere": [],
        "restored": [],
        "ours": [],
    }
    for one in statements:
        where = one.origin
        if where == Origin.PRINTED:
            at = one.setting == Setting.PAPER and one.verdict is not None
            where = "printed, at the paper's setting" if at else "printed, tested elsewhere"
        groups.setdefault(where or "claims without statements", []).append(one.shown)
    return "; ".join(
        f"{name}: {', '.join(f'{shown.count(w)} {w}' for w in MARKS if w in shown)}"
        for name, shown in groups.items()
        if shown
    )
