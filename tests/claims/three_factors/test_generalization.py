"""Generalization: what the judge says of runs whose answer is known."""

import pytest
from told import told
from trained_ends import claim_of, ends

from soret.verdict import Verdict


@pytest.mark.parametrize(
    ("slope", "verdict"), [(0.1, "supported"), (-0.1, "contradicted"), (0.0, "inconclusive")]
)
@pytest.mark.parametrize(
    ("rule", "statement"), [("epochs", "accuracy"), ("loss", "at-equal-progress")]
)
@pytest.mark.known_answer("three-factors/generalization", "prediction", "rival")
def test_generalization(slope, verdict, rule, statement):
    """A sign lost; a rule of ours taken for the slides'; chance taken for a correlation."""
    made = ends("validation_accuracy", lambda x, z: slope * (x - z))
    assert told(claim_of("generalization"), {rule: made}) == {statement: verdict}


@pytest.mark.known_answer("three-factors/generalization", "few")
def test_two_repetitions_say_nothing():
    """Catches: a correlation told from two repetitions, which nearly always agree."""
    made = ends("validation_accuracy", lambda x, z: 0.1 * (x - z), replicas=2)
    assert told(claim_of("generalization"), {"epochs": made}) == {"accuracy": "inconclusive"}


def test_runs_that_did_not_get_there_are_left_out():
    """Half-trained networks compared with trained ones."""
    made = ends("validation_accuracy", lambda x, z: x - z, reached=False)
    for result in claim_of("generalization").judge({"loss": made}):
        assert result.verdict is Verdict.INCONCLUSIVE
