"""What was found: verdicts on statements, and one sentence made of them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soret.claims import Statement, configure, find
from soret.claims.finding import (
    IN_DOUBT,
    NOT_TESTED,
    TestedStatement,
    assigned,
    conclude,
    finding,
    totals,
    verdict_of,
)
from soret.claims.judging import judged, near
from soret.errors import SettingsError
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
BODY, TAIL = (
    Statement(
        name=name,
        text=f"The {name} is a power law.",
        where="Fig. 3a",
        origin=origin,
        tolerance="a tenth.",
        holds=f"the power law fits the {name}",
        fails=f"the {name} has {{measured}} ({{low}} to {{high}}) and not {{predicted}}, "
        "{held} of {count} fit",
        unclear=f"the {name} is undecided",
    )
    for name, origin in (("body", "printed"), ("tail", "restored"))
)


@pytest.fixture
def stated():
    """Return a function that makes a claim with some statements."""
    (kind,) = find("limiting-dynamics/constant-speed")
    usual = configure(kind, "paper")

    def make(*statements):
        about = replace(kind.about, statements=statements)
        settings = {name: getattr(usual, name) for name in kind.__dataclass_fields__}
        own = type("Stated", (kind,), {"about": about})
        return own(**settings)

    return make


def result(statement, measured, interval=None):
    low, high = interval or (measured - 0.01, measured + 0.01)
    return judged(
        f"{statement} at {measured:g}", measured, (low, high), predicted=1.0, rival=2.0,
        within=near(1.0, 0.1), statement=statement,
    )  # fmt: skip


def test_what_fails_stands_beside_what_holds(stated):
    """Catches: a statement that holds, hidden by one that fails."""
    results = [result("body", 1.0), result("tail", 1.5), result("tail", 1.0)]
    body, tail = conclude(stated(BODY, TAIL), results)
    assert (body.verdict, tail.verdict) == (S, C)
    assert finding([body, tail]) == (
        "The power law fits the body; the tail has 1.5 (1.49 to 1.51) and not 1, 1 of 2 fit."
    )


def test_a_statement_is_no_better_than_its_worst_result(stated):
    """Catches: a counterexample outvoted; a result shown that did not decide."""
    results = [result("body", 1.02), result("body", 1.0, (0.5, 1.5)), result("body", 0.98)]
    (body,) = conclude(stated(BODY), results)
    assert (body.verdict, body.deciding) == (N, 1)
    results += [result("body", 1.3), result("body", 0.2), result("body", 1.5)]
    (body,) = conclude(stated(BODY), results)
    assert (body.verdict, body.deciding) == (C, 4)  # the one furthest off
    (body,) = conclude(stated(BODY), [result("body", 1.0), result("body", 1.05)])
    assert (body.verdict, body.deciding) == (S, 1)  # the one nearest to failing


def test_a_restored_formula_that_fails_contradicts_no_paper(stated):
    """Catches: our memory of a formula held against its authors."""
    body, tail = conclude(stated(BODY, TAIL), [result("body", 1.5), result("tail", 1.5)])
    assert (body.shown, tail.shown) == ("contradicted", IN_DOUBT)
    assert tail.verdict is C  # for scripts
    (tail,) = conclude(stated(TAIL), [result("tail", 1.0)])
    assert tail.shown == "supported"


def test_what_is_not_tested_says_so(stated):
    """Catches: a statement that vanishes because no result came out."""
    tested = conclude(stated(BODY, TAIL), [result("body", 1.0)])
    assert tested[1].shown == NOT_TESTED
    assert finding(tested) == ("The power law fits the body; not tested at these settings: tail.")
    assert finding([]) == "Nothing could be compared."


def test_every_result_belongs_to_a_statement(stated):
    """Catches: a misspelt name, and with it a result that counts nowhere."""
    two, one = stated(BODY, TAIL), stated(BODY)
    for name, told in (("boddy", "'boddy'"), ("", "no statement")):
        with pytest.raises(SettingsError, match=f"belongs to {told}.*body, tail"):
            assigned(two, [result(name, 1.0)])
    (alone,) = assigned(one, [result("", 1.0)])
    assert alone.statement == "body"
    with pytest.raises(SettingsError, match="'tail'"):
        assigned(one, [result("tail", 1.0)])


def test_what_could_not_be_measured_has_no_number(stated):
    """Catches: "is none (none to none)" in a sentence."""
    (body,) = conclude(stated(BODY), [result("body", 1.0), result("body", np.nan)])
    assert body.clause == "body at nan could not be measured"
    (body,) = conclude(stated(BODY), [result("body", np.nan), result("body", 1.0, (0.5, 1.5))])
    assert body.clause == "the body is undecided"  # what was measured says more


def one(verdict, origin="printed", setting="paper"):
    return TestedStatement(
        "x", "X.", "Fig. 1", origin, setting, "", "", verdict, None if verdict is None else 0, ""
    )


def test_the_verdict_for_scripts_is_on_what_the_paper_says():
    """Catches: a paper contradicted by a statement of ours."""
    assert verdict_of([one(S), one(C, "ours")]) is S
    assert verdict_of([one(S), one(C, "restored")]) is C
    assert verdict_of([one(S, "ours"), one(N, "ours")]) is N
    assert verdict_of([one(None), one(S)]) is S
    assert verdict_of([one(None)]) is N


def test_totals_keep_the_papers_own_apart():
    """Catches: verdicts on easier data, or on our statements, in a paper's count."""
    every = [
        one(S), one(S), one(C), one(C, setting="easier"), one(None),
        one(C, "restored"), one(S, "restored"), one(N, "ours"), one(S, "", ""),
    ]  # fmt: skip
    assert totals(every) == (
        "printed, at the paper's setting: 2 supported, 1 contradicted; "
        "printed, tested elsewhere: 1 contradicted, 1 not tested at these settings; "
        "restored: 1 supported, 1 restoration in doubt; ours: 1 inconclusive; "
        "claims without statements: 1 supported"
    )
    assert totals([]) == ""


@pytest.mark.parametrize(
    ("clause", "begins"),
    [("η falls", "η falls"), ("the rate", "The rate"), ("a rate", "A rate"), ("n_c is", "n_c is")],
)
def test_a_sentence_begins_with_a_capital_if_with_a_word(clause, begins):
    """Catches: Η for η."""
    one = SimpleNamespace(clause=clause, verdict=S, name="x")
    assert finding([one]) == f"{begins}."
