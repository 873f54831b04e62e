"""Models that return probabilities where the loss takes scores."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.problems import ModelWarning, label_smoothing

RNG = np.random.default_rng(0)
TWO = soret.Dataset("two", RNG.normal(size=(12, 3)), np.arange(12) % 2, ("a", "b"))
THREE = soret.Dataset("three", RNG.normal(size=(12, 3)), np.arange(12) % 3, tuple("abc"))


def problem(predict: Any, data: soret.Dataset, loss: Any) -> soret.Problem:
    columns = 1 if data is TWO else 3
    return soret.Problem(lambda key: jax.random.normal(key, (3, columns)), predict, loss, data)


WARNED = {
    "sigmoid": (lambda p, x: jax.nn.sigmoid(x @ p), TWO, "binary_cross_entropy"),
    "a number": (lambda p, x: jax.nn.sigmoid(x @ p)[0], TWO, "binary_cross_entropy"),
    "compiled": (jax.jit(lambda p, x: jax.nn.sigmoid(x @ p)), TWO, "binary_cross_entropy"),
    "smoothed": (lambda p, x: jax.nn.sigmoid(x @ p), TWO, label_smoothing(0.1)),
    "softmax": (lambda p, x: jax.nn.softmax(x @ p), THREE, "cross_entropy"),
    "compiled softmax": (jax.jit(lambda p, x: jax.nn.softmax(x @ p)), THREE, "cross_entropy"),
    "by hand": (lambda p, x: jnp.exp(x @ p) / jnp.exp(x @ p).sum(), THREE, "cross_entropy"),
}


@pytest.mark.parametrize("name", WARNED)
def test_warned_of(name: str) -> None:
    """Catches: training that stalls in silence, as the loss takes a softmax of a softmax."""
    with pytest.warns(ModelWarning, match="ends in a .*probabilities where .*scores"):
        problem(*WARNED[name])


def attention(p: jax.Array, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(x @ p) @ p


FINE = {
    "scores": (lambda p, x: x @ p, THREE, "cross_entropy"),
    "attention": (attention, THREE, "cross_entropy"),
    "gated": (lambda p, x: (x @ p) * jax.nn.sigmoid(x @ p), TWO, "binary_cross_entropy"),
    "scaled": (lambda p, x: 5 * jax.nn.sigmoid(x @ p) - 2, TWO, "binary_cross_entropy"),
    "log": (lambda p, x: jax.nn.log_softmax(x @ p), THREE, "cross_entropy"),
    "normed": (lambda p, x: (x @ p) / jnp.abs(x @ p).sum(), THREE, "cross_entropy"),
    "mean square": (lambda p, x: jax.nn.sigmoid(x @ p)[0], TWO, "mean_square"),
}


@pytest.mark.parametrize("name", FINE)
def test_not_warned_of(name: str) -> None:
    problem(*FINE[name])
