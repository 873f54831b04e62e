"""Generalization: what the judge says of runs whose answer is known."""

import pytest
from trained_ends import claim_of, ends

from soret.claims.verdict import Verdict


@pytest.mark.parametrize(("slope", "told"), [(0.1, "supported"), (-0.1, "contradicted")])
def test_generalization(slope, told):
    """A sign lost."""
    made = ends("validation_accuracy", lambda x, z: slope * (x - z))
    (result,) = claim_of("generalization").judge({"epochs": made})
    assert str(result.verdict) == told


@pytest.mark.parametrize("name", ["generalization"])
def test_runs_that_did_not_get_there_are_left_out(name):
    """Half-trained networks compared with trained ones."""
    variable = "frobenius" if name == "flatness" else "validation_accuracy"
    made = ends(variable, lambda x, z: x - z, reached=False)
    for result in claim_of(name).judge({"loss": made}):
        assert result.verdict is Verdict.INCONCLUSIVE
