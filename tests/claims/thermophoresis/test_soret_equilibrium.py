"""Where a walk settles: what the judge says of densities that are given."""

import numpy as np
import pytest
import xarray as xr
from by_statement import by_statement

from soret.claims import configure, find
from soret.claims.thermophoresis import soret_equilibrium as module
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
CLAIM = configure(find("thermophoresis/soret-equilibrium")[0], "quick", {"learning_rates": (0.04,)})


def made(power, *, replicas=16, walkers=10_000):
    """Populations of walkers drawn from a density ∝ |g|^power, anew at every record."""
    random = np.random.default_rng(8)
    runs = {}
    for walk in CLAIM.walks:
        shares = module._cells(walk, power)
        counts = random.multinomial(walkers, shares, (51, replicas)) / walkers
        runs[f"{walk}/0.04"] = xr.Dataset(
            {"occupancy": (("step", "replica", "cell"), counts)}, {"step": np.arange(51)}
        )
    return runs


@pytest.mark.known_answer("thermophoresis/soret-equilibrium", "prediction", "rival")
@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (-1.0, {"gathers": S, "equilibrium": S, "no-flow": C}),
        (-2.0, {"gathers": S, "equilibrium": C, "no-flow": S}),
        (0.0, {"equilibrium": C, "no-flow": C}),
        (1.0, {"gathers": C, "equilibrium": C, "no-flow": C}),
    ],
)
def test_judged_by_the_density_that_made_the_walkers(power, expected):
    """Catches: a judge that cannot tell Eq. 10 from Itô. An exponent errs by 0.003."""
    assert by_statement(CLAIM, CLAIM.judge(made(power))).items() >= expected.items()


@pytest.mark.known_answer("thermophoresis/soret-equilibrium", "few")
def test_of_too_few_walkers_nothing_is_concluded():
    """Catches: exponents of three populations of four taken for known. Their sign may be."""
    found = by_statement(CLAIM, CLAIM.judge(made(-1.5, replicas=3, walkers=4)))
    assert found["equilibrium"] is found["no-flow"] is N
