"""The escape rate: what the judge says of rates whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.escape import _rates as rates
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def made_rates(*, factor=1.0, unequal=1.0, kramers=False, replicas=20_000):
    """Escapes at a factor of Eq. 15's rate, and exact rates that tend to it; or Kramers' rates."""
    rng = np.random.default_rng(3)
    law = (lambda ratio, heat, n: rates.kramers(ratio, heat)) if kramers else rates.formula
    runs = {}

    def escapes(rate, rng=rng):
        passed = rng.exponential(size=replicas) / rate
        return xr.Dataset(
            {"first_passage": ("replica", passed), "watched_until": ("replica", passed)},
            attrs={"algorithm_learning_rate": 1.0},
        )

    for ratio, n in ((1.5, 1), (2.0, 1), (3.0, 1), (2.0, 2), (2.0, 3)):
        runs[f"simulated/{ratio:g}-{n}"] = escapes(factor * law(ratio, 0.2, n))
    # Three quarters of h_e: of the heat, and of what the rate is in units of.
    runs["flatter"] = escapes(factor * 0.75 * law(2.0, 0.75 * 0.2, 1), np.random.default_rng(4))
    floors = 1 / (np.array(rates.LOWEST) - 1)
    exact = np.ones(3) if kramers else floors ** (1 / 0.2 + 0.5)
    runs["lowest"] = xr.Dataset({"exact": ("ratio", exact)}, {"ratio": list(rates.LOWEST)})
    weak = {
        name: (("weak_ratio", "weak_heat"), [[of(r, heat) for heat in rates.WEAK] for r in (2, 4)])
        for name, of in (
            ("weak_exact", lambda r, heat: factor * law(r, heat, 1) * (1 + heat / 10)),
            ("weak_formula", lambda r, heat: rates.formula(r, heat, 1)),
            ("weak_kramers", rates.kramers),
        )
    }
    runs["line"] = xr.Dataset(weak, {"weak_ratio": [2.0, 4.0], "weak_heat": list(rates.WEAK)})
    across = np.array([0.25, 1.0, 4.0])
    printed = np.array([rates.formula(rates.PLANE_RATIO, heat, 2) for heat in rates.WEAK])
    exact = [law(rates.PLANE_RATIO, heat, 2) * factor * (1 + heat / 10) for heat in rates.WEAK]
    runs["plane"] = xr.Dataset(
        {
            "rate": (("across", "heat"), np.outer(across ** np.log(unequal), exact)),
            "formula": ("heat", printed),
            "factor": ("across", across ** np.log(unequal)),
        },
        {"across": across, "heat": list(rates.WEAK)},
    )
    return runs


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [S, S, S, S, S]),
        ({"unequal": 1.5}, [S, S, C, S, S]),
        ({"factor": 1.5}, [S, C, C, S, S]),
        ({"kramers": True}, [C, C, C, C, C]),
        ({"replicas": 20}, [N, N, S, N, S]),
    ],
)
@pytest.mark.known_answer("escape/escape-rate", "prediction", "rival", "few")
def test_escape_rates_are_judged_by_what_was_made(settings, expected):
    """Catches: a judge that supports nothing, or all; the power blamed for a factor."""
    claim = configure(find("escape/escape-rate")[0], "quick", {"heat": 0.2})
    found = claim.judge(made_rates(**settings))
    names = ("power", "rate", "unequal-outliers", "sharper", "global-minimum")
    assert by_statement(claim, found) == dict(zip(names, expected, strict=True))
