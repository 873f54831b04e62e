"""Updates that float32 rounds away are told of, and nothing else is."""

import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import soret
from soret.errors import SettingsError

SURFACE = soret.problems.surface


def bowl(at: float = 0.0, start: float = 1.0, strength: float = 0.0, h: float = 1.0) -> Any:
    return SURFACE(lambda x: 0.5 * h * (x - at) @ (x - at), start=[start], strength=strength)


def line(dead: bool) -> soret.Problem:
    """A slope of 1, and of 0 where a unit is dead."""
    return SURFACE(lambda x: jnp.where(dead, 0.0, x.sum()), start=[3.0, 5.0], strength=0.0)


def points() -> soret.Problem:
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(20, 3))
    inputs[:, 1] = 0  # a pixel that is always black
    data = soret.Dataset("points", inputs, inputs @ [0.3, 0.1, -0.7])
    return soret.Problem(
        init=lambda key: {"w": 1 + jax.random.uniform(key, (3,))},
        predict=lambda params, x: params["w"] @ x,
        loss="mean_square",
        data=data,
    )


def simulated(problem: soret.Problem, algorithm: Any, steps: int, **given: Any) -> Any:
    usual = {"observe": soret.observables.parameters, "replicas": 2, "record_every": steps}
    return soret.simulate(problem, algorithm, steps=steps, **{**usual, **given})


LOST: dict[str, tuple[soret.Problem, Any, int, float]] = {
    "a tiny learning rate": (bowl(), soret.SGD(2e-8), 10_000, 1.0),
    "with momentum": (bowl(), soret.SGD(1e-9, momentum=0.9), 10_000, 1.0),
    "Adam": (bowl(), soret.Optax(optax.adam(1e-8)), 10_000, 1.0),
    "mini-batches": (points(), soret.SGD(1e-9, 4), 30_000, 2 / 3),
    "noise alone": (bowl(at=1.0, strength=5.0), soret.SGD(1e-9), 1_000_000, 1.0),
    "late in training": (bowl(at=3.0, h=1e-3), soret.SGD(2e-2), 400_000, 1.0),
    "one of two parameters": (
        SURFACE(lambda x: x[0] + 1e-8 * x[1], start=[1.0, 1.0], strength=0.0),
        soret.SGD(0.1),
        100_000,
        0.5,
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_says_that_updates_are_rounded_away(name: str) -> None:
    """Catches: parameters that do not move, and nothing said."""
    problem, algorithm, steps, share = LOST[name]
    with pytest.warns(soret.RoundingWarning, match="use a larger learning rate") as told:
        run = simulated(problem, algorithm, steps)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert run.attrs["rounded_away"] == pytest.approx(share)


HARMLESS: dict[str, tuple[soret.Problem, Any, int]] = {
    "dead units": (line(dead=True), soret.SGD(0.1), 2000),
    "a minimum that was reached": (bowl(at=0.7368063), soret.SGD(0.1), 40_000),
    "a minimum that was started from": (bowl(at=0.3, start=0.3), soret.SGD(0.1), 40_000),
    "interpolated data, a black pixel": (points(), soret.SGD(0.1, 4), 40_000),
    "parameters at 0": (bowl(at=1.0, start=0.0), soret.SGD(1e-9), 2000),
    "too few steps to tell": (bowl(), soret.SGD(2e-8), 4),
    "divergence": (bowl(), soret.SGD(3.0), 2000),
    "small updates that are made": (bowl(), soret.SGD(1e-6), 2000),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_says_nothing_where_nothing_is_lost(name: str) -> None:
    """Catches: a false alarm."""
    problem, algorithm, steps = HARMLESS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", soret.DivergenceWarning)
        run = simulated(problem, algorithm, steps)
    assert "rounded_away" not in run.attrs


def test_says_where_and_says_it_again(tmp_path: Path) -> None:
    """Catches: a warning that is lost with the process, or that does not say which rate it is."""
    for _ in range(2):
        with pytest.warns(soret.RoundingWarning, match="learning_rate = 2e-08"):
            run = simulated(bowl(), soret.SGD([0.1, 2e-8]), 10_000, out=tmp_path / "run")
    assert soret.load(tmp_path / "run").attrs == run.attrs


NUMBERS: dict[str, dict[str, Any]] = {
    "momentum that is 1 in float32": {"learning_rate": 0.1, "momentum": 1 - 1e-9},
    "a rate of 0 in float32": {"learning_rate": 1e-60},
    "no number": {"learning_rate": Decimal("0.1")},
    "a fraction": {"learning_rate": Fraction(1, 10)},
    "a truth value": {"learning_rate": True},
    "complex": {"learning_rate": 0.1 + 0j},
    "half an example": {"learning_rate": 0.1, "batch_size": 1.5},
    "no such batch": {"learning_rate": 0.1, "batch_size": 2**31},
    "batches that are one in float32": {"learning_rate": 0.1, "batch_size": [2**24, 2**24 + 1]},
    "not a number": {"learning_rate": 0.1, "weight_decay": np.nan},
}


@pytest.mark.parametrize("name", NUMBERS)
def test_refuses_numbers_that_are_none_in_float32(name: str) -> None:
    """Catches: a number that is another one where it is computed with."""
    with pytest.raises(SettingsError):
        soret.SGD(**NUMBERS[name])


@pytest.mark.parametrize("rate", [np.float64(0.1), np.float32(0.1), jnp.float32(0.1), 0.1])
def test_takes_numbers_of_every_library(rate: Any) -> None:
    """Catches: a NumPy or JAX scalar that is no number."""
    assert soret.SGD(rate, np.int64(2)).learning_rate == pytest.approx(0.1)


@pytest.mark.parametrize("steps", [2**31, 2**32, 2**32 + 4, 10**18, 0, -1, 1.5, "4"])
def test_refuses_steps_that_cannot_be_counted(steps: Any) -> None:
    """Catches: a counter of 32 bits that begins again."""
    with pytest.raises(SettingsError, match="steps is"):
        simulated(bowl(), soret.SGD(0.1), steps, record_every=1)
