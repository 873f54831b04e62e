"""The critical dimension: what the judge says of runs whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape import critical_dimension
from soret.theory import escape
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def configured(name, **changes):
    return configure(find(f"escape/{name}")[0], "quick", changes)


def made_growth(zero, *, eta=0.1, slope=0.01, replicas=200, bend=0.0):
    rng = np.random.default_rng(1)
    runs = {}
    for d in (14, 18, 21, 24):
        growth = slope * (d - zero) + bend * (d - zero) ** 2
        growth = growth + 0.01 * rng.normal(size=replicas)
        logs = np.stack([np.full(replicas, 10.0), 10.0 + 100 * growth], -1)
        runs[f"far/{eta:g}-1-{d}"] = xr.Dataset(
            {"full_loss": (("replica", "step"), 0.5 + np.exp(logs))}, {"step": [0, 100]}
        )
    return runs


@pytest.mark.parametrize(
    ("zero", "expected"), [(22.0, [S, S]), (20.5, [S, S]), (18.0, [S, C]), (26.0, [C, C])]
)
@pytest.mark.known_answer("escape/critical-dimension", "prediction", "rival")
def test_critical_dimensions_are_judged_by_what_was_made(zero, expected):
    """A minimum that holds the walker above n_c = 22 must not pass; nor one that loses it early."""
    claim = configured("critical-dimension", learning_rates=(0.1,), batch_sizes=(1,))
    found = claim.judge(made_growth(zero))
    assert [result.verdict for result in found] == expected
    names = ("unstable-above", "place")
    assert by_statement(claim, found) == dict(zip(names, expected, strict=True))
    if zero < 24:
        assert found[1].measured == pytest.approx(zero, abs=0.3)
        assert found[1].interval[0] < zero < found[1].interval[1]


@pytest.mark.known_answer("escape/critical-dimension", "few")
@pytest.mark.parametrize("zero", [22.0, 26.0])
def test_two_replicas_tell_no_dimension(zero):
    """Catches: an interval from the few resamples that two replicas have, or from none of them."""
    claim = configured("critical-dimension", learning_rates=(0.1,), batch_sizes=(1,))
    found = by_statement(claim, claim.judge(made_growth(zero, replicas=2)))
    assert found == {"unstable-above": N, "place": N}


def test_the_crossing_is_found_where_growth_is_curved():
    growth = made_growth(19.3, bend=2e-4)
    found = critical_dimension._growth(growth, 0.1, 1)
    assert critical_dimension._crossing(found)[0] == pytest.approx(19.3, abs=0.3)


def test_the_recursions_dimension_is_the_zero_of_its_exponent():
    """A root of another function; 2B/η − B − 1 from E A² = 1 is near it and below."""
    for eta, batch in ((0.1, 1), (0.4, 4)):
        found = critical_dimension.recursion_critical_dimension(eta, batch)
        assert escape.lyapunov_exponent(eta, batch, 1.0, int(found)) < 0
        assert escape.lyapunov_exponent(eta, batch, 1.0, int(found) + 1) > 0
        assert 0 < found - (2 * batch / eta - batch - 1) < 2
