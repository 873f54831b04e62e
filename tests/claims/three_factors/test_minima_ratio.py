"""The odds of minima: what the judge says of runs whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.three_factors import _odds as odds
from soret.claims.three_factors import _surfaces as surfaces


def configured(name, **changes):
    return configure(find(f"three-factors/{name}")[0], "quick", changes)


def made_occupation(claim, shift=0.0, replicas=4000, even=False):
    """Replicas in the left well with the odds of Boltzmann's law, or others, or even ones."""
    rng = np.random.default_rng(1)
    name = "tilted"

    def of(rates, batches, variance):
        parts = np.zeros((len(rates), len(batches), replicas, 3))
        for i, eta in enumerate(rates):
            for j, batch in enumerate(batches):
                heat = surfaces.heat_of((eta, batch, variance))
                chance = np.log(surfaces.boltzmann_odds(surfaces.well_of(name), heat)) + shift
                chance = 0.0 if even else chance
                parts[i, j] = rng.random((replicas, 3)) < 1 / (1 + np.exp(-chance))
        return xr.Dataset(
            {"in_left": (("learning_rate", "batch_size", "replica", "step"), parts)},
            {"learning_rate": list(rates), "batch_size": list(batches)},
        )

    rates, batches, variances = claim.learning_rates, claim.batch_sizes, claim.variances
    heats = {
        surfaces.heat_of(point)
        for scan in surfaces.points_of(rates, batches, variances).values()
        for point in scan
    }
    return {
        f"{name}/η": of(rates, batches[:1], variances[0]),
        f"{name}/S": of(rates[:1], batches[1:], variances[0]),
        f"{name}/σ²-0": of(rates[:1], batches[:1], variances[1]),
        "laws": odds.laws([name], sorted(heats), 50),
    }


@pytest.mark.parametrize(("shift", "expected"), [(0.0, "supported"), (1.0, "contradicted")])
@pytest.mark.known_answer("three-factors/minima-ratio", "prediction", "rival")
def test_odds_are_judged_by_what_was_made(shift, expected):
    """The formula's odds refused, or others let pass; a factor's power read off another's scan."""
    claim = configured("minima-ratio", surfaces=("tilted",))
    found = told(claim, made_occupation(claim, shift))
    assert found["formula"] == "supported"
    assert found["sgd"] == expected
    if not shift:
        assert found["factors"] == "supported"


@pytest.mark.known_answer("three-factors/minima-ratio", "rival")
def test_even_odds_know_no_factor():
    """Catches: a power of what depth does where depth does nothing."""
    claim = configured("minima-ratio", surfaces=("tilted",))
    found = told(claim, made_occupation(claim, even=True))
    assert found["sgd"] == "contradicted"
    assert found["factors"] != "supported"


@pytest.mark.known_answer("three-factors/minima-ratio", "few")
def test_few_replicas_tell_nothing_of_odds():
    """Catches: an error of the odds that does not know how many replicas there are."""
    claim = configured("minima-ratio", surfaces=("tilted",))
    found = told(claim, made_occupation(claim, replicas=60))
    assert found == {"formula": "supported", "sgd": "inconclusive", "factors": "inconclusive"}
