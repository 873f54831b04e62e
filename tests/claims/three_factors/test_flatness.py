"""The claim on flatness: what its judge says of ends whose answer is known."""

import numpy as np
import pytest
from told import told
from trained_ends import claim_of, ends

from soret.claims.three_factors._depth import within_pairs
from soret.claims.three_factors._training import unrelated
from soret.errors import SettingsError
from soret.verdict import Verdict

EPOCHS = ("flatter", "only-the-ratio", "sharper-is-deeper")


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
    found.pop("sharper-is-deeper", None)  # of equal losses nothing is said
    names = (f"flatter{where}", f"only-the-ratio{where}")
    assert found == dict(zip(names, verdicts, strict=True))


def test_norms_that_go_with_nothing_say_nothing():
    """Catches: chance taken for a correlation, or for none."""
    made = ends("frobenius", lambda x, z: 0 * x, replicas=3)
    found = told(claim_of("flatness"), {"epochs": made})
    assert found == dict.fromkeys(EPOCHS, "inconclusive")


@pytest.mark.known_answer("three-factors/flatness", "few")
def test_two_repetitions_say_nothing():
    """Catches: a correlation told from two repetitions, which nearly always agree."""
    made = ends("frobenius", lambda x, z: -0.5 * (x - z), replicas=2)
    found = told(claim_of("flatness"), {"epochs": made})
    assert found == dict.fromkeys(EPOCHS, "inconclusive")


@pytest.mark.parametrize(
    ("over", "inside", "replicas", "verdict"),
    [
        (-1.0, -1.0, 6, "supported"),
        (1.0, 1.0, 6, "contradicted"),
        (1.0, -1.0, 6, "contradicted"),
        (-1.0, 1.0, 6, "contradicted"),
        (-1.0, -1.0, 2, "inconclusive"),
        (0.0, 0.0, 6, "inconclusive"),
    ],
)
def test_losses_that_go_with_norms(over, inside, replicas, verdict):
    """Catches: a correlation over pairs taken for one within them, or a sign."""
    made = ends("frobenius", lambda x, z: -0.5 * (x - z), replicas=replicas)
    rng = np.random.default_rng(5)
    logs = np.log(made.frobenius.values)
    mean = logs.mean(1, keepdims=True)
    # Chance in mirrored pairs: what has no mean effect has none in the draw either.
    chance = np.repeat(rng.normal(size=(len(logs), replicas // 2)), 2, axis=1)
    chance[:, 1::2] *= -1
    made["loss"] = made.loss.dims, np.exp(over * mean + inside * (logs - mean) + 0.005 * chance)
    if over == inside == 0.0:
        made["loss"] = made.loss.dims, np.exp(rng.normal(size=logs.shape))
    found = told(claim_of("flatness"), {"epochs": made})
    assert found["sharper-is-deeper"] == verdict


def test_correlation_within_pairs_is_the_residuals():
    """Catches: means over all pairs taken away in place of each pair's."""
    rng = np.random.default_rng(3)
    shift = 10 * rng.normal(size=(5, 1))
    x, y = rng.normal(size=(2, 5, 4))
    dx, dy = ((one - one.mean(1, keepdims=True)).ravel() for one in (x, y))
    expected = np.corrcoef(dx, dy)[0, 1]
    assert np.tanh(within_pairs(x + shift, y - shift)) == pytest.approx(expected)


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
