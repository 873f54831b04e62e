"""The claim on flatness: what its judge says of ends whose answer is known."""

import numpy as np
import pytest
from told import told
from trained_ends import claim_of, ends

from soret.claims.three_factors._training import unrelated
from soret.errors import SettingsError
from soret.verdict import Verdict


@pytest.mark.parametrize(
    ("effect", "verdicts"),
    [
        (lambda x, z: -0.5 * (x - z), ["supported", "supported"]),
        (lambda x, z: 0.5 * (x - z), ["contradicted", "supported"]),
        # η alone: the ratio goes with it, and is not what counts.
        (lambda x, z: -0.5 * x, ["supported", "contradicted"]),
    ],
)
@pytest.mark.parametrize(
    ("rule", "where"),
    [("epochs", ""), ("loss", "-at-equal-progress"), ("accuracy", "-at-equal-progress")],
)
@pytest.mark.known_answer("three-factors/flatness", "prediction", "rival")
def test_flatness(effect, verdicts, rule, where):
    """A sign lost; η taken for η/S; a rule of ours taken for the slides'."""
    found = told(claim_of("flatness"), {rule: ends("frobenius", effect)})
    names = (f"flatter{where}", f"only-the-ratio{where}")
    assert found == dict(zip(names, verdicts, strict=True))


def test_norms_that_go_with_nothing_say_nothing():
    """Catches: chance taken for a correlation, or for none."""
    made = ends("frobenius", lambda x, z: 0 * x, replicas=3)
    found = told(claim_of("flatness"), {"epochs": made})
    assert found == {"flatter": "inconclusive", "only-the-ratio": "inconclusive"}


@pytest.mark.known_answer("three-factors/flatness", "few")
def test_two_repetitions_say_nothing():
    """Catches: a correlation told from two repetitions, which nearly always agree."""
    made = ends("frobenius", lambda x, z: -0.5 * (x - z), replicas=2)
    found = told(claim_of("flatness"), {"epochs": made})
    assert found == {"flatter": "inconclusive", "only-the-ratio": "inconclusive"}


def test_runs_that_did_not_get_there_are_left_out():
    """Half-trained networks compared with trained ones."""
    made = ends("frobenius", lambda x, z: x - z, reached=False)
    for result in claim_of("flatness").judge({"loss": made}):
        assert result.verdict is Verdict.INCONCLUSIVE


def test_what_is_unrelated_has_no_mean_effect():
    """A control that the test would accept one time in forty."""
    values = unrelated(np.random.default_rng(1).normal(size=(7, 4)))
    np.testing.assert_allclose(values.mean(axis=1), values.mean())


def test_unknown_rules():
    """A stopping rule that never stops."""
    with pytest.raises(SettingsError, match="some of loss, accuracy, epochs"):
        claim_of("flatness", rules=("ever",)).experiments()
