"""The verdict on a whole: one counterexample contradicts."""

import pytest

from soret.verdict import Verdict, together

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("verdicts", "whole"), [([S, S], S), ([S, N], N), ([S, N, C], C), ([], N), ([C], C)]
)
def test_a_claim_is_no_better_than_its_worst_result(verdicts, whole):
    assert together(verdicts) is whole
