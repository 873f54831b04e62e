"""The noise of mini-batches: what the judge says of draws whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from told import told
from trained_ends import claim_of


def minibatch(power, *, heavy=False, replacement=1.0, count=4000):
    """Return draws of noise of covariance C/S^power in 3 dimensions, tr C = 3."""
    rng = np.random.default_rng(4)
    sizes = np.array([1.0, 8.0, 64.0])
    draws = rng.standard_t(5, size=(3, count, 3)) if heavy else rng.normal(size=(3, count, 3))
    draws *= np.sqrt(3 / 5 if heavy else 1) / sizes[:, None, None] ** (power / 2)

    def part(scale):
        made = draws * np.sqrt(scale)
        return xr.Dataset(
            {
                "square": (("epoch", "batch_size", "draw"), (made**2).sum(-1)[None]),
                "projection": (("epoch", "batch_size", "draw", "rank"), made[None]),
            },
            {"epoch": [0], "batch_size": sizes},
        )

    points = {name: ("epoch", [value]) for name, value in (("trace", 3.0), ("loss", 1.0))}
    points["accuracy"] = ("epoch", [0.5])
    return {
        "with_replacement": part(1.0),
        "without_replacement": part(replacement),
        "points": xr.Dataset(points, {"epoch": [0]}, {"examples": 128}),
    }


@pytest.mark.known_answer("three-factors/minibatch-noise", "prediction", "rival", "few")
def test_minibatch_noise():
    """Powers of S confused, a factor of the number of examples lost, tails not seen."""
    claim = claim_of("minibatch-noise")
    share = (128 - 64) / 127
    names = ("covariance", "gaussian", "without-replacement")
    found = told(claim, minibatch(1, replacement=share))
    assert found == dict.fromkeys(names, "supported")
    made = minibatch(2, heavy=True, replacement=64.0)
    assert [str(result.verdict) for result in claim.judge(made)] == ["contradicted"] * 4
    found = told(claim, minibatch(1))
    assert found == dict.fromkeys(names, "supported") | {"without-replacement": "contradicted"}
    found = told(claim, minibatch(1, replacement=share, count=200))
    assert found["covariance"] == found["without-replacement"] == "inconclusive"
