"""Learning rate against batch size: what the judge says of curves whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from told import told
from trained_ends import claim_of

from soret.verdict import Verdict


def exchanged(apart_ratio, apart_rate, apart_last, norm=0.0, scatter=0.02):
    """Return arms whose curves lie so far apart from the first, in logarithms."""
    rng = np.random.default_rng(2)
    base = -np.linspace(1, 4, 12) + 0.02 * rng.normal(size=(8, 12))

    def arm(apart, norm=0.0):
        noise = 0.02 * rng.normal(size=(8, 12)) + scatter * rng.normal(size=(8, 1))
        return xr.Dataset(
            {
                "log_loss": (("replica", "epoch"), base + apart + noise),
                "frobenius": ("replica", np.exp(norm + scatter * rng.normal(size=8))),
                "accuracy": ("replica", np.ones(8)),
            }
        )

    return {
        "ratio/k-1": arm(0.0),
        "ratio/k-2": arm(apart_ratio, norm),
        "rate/k-2": arm(apart_rate),
        "ratio/k-16": arm(apart_last),
        "rate/k-16": arm(apart_rate),
    }


@pytest.mark.parametrize(
    ("made", "failing"),
    [
        (exchanged(0.0, 1.0, 1.0), set()),
        (exchanged(1.0, 0.0, 1.0), {"curves", "batch-size-alone"}),
        (exchanged(0.0, 1.0, 0.0), {"until-too-large"}),
        (exchanged(0.0, 1.0, 1.0, norm=1.0), {"ends"}),
    ],
)
@pytest.mark.known_answer("three-factors/exchange", "prediction", "rival")
def test_exchange(made, failing):
    """Arms mixed up; curves that came apart, or did not."""
    found = told(claim_of("exchange", factors=(2, 16)), made)
    names = ("curves", "ends", "batch-size-alone", "until-too-large")
    assert found == {name: "contradicted" if name in failing else "supported" for name in names}


@pytest.mark.known_answer("three-factors/exchange", "few")
def test_replicas_that_differ_as_much_as_the_arms_say_nothing():
    """Catches: a distance of curves without what chance makes of it."""
    made = exchanged(0.0, 0.3, 0.3, scatter=0.8)
    found = told(claim_of("exchange", factors=(2, 16)), made)
    assert set(found.values()) == {"inconclusive"}


def test_curves_that_diverged_are_not_equal():
    """A diverged arm left out of the comparison."""
    made = exchanged(0.0, 1.0, 1.0)
    made["ratio/k-16"]["log_loss"][0, 5] = np.nan
    found = claim_of("exchange", factors=(2, 16)).judge(made)
    assert found[2].verdict is Verdict.SUPPORTED
    assert "diverged" in found[2].note


@pytest.mark.parametrize(
    ("arm", "failing"), [("ratio/k-1", set()), ("ratio/k-2", {"curves"})], ids=["common", "first"]
)
def test_what_diverged_leaves_nothing_to_compare_with(arm, failing):
    """A run of half an hour that ends with an exception in the place of a verdict."""
    made = exchanged(0.0, 1.0, 1.0)
    made[arm]["log_loss"][0, 5] = np.nan
    made[arm]["frobenius"][0] = np.nan
    made["ratio/k-1"].attrs["problem_data"] = "made"
    claim = claim_of("exchange", factors=(2, 16))
    found = told(claim, made)
    assert {name for name, verdict in found.items() if verdict == "contradicted"} == failing
    assert found["ends"] == "inconclusive"
    assert (set(found.values()) == {"inconclusive"}) == (arm == "ratio/k-1")
    assert claim.draw(made, claim.judge(made))
