"""The Langevin limit: what the judge says of errors whose power of η is known."""

import numpy as np
import pytest
import xarray as xr
from told import told

from soret.claims import configure, find

S, C, N = "supported", "contradicted", "inconclusive"
ORDERS = ("first", "second", "complete")
CURVATURES = np.array([1.0, 0.5])
START, VARIANCE = 1.5, 1e-3
"""Where replicas start on the quadratic surface, and σ²/S there."""


@pytest.fixture(scope="module")
def claim():
    return configure(find("three-factors/langevin-limit")[0], "quick", {})


def law(order, h, eta, time):
    """Return what is left of a start after a time, and S/η times the variance, at curvatures h.

    By SGD, by an equation, or by what is off the first one by a half at every η, more or less.
    """
    if order == "sgd":
        left = (1 - eta * h) ** round(time / eta)
        return left, (1 - left**2) / (h * (2 - eta * h))
    if order == "rival":
        left, spread = law("first", h, eta, time)
        by = 1.5 + 0.1 * np.linspace(-1, 1, h.size).reshape(h.shape)
        return 1 + by * (left - 1), by * spread
    rate = h if order == "first" else h * (1 + eta * h / 2)
    left = np.exp(-rate * time)
    return left, (1 + eta * h * (order == "complete")) * (1 - left**2) / (2 * rate)


def made(claim, by="sgd", *, replicas=512, starts=12, scatter=3e-4):
    """Return ensembles of mean and covariance by a law, scattered by a share of what they are."""
    rng, runs = np.random.default_rng(0), {}
    for eta in claim.learning_rates:
        left, spread = (part.mean() for part in law(by, CURVATURES, eta, claim.time))
        noise = 1 + scatter * rng.normal(size=(2, replicas))
        mean, variance = START + START * (left - 1) * noise[0], eta * VARIANCE * spread * noise[1]
        about = np.stack([mean, variance], axis=-1)[:, None]
        runs[f"quadratic/{eta:g}"] = xr.Dataset({"about": (("replica", "step", "of"), about)})
    # A net is taken for another quadratic surface from every start.
    h = rng.uniform(0.2, 0.6, (starts, 3))
    begin, axes = rng.choice([-1.0, 1.0], h.shape), ("learning_rate", "begin", "parameter")
    laws = {
        order: [law(order, h, eta, claim.net_time) for eta in claim.net_rates]
        for order in (by, *ORDERS)
    }
    means = {order: np.stack([begin * left for left, _ in each]) for order, each in laws.items()}
    spreads = {
        order: np.stack([spread[..., None] * np.eye(3) for _, spread in each])
        for order, each in laws.items()
    }
    # The rival of the recursion is the first equation.
    ensemble = spreads["first" if by == "rival" else by][0, 0]
    square = claim.net_rates[0] / claim.batch_size * np.trace(ensemble)
    runs["net"] = xr.Dataset(
        {
            "start": (axes, np.broadcast_to(begin, means[by].shape)),
            "end": (axes, means[by]),
            "mean": (
                ("learning_rate", "order", "begin", "parameter"),
                np.stack([means[order] for order in ORDERS], axis=1),
            ),
            "spread": (
                ("learning_rate", "law", "begin", "parameter", "column"),
                np.stack([spreads[order] for order in (by, *ORDERS)], axis=1),
            ),
            "square": ("replica", square * (1 + 30 * scatter * rng.normal(size=replicas))),
        }
    )
    return runs


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, S),
        ({"by": "rival"}, C),
        ({"replicas": 4, "starts": 1, "scatter": 0.3}, N),
    ],
)
@pytest.mark.known_answer("three-factors/langevin-limit", "prediction", "rival", "few")
def test_powers_of_errors(claim, changes, verdict):
    """Catches: a judge that supports nothing; an error that stays let pass; a power of chance."""
    names = ("limit", "better-drift", "drift-alone", "better-noise", "recursion")
    assert told(claim, made(claim, **changes)) == dict.fromkeys(names, verdict)


def test_an_equation_is_not_held_against_another(claim):
    """Catches: the complete equation's noise let pass where it is no better than the second's."""
    runs = made(claim)
    spread = runs["net"].spread.values.copy()
    spread[:, 3] = spread[:, 2]
    runs["net"] = runs["net"].assign(spread=(runs["net"].spread.dims, spread))
    names = ("limit", "better-drift", "drift-alone", "recursion")
    assert told(claim, runs) == dict.fromkeys(names, S) | {"better-noise": C}
