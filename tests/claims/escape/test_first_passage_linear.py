"""First passages in linear regression: what the judge says of times that a law made."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape.first_passage_linear import FirstPassageLinear
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
D, THRESHOLDS = 14, 12


@pytest.fixture(scope="module")
def claim():
    settings = {"dimensions": (D,), "thresholds": THRESHOLDS}
    return configure(find("escape/first-passage-linear")[0], "quick", settings)


@pytest.fixture(autouse=True)
def quick_notes(monkeypatch):
    """Leave out of the notes how long the exact recursion takes, which takes seconds to solve."""
    monkeypatch.setattr(
        FirstPassageLinear, "_exact_times", lambda self, d, c: np.full(c.shape, 1.0)
    )


def made(claim, law, replicas):
    """Times whose means over the claim's thresholds are a law's, rare from the first on."""
    rng, c = np.random.default_rng(7), np.geomspace(1.25, claim._highest(D), THRESHOLDS)
    means = 2e4 * law(c) / law(c[0])
    times = rng.exponential(np.diff(means, prepend=0.0), (replicas, THRESHOLDS)).cumsum(1)
    run = xr.Dataset(
        {"first_passage": (("replica", "threshold"), times)},
        {"threshold": c},
        {"steps": float(times.max()) + 1},
    )
    values = {"learning_rate": 0.1, "exact_recursion": np.nan}
    variables = {name: (("d", "rate"), [[value]]) for name, value in values.items()}
    table = xr.Dataset(variables, {"d": [D]})
    return {f"sgd/{D}": run, "exponents": table}


# B/(ηh) + 1 − d/2 at η = 0.1, B = 1 and d = 14; and what the exact covariance has there.
EQ_15, RIVAL = 4.0, 2.25


@pytest.mark.parametrize(
    ("law", "replicas", "expected"),
    [
        (lambda c: c**EQ_15, 2000, [S, S]),
        (lambda c: c**RIVAL, 2000, [S, C]),
        (np.exp, 2000, [C, C]),
        (lambda c: c**EQ_15, 9, [N, N]),
    ],
)
@pytest.mark.known_answer("escape/first-passage-linear", "prediction", "rival", "few")
def test_judged_by_the_law_that_made_the_times(claim, law, replicas, expected):
    """Catches: a judge that supports nothing, or any power; a law told from nine replicas.

    2,000 replicas leave 2 % of an exponent, where 10 % are allowed.
    """
    found = by_statement(claim, claim.judge(made(claim, law, replicas)))
    assert found == dict(zip(("power-law", "exponent"), expected, strict=True))


def test_the_powers_are_those_of_the_theories(claim):
    """Catches: data made by other powers than the claim's own prediction and rival."""
    assert claim._law(D).survival_exponent == pytest.approx(EQ_15)
    assert claim._finer(D) == pytest.approx(RIVAL)
