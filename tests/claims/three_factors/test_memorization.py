"""Memorization: what the judge says of ends whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from told import told
from trained_ends import claim_of, ends


def made(accuracies=(1.0,) * 6, slope=-0.05, replicas=4, validation=0.1):
    """Return accuracies on random labels, and shares memorized that go with ln(η/S)."""
    about = {"classes": 10, "problem_data": "made"}
    reached = {
        "accuracy": ("replica", np.array(accuracies)),
        "epochs": ("replica", np.full(len(accuracies), 50.0)),
        "validation_accuracy": ("replica", validation + 0.01 * np.arange(-1, len(accuracies) - 1)),
    }
    noisy = ends("memorized", lambda x, z: slope * (x - z), replicas=replicas)
    return {
        "capacity": xr.Dataset(reached, attrs=about),
        "noisy": noisy.assign_attrs(wrong=100),
    }


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, ("supported", "supported", "supported")),
        ({"slope": 0.05}, ("supported", "supported", "contradicted")),
        ({"slope": 0.0, "validation": 1.0}, ("supported", "contradicted", "inconclusive")),
        ({"replicas": 1, "validation": 0.32}, ("supported", "inconclusive", "inconclusive")),
        ({"accuracies": (0.1,) * 6}, ("contradicted", "supported", "supported")),
        ({"accuracies": (0.99, 1.0)}, ("supported", "supported", "supported")),
        # "Reach" is said of all.
        ({"accuracies": (1.0, 1.0, 0.5)}, ("contradicted", "supported", "supported")),
        ({"accuracies": (1.0, np.nan)}, ("inconclusive", "supported", "supported")),
    ],
)
@pytest.mark.known_answer("three-factors/memorization", "prediction", "rival", "few")
def test_memorization(changes, verdicts):
    """Catches: a sign lost; a mean of accuracies that hides the net that failed."""
    found = told(claim_of("memorization"), made(**changes))
    names = ("capacity", "no-generalization", "noise")
    assert found == dict(zip(names, verdicts, strict=True))
