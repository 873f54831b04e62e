"""Every public constructor, each argument of another type: one sentence, before any work."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import DataError, SettingsError
from soret.problems import wells

RNG = np.random.default_rng(2)
POINTS = soret.Dataset("points", RNG.normal(size=(8, 4)), np.arange(8) % 2, ("a", "b"))
IMAGES = soret.Dataset("images", RNG.normal(size=(8, 6, 6)), np.arange(8) % 2, ("a", "b"))
WELLS = [wells.DoubleWell, wells.TiltedDoubleWell, wells.WideAndNarrowWells, wells.FunnelWells]

CONSTRUCTORS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "dense": (soret.problems.dense, {"hidden": (3,), "data": POINTS}),
    "two_layer": (soret.problems.two_layer, {"data": POINTS}),
    "conv": (soret.problems.conv, {"layers": 1, "kernel": 3, "data": IMAGES}),
    "conv_stack": (soret.problems.conv_stack, {"stacks": [(1, 2)], "data": IMAGES}),
    "linear_regression": (soret.problems.linear_regression, {"examples": 10}),
    "random_walk": (soret.problems.random_walk, {"field": jnp.sin, "dimensions": 2}),
    "surface": (soret.problems.surface, {"potential": jnp.sum, "start": [0.0]}),
    "Normal": (soret.problems.Normal, {}),
    "label_smoothing": (soret.problems.label_smoothing, {"amount": 0.1}),
    "Gaussian": (soret.data.Gaussian, {"features": 3}),
    "Uniform": (soret.data.Uniform, {"features": 3}),
    "GaussianRegression": (soret.data.GaussianRegression, {"features": 3}),
    **{kind.__name__: (kind, {}) for kind in WELLS},
}
WRONG = {
    "a word": "abc",
    "a number": 3.5,
    "a negative": -2,
    "NaN": math.nan,
    "infinity": math.inf,
    "true": True,
    "nothing": None,
    "a list": [1, "x"],
    "a dictionary": {"a": 1},
    "an object": object(),
    "a class": int,
}
# What of these an argument takes.
TAKEN = {
    ("inputs", "nothing"), ("labels", "nothing"), ("outputs", "nothing"), ("data", "nothing"),
    ("dimensions", "nothing"), ("examples", "nothing"), ("start", "nothing"),
    ("matrix", "nothing"), ("bias", "true"), ("batch_normalization", "true"),
    ("name", "a word"), ("spread", "a number"), ("tilt", "a number"), ("tilt", "a negative"),
    ("strength", "a number"), ("scale", "a number"), ("barrier", "a number"),
    ("floor", "a number"), ("ratio", "a number"), ("seed", "a word"), ("start", "a number"),
    ("start", "a negative"),
}  # fmt: skip


def cases() -> Any:
    for name, (make, given) in CONSTRUCTORS.items():
        for argument in inspect.signature(make).parameters:
            for kind, value in WRONG.items():
                yield pytest.param(
                    make, given, argument, kind, value, id=f"{name}-{argument}-{kind}"
                )


@pytest.mark.parametrize(("make", "given", "argument", "kind", "value"), list(cases()))
def test_ends_in_one_sentence(
    make: Callable[..., Any], given: Any, argument: str, kind: str, value: Any
) -> None:
    """Catches: a TypeError from somewhere within, or nonsense that is taken."""
    if (argument, kind) in TAKEN and make is not soret.problems.label_smoothing:
        return
    with pytest.raises((SettingsError, DataError)) as refused:
        make(**given | {argument: value})
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_one_number_is_one_layer() -> None:
    """Catches: dense(hidden=10), which people write."""
    shapes = [layer["W"].shape for layer in soret.problems.dense(5, 10).initial(_key())]
    assert shapes == [(10, 5), (1, 10)]


def _key() -> Any:
    import jax

    return jax.random.key(0)
