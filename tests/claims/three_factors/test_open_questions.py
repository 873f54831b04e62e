"""The open questions: what the judge says of temperatures, odds and entropies that are known."""

import numpy as np
import pytest
import xarray as xr
from scipy import optimize
from told import told

from soret.claims import configure, find
from soret.claims.three_factors import _linear as linear
from soret.claims.three_factors import _net as net
from soret.claims.three_factors import _surfaces as surfaces
from soret.theory import equilibrium

S, C, N = "supported", "contradicted", "inconclusive"
NAMES = (
    "momentum",
    "anisotropic-noise",
    "natural-gradient",
    "real-noise",
    "equilibrium",
    "entropy",
    "no-batch-size",
)
STEPS = 4
"""Records on the wells, of which those after the second count."""


@pytest.fixture(scope="module")
def claim():
    return configure(find("three-factors/open-questions")[0], "quick", {})


@pytest.fixture(scope="module")
def odds(claim):
    """The logarithms of the funnel's odds, by the name of the run."""
    return {name: claim._laws(name) for name in ("plain", "natural")}


def on_wells(values, **coordinates):
    """Return positions (…, replica, step, n)."""
    dims = (*coordinates, "replica", "step", "parameters_dim_0")
    return xr.Dataset(
        {
            "parameters": (dims, values),
            "diverged_at": (dims[:-2], np.full(values.shape[:-2], -1)),
        },
        coordinates | {"step": np.arange(1, STEPS + 1)},
    )


def heated(claim, heats, replicas):
    """Return positions on the double well from Boltzmann's distribution at temperatures."""
    rng, well = np.random.default_rng(0), surfaces.well_of("double")
    x = surfaces.along(well)
    within = np.cumsum([surfaces.marginal(well, heat, x) for heat in heats], axis=1)
    drawn = rng.random((len(heats), replicas, STEPS))
    theta = [np.interp(u, share / share[-1], x) for u, share in zip(drawn, within, strict=True)]
    return on_wells(np.array(theta)[..., None], momentum=list(claim.momenta))


def in_wells(log_odds, replicas):
    """Return positions left and right of the funnel's saddle."""
    left = np.random.default_rng(1).random((replicas, STEPS)) < 1 / (1 + np.exp(-log_odds))
    return on_wells(np.stack([np.where(left, -1.0, 1.0), np.zeros(left.shape)], axis=-1))


def about_minimum(claim, boltzmann, replicas, shape):
    """Return a net with noise along stiff directions, and squares by its own law or Boltzmann's."""
    h = np.geomspace(0.05, 1, 4)
    axes = ("row", "column")
    found = xr.Dataset({"hessian": (axes, np.diag(h)), "covariance": (axes, np.diag(h**2))})
    _, *laws = net.laws(found, claim.net_rate, claim.net_batch)
    noise = np.random.default_rng(2).gamma(shape, 1 / shape, (replicas, h.size))
    return found.assign(moment=(("replica", "direction"), laws[boltzmann] * noise))


def share_of_entropy(eta, share):
    """Return the recursion under noise that is less oblique, so that it makes less entropy."""

    def of(correlation):
        matrix = np.array([[1.0, correlation], [correlation, 1.0]])
        return equilibrium.sgd_recursion(linear.HESSIAN, matrix, eta, 1)

    target = share * linear.recursion(eta).entropy_production
    return of(optimize.brentq(lambda x: of(x).entropy_production - target, 0.0, 0.9))


def paths(claim, laws, count, records=101):
    """Return stationary paths of recursions, by η and S; the first 100 records do not count."""
    rng = np.random.default_rng(3)
    theta = np.zeros((len(claim.rates), len(claim.batches), count, 100 + records, 2))
    for i, eta in enumerate(claim.rates):
        for j in range(len(claim.batches)):
            law = laws(eta, j)
            start, kick = (np.linalg.cholesky(m).T for m in (law.covariance, law.noise))
            x = rng.normal(size=(count, 2)) @ start
            for step in range(100, 100 + records):
                theta[i, j, :, step] = x
                x = x @ law.matrix.T + rng.normal(size=x.shape) @ kick
    dims = ("learning_rate", "batch_size", "replica", "step", "parameters_dim_0")
    rates = {"learning_rate": list(claim.rates), "batch_size": list(claim.batches)}
    return xr.Dataset({"parameters": (dims, theta)}, rates | {"step": np.arange(100 + records)})


def isotropic(eta, place):
    return equilibrium.sgd_recursion(linear.HESSIAN, np.eye(2), eta, 1)


def oblique(eta, place):
    return linear.recursion(eta)


def made(claim, odds, *, rival=False, replicas=4000, count=4096, records=101, shape=200.0):
    """Return data by the predictions, or by all rivals but that of the batch size."""
    cold = claim.heat + 0 * np.array(claim.momenta)
    heats = cold if rival else claim.heat / (1 - np.array(claim.momenta))
    plain, natural = ("natural", "plain") if rival else ("plain", "natural")
    directed = [oblique, isotropic] if rival else [isotropic, oblique]
    few = min(replicas, 64)
    return {
        "momentum": heated(claim, heats, replicas),
        "plain": in_wells(odds[plain], replicas),
        "natural": in_wells(odds[natural], replicas),
        "net": about_minimum(claim, rival, few, shape),
        "isotropic": paths(claim, directed[0], count, records).isel(batch_size=0),
        "oblique": paths(claim, directed[1], count, records),
    }


@pytest.mark.known_answer("three-factors/open-questions", "prediction")
def test_what_the_predictions_made(claim, odds):
    """Catches: a judge that supports nothing, or a factor in what it compares with."""
    assert told(claim, made(claim, odds)) == dict.fromkeys(NAMES, S)


@pytest.mark.known_answer("three-factors/open-questions", "rival")
def test_what_the_rivals_made(claim, odds):
    """Catches: one question's answer let pass; of no entropy there is no ratio."""
    found = told(claim, made(claim, odds, rival=True))
    assert found.pop("no-batch-size") != S
    assert found == dict.fromkeys(NAMES[:-1], C)


@pytest.mark.known_answer("three-factors/open-questions", "rival")
def test_entropy_that_falls_as_the_noise(claim, odds):
    """Catches: a rate that falls as 1/S let pass, or held against the rate at one S."""
    ratio = claim.batches[0] / claim.batches[1]
    runs = made(claim, odds)
    runs["oblique"] = paths(
        claim, lambda eta, place: share_of_entropy(eta, ratio**place), count=4096
    )
    assert told(claim, runs) == dict.fromkeys(NAMES, S) | {"no-batch-size": C}


@pytest.mark.known_answer("three-factors/open-questions", "few")
def test_of_too_few_nothing_is_concluded(claim, odds):
    """Catches: an interval from fewer groups of replicas than there are replicas."""
    runs = made(claim, odds, replicas=10, count=50, records=2, shape=1.0)
    runs["momentum"] = runs["momentum"].isel(replica=slice(4))
    runs["net"] = runs["net"].isel(replica=slice(2))
    assert told(claim, runs) == dict.fromkeys(NAMES, N)
