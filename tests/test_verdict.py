"""The verdict on a whole: one counterexample contradicts."""

import pytest

from soret.verdict import Result, Verdict, together

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("verdicts", "whole"), [([S, S], S), ([S, N], N), ([S, N, C], C), ([], N), ([C], C)]
)
def test_a_claim_is_no_better_than_its_worst_result(verdicts, whole):
    assert together(verdicts) is whole


@pytest.mark.parametrize(
    ("interval_is", "words"),
    [
        ("95 %", "2.5 (95 %: 2 to 3)"),
        ("change by the last order", "2.5 (change by the last order: 2 to 3)"),
        ("", "2.5"),
    ],
)
def test_an_interval_is_called_what_it_is(interval_is, words):
    """Catches: a p, or the range of an extrapolation, shown as an interval of 95 %."""
    result = Result("width", 2.0, 2.5, (2.0, 3.0), 1.0, S, interval_is=interval_is)
    assert result.in_words == words
    assert result.as_json()["interval_is"] == interval_is
