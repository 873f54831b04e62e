"""The outliers claim: what the judge says of spectra with and without them."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


@pytest.fixture(scope="module")
def claim():
    return configure(find("escape/hessian-outliers")[0], "quick", {})


def made(*, outliers, bulk=1e-3, size=400, replicas=3):
    """Equal outliers on a bulk that scatters between replicas."""
    random = np.random.default_rng(1)
    values = bulk * random.uniform(0.5, 1, (replicas, size))
    values[:, :outliers] = 10.0
    values = -np.sort(-values, axis=1)
    ones = ("replica", np.ones(replicas))
    spectra = xr.Dataset(
        {"eigenvalue": (("replica", "rank"), values), "exact_top": ones, "loss": ones},
        attrs={"examples": 800},
    )
    return {"training": xr.Dataset(), "spectra": spectra}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"outliers": 5}, [S, S, S]),
        ({"outliers": 60}, [C, C, C]),
        ({"outliers": 5, "bulk": 9.0}, [C, C, C]),
        ({"outliers": 5, "replicas": 1}, [N, N, N]),
    ],
)
@pytest.mark.known_answer("escape/hessian-outliers", "prediction", "rival", "few")
def test_judged_by_what_was_made(claim, settings, expected):
    """Many outliers called few; a bulk that is not near zero; an interval from one replica."""
    found = claim.judge(made(**settings))
    assert [result.verdict for result in found] == expected
    assert by_statement(claim, found) == {"bulk": expected[0], "dimension": expected[1]}


def test_equal_outliers_are_counted(claim):
    """An effective dimension of something else."""
    results = claim.judge(made(outliers=7, bulk=1e-9))
    assert [result.measured for result in results[1:]] == pytest.approx([7, 7], rel=1e-4)
    # P/(1 + P/n) of random gradients.
    assert results[1].rival == pytest.approx(400 / 1.5, rel=0.01)


def test_random_gradients_are_refused(claim):
    assert [r.verdict for r in claim.judge(claim.control(made(outliers=5)))] == [C, C, C]
