"""What became of a claim's statements, as a saved verdict has it."""

import math
from collections.abc import Sequence

from soret.claims import find
from soret.claims.claim import CLAIMS
from soret.claims.finding import TestedStatement, deciding
from soret.runs import schema
from soret.verdict import Result, Verdict


def results_of(found: schema.Verdict) -> list[Result]:
    """Return the results of a saved verdict; NaN where there was no number."""
    return [_result(one) for one in found.results]


def statements_of(found: schema.Verdict, results: Sequence[Result]) -> list[TestedStatement]:
    """Return the statements of a saved verdict.

    Of a claim that was saved before there were any: one, which is the claim.
    """
    if found.statements:
        return [_statement(one) for one in found.statements]
    verdict = Verdict(found.verdict)
    return [
        TestedStatement(
            name="",
            text=stated(found.claim),
            where="",
            origin="",
            setting="",
            differs="",
            tolerance="",
            verdict=verdict,
            deciding=deciding(results, verdict, range(len(results))),
            clause="",
        )
    ]


def stated(claim: str) -> str:
    """Return what a claim says; empty where this version does not know it."""
    find()  # fills CLAIMS
    known = CLAIMS.get(claim)
    return str(known.about.statement) if known else ""  # type: ignore[attr-defined]


def of(statement: TestedStatement, results: Sequence[Result]) -> list[Result]:
    """Return a statement's results."""
    return [result for result in results if result.statement == statement.name]


def _result(found: schema.Result) -> Result:
    low, high = (_number(bound) for bound in found.interval)
    within = None
    if found.within is not None:
        least, most = found.within
        within = (-math.inf if least is None else least, math.inf if most is None else most)
    return Result(
        quantity=found.quantity,
        predicted=math.nan if found.predicted is None else found.predicted,
        measured=_number(found.measured),
        interval=(low, high),
        rival=math.nan if found.rival is None else found.rival,
        verdict=Verdict(found.verdict),
        note=found.note,
        statement=found.statement,
        within=within,
        interval_is=found.interval_is,
    )


def _statement(found: schema.Statement) -> TestedStatement:
    return TestedStatement(
        name=found.name,
        text=found.text,
        where=found.where,
        origin=found.origin,
        setting=found.setting,
        differs=found.differs,
        tolerance=found.tolerance,
        verdict=None if found.verdict is None else Verdict(found.verdict),
        deciding=found.deciding,
        clause=found.clause,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
