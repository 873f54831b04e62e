"""The flow of hidden units: what the judge says of made data, statement by statement."""

import numpy as np
import pytest
import xarray as xr
from scipy import special
from told import told

from soret.claims import configure, find
from soret.theory import thermophoresis as theory

RATES, SIZES = (0.1, 0.05, 0.025), (1, 2, 4)
STEPS, NOISE_STEPS, FRESH = 8000, 20, 8
LARGE = 0.3
"""A learning rate at which a tenth of the units show the flow that a small one needs."""
S, C, N = "supported", "contradicted", "inconclusive"
SETTINGS = {"learning_rates": RATES, "batch_sizes": SIZES, "replicas": 24}


@pytest.fixture(scope="module")
def claim():
    return configure(find("thermophoresis/two-layer-flow")[0], "quick", SETTINGS)


def units(replicas):
    """Return V, b, ‖W‖ as PyTorch's default has them, (replicas, 3, 10)."""
    rng = np.random.default_rng(0)
    V, b = (rng.uniform(-0.316, 0.316, (replicas, 10)) for _ in range(2))
    return np.stack([V, b, rng.uniform(0.45, 0.7, (replicas, 10))], axis=1)


def walk(replicas):
    """Units moved by the noise alone: b by ±½ηV where they are on, evenly either way.

    Half of a replica's units are the other half with b and every step turned round: little is
    left of the noise.
    """
    start = units(replicas)
    start[..., 5:] = start[..., :5] * [[1], [-1], [1]]
    rng, moved = np.random.default_rng(1), [start]
    for _ in range(NOISE_STEPS):
        V, b, norm = np.moveaxis(moved[-1], 1, 0)
        drawn, sign = rng.uniform(size=(replicas, 5)), rng.choice([-1, 1], (replicas, 5))
        on = np.concatenate([drawn, drawn], axis=1) < special.ndtr(b / norm)
        b = b + LARGE / 2 * V * on * np.concatenate([sign, -sign], axis=1)
        moved.append(np.stack([V, b, norm], axis=1))
    return np.array(moved)[::5]


def carried(replicas):
    """Units carried along by the paper's force: as Eq. 27 read as a drift has it."""
    moved = [units(replicas)]
    for _ in range(NOISE_STEPS):
        V, b, norm = np.moveaxis(moved[-1], 1, 0)
        found = theory.amplitudes(b.ravel(), norm.ravel())
        size = np.abs(V).ravel()
        g, _ = theory.as_walk(size, found)
        step = -(LARGE**2) * theory.psi(size, found)[:, None] * g
        step /= np.linalg.norm(g, axis=-1, keepdims=True)
        V = np.sign(V) * (size + step[:, 0]).reshape(V.shape)
        moved.append(np.stack([V, b + step[:, 1].reshape(b.shape), norm], axis=1))
    return np.array(moved)[::5]


def noise(moved):
    coordinates = {"step": np.arange(len(moved)) * 5}
    values = ("step", "replica", "part", "unit"), moved
    return xr.Dataset({"hidden_units": values}, coordinates, {"algorithm_learning_rate": LARGE})


def made(moved, *, rate=2.0, batch=-1.0, rises=False, scatter=0.02, replicas=24):
    """Runs whose drifts go as η^rate B^batch, in the first steps and through training."""
    rng = np.random.default_rng(2)
    runs = {"noise": noise(moved)}
    start = theory.unit_flow(moved[0], 0.6 * np.abs(moved[0][:, 1]).max())
    speeds = {"mean_bias": start.bias, "mean_output_weight": start.output_weight}
    scans = {"learning_rate": (np.array(RATES), 0.1, rate), "batch_size": (SIZES, 1, batch)}
    for scan, (values, reference, power) in scans.items():
        clock = (np.asarray(values, float) / reference) ** power
        coordinates = {scan: list(values), "step": [0, FRESH]}
        dims, shape = (scan, "replica", "step"), (3, replicas, 2)
        runs[f"start/{scan}"] = xr.Dataset(
            {
                name: (
                    dims,
                    np.array([0, 0.01 * speed * FRESH])
                    * clock[:, None, None]
                    * (1 + scatter * rng.normal(size=shape)),
                )
                for name, speed in speeds.items()
            },
            coordinates,
        )
        steps = np.arange(81) * (STEPS // 80)
        curve = np.exp(-steps * clock[:, None] / 3000)[:, None]
        curve = 1 - curve if rises else curve
        curves = curve + 0.2 * scatter * rng.normal(size=(3, replicas, 81))
        variables = dict.fromkeys((*speeds, "balanced_residual"), (dims, curves))
        runs[f"training/{scan}"] = xr.Dataset(variables, coordinates | {"step": steps})
    return runs


TRAINING = ("falls", "early", "bias-collapses", "output-weight-collapses", "first-steps")
NOISE = ("flow", "thermophoretic-flow", "exact-flow", "drift")


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        ({}, (S, S, S, S, S)),
        ({"rate": 1.0}, (S, S, C, C, C)),
        ({"batch": 0.0}, (S, S, C, C, C)),
        ({"rises": True}, (C, C, S, S, S)),
        ({"scatter": 20.0}, (N, N, N, N, N)),
        ({"replicas": 1}, (N, N, N, N, N)),
    ],
)
@pytest.mark.known_answer("thermophoresis/two-layer-flow", "prediction", "rival", "few")
def test_training(claim, changes, verdicts):
    """Catches: a power or a sign lost; a scan whose curves count for another's statement."""
    found = told(claim, made(carried(32), **changes))
    assert {name: found[name] for name in TRAINING} == dict(zip(TRAINING, verdicts, strict=True))


@pytest.mark.known_answer("thermophoresis/two-layer-flow", "prediction")
def test_units_that_the_papers_force_carries(claim):
    """Catches: a judge that would not know the paper's own drift; Eq. 10 taken for Eq. 27."""
    found = told(claim, made(carried(1000)))
    assert {name: found[name] for name in NOISE} == dict(zip(NOISE, (C, S, C, S), strict=True))


@pytest.mark.known_answer("thermophoresis/two-layer-flow", "rival")
def test_units_that_walk_without_bias(claim):
    """Catches: a flow through surfaces read off the drift of a mean, which is none here."""
    found = told(claim, made(walk(16_000)))
    assert {name: found[name] for name in NOISE} == dict(zip(NOISE, (C, C, S, C), strict=True))


@pytest.mark.known_answer("thermophoresis/two-layer-flow", "few")
def test_few_units_say_nothing_of_the_flow(claim):
    """Catches: a formula found right by chance."""
    assert told(claim, made(walk(10)))["exact-flow"] == N
