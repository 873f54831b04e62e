"""SGD's temperature and density: what the judge says of positions whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find
from soret.claims.three_factors import _surfaces as surfaces


def made(replicas, law):
    """Return positions on the double well drawn from Boltzmann's distribution at T = law(η, S, σ²).

    Four a replica.
    """
    (claim,), rng = find("three-factors/boltzmann-equilibrium"), np.random.default_rng(4)
    claim = configure(claim, "quick", {"surfaces": ("double",)})
    well = surfaces.well_of("double")
    x = surfaces.along(well)

    def of(rates, batches, variance):
        theta = np.empty((len(rates), len(batches), replicas, 4, 1))
        for i, eta in enumerate(rates):
            for j, batch in enumerate(batches):
                within = np.cumsum(surfaces.marginal(well, law(eta, batch, variance), x))
                drawn = rng.random(theta.shape[2:])
                theta[i, j] = np.interp(drawn, within / within[-1], x)
        dims = ("learning_rate", "batch_size", "replica")
        return xr.Dataset(
            {
                "parameters": ((*dims, "step", "parameters_dim_0"), theta),
                "diverged_at": (dims, np.full(theta.shape[:3], -1)),
            },
            {"learning_rate": list(rates), "batch_size": list(batches), "step": [1, 2, 3, 4]},
        )

    rates, batches, variances = claim.learning_rates, claim.batch_sizes, claim.variances
    return claim, {
        "double/η": of(rates, batches[:1], variances[0]),
        "double/S": of(rates[:1], batches[1:], variances[0]),
        "double/σ²-0": of(rates[:1], batches[:1], variances[1]),
    }


def boltzmann(eta, batch, variance):
    return surfaces.heat_of((eta, batch, variance))


NAMES = ("boltzmann", "temperature", "factors")


@pytest.mark.parametrize(
    ("replicas", "law", "verdicts"),
    [
        (4000, boltzmann, ("supported",) * 3),
        (40, boltzmann, ("inconclusive",) * 3),
        # Too hot: the powers are right, and nothing else is.
        (4000, lambda *point: 3 * boltzmann(*point), ("contradicted", "contradicted", "supported")),
        # What counts is the noise of a step, η²σ²/S.
        (
            4000,
            lambda eta, *rest: boltzmann(eta, *rest) * eta / 0.0075,
            ("supported", "supported", "contradicted"),
        ),
    ],
)
@pytest.mark.known_answer("three-factors/boltzmann-equilibrium", "prediction", "rival", "few")
def test_distributions_are_judged_by_what_was_made(replicas, law, verdicts):
    """Catches: a factor of two in T; a power that hides behind the right temperature."""
    assert told(*made(replicas, law)) == dict(zip(NAMES, verdicts, strict=True))
