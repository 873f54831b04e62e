"""Learning rate against batch size: what the judge says of curves whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from trained_ends import claim_of

from soret.claims.verdict import Verdict


def exchanged(apart_ratio, apart_rate, apart_last, norm=0.0):
    """Return arms whose curves lie so far apart from the first, in logarithms."""
    rng = np.random.default_rng(2)
    base = -np.linspace(1, 4, 12) + 0.02 * rng.normal(size=(8, 12))

    def arm(apart, norm=0.0):
        noise = 0.02 * rng.normal(size=(8, 12))
        return xr.Dataset(
            {
                "log_loss": (("replica", "epoch"), base + apart + noise),
                "frobenius": ("replica", np.exp(norm) * np.ones(8)),
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
    ("made", "told"),
    [
        (exchanged(0.0, 1.0, 1.0), ["supported"] * 4),
        (exchanged(1.0, 0.0, 1.0), ["contradicted", "contradicted", "supported", "supported"]),
        (exchanged(0.0, 1.0, 0.0), ["supported", "supported", "contradicted", "supported"]),
        (exchanged(0.0, 1.0, 1.0, norm=1.0), ["supported"] * 3 + ["contradicted"]),
    ],
)
def test_exchange(made, told):
    """Arms mixed up; curves that came apart, or did not."""
    found = claim_of("exchange", factors=(2, 16)).judge(made)
    assert [str(result.verdict) for result in found] == told


def test_curves_that_diverged_are_not_equal():
    """A diverged arm left out of the comparison."""
    made = exchanged(0.0, 1.0, 1.0)
    made["ratio/k-16"]["log_loss"][0, 5] = np.nan
    found = claim_of("exchange", factors=(2, 16)).judge(made)
    assert found[2].verdict is Verdict.SUPPORTED
    assert "diverged" in found[2].note
