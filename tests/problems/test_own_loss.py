"""Losses of the user's own on class numbers: every class must have a say."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import soret
from soret.errors import SettingsError

RNG = np.random.default_rng(3)


def data(classes: int) -> soret.Dataset:
    labels = np.arange(12, dtype=np.int32) % classes
    return soret.Dataset("d", RNG.normal(size=(12, 4)), labels, tuple("abcd"[:classes]))


def net(loss: Callable[..., Any], classes: int = 3, outputs: int | None = 3) -> soret.Problem:
    shape = (4,) if outputs is None else (outputs, 4)
    return soret.Problem(
        init=lambda key: jax.random.normal(key, shape),
        predict=lambda w, x: w @ x,
        loss=loss,
        data=data(classes),
    )


REFUSED = {
    "cross-entropy of one-hot rows": (optax.softmax_cross_entropy, 3, 3),
    "by hand": (lambda f, y: -jnp.sum(y * jax.nn.log_softmax(f)), 3, 3),
    "with a logarithm that overflows": (
        lambda f, y: -jnp.sum(y * jnp.log(jax.nn.softmax(f))),
        4,
        4,
    ),
    "half of two classes": (lambda f, y: -y * jax.nn.log_sigmoid(f), 2, None),
    "hinge of signs": (optax.hinge_loss, 2, None),
    "a weight of the class": (lambda f, y: y * f**2, 3, None),
}
ACCEPTED = {
    "cross-entropy of numbers": (optax.softmax_cross_entropy_with_integer_labels, 3, 3),
    "one-hot within": (lambda f, y: optax.softmax_cross_entropy(f, jax.nn.one_hot(y, 3)), 3, 3),
    "hinge": (lambda f, y: optax.hinge_loss(f, 2 * y - 1), 2, None),
    "a wide margin": (lambda f, y: jnp.maximum(0, 20 - (2 * y - 1) * f), 2, None),
    "margin of scores": (lambda f, y: jnp.sum(jnp.maximum(0, 1 + f - f[y])), 3, 3),
    "sigmoid": (optax.sigmoid_binary_cross_entropy, 2, None),
    "distance": (lambda f, y: jnp.abs(f - y), 3, None),
    "a dead zone": (lambda f, y: jnp.maximum(0, jnp.abs(f - y) - 2), 3, None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_class_without_a_say_is_refused(name: str) -> None:
    """Catches: labels that broadcast against the scores, so that class 0 is never learned."""
    loss, classes, outputs = REFUSED[name]
    with pytest.raises(SettingsError, match=r"loss of class 0 .'a'. does not depend.*one-hot"):
        net(loss, classes, outputs)


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_loss_that_is_flat_in_places_is_right(name: str) -> None:
    """Catches: a margin, at which a loss is zero by right, taken for labels of another kind."""
    loss, classes, outputs = ACCEPTED[name]
    assert net(loss, classes, outputs).loss is loss


def test_of_a_stream_and_of_soret_s_nets() -> None:
    """Catches: data or models by which the check is passed by."""
    for stream in (soret.data.Gaussian(4, classes=2), data(3)):
        with pytest.raises(SettingsError, match=r"class 0.* does not depend"):
            soret.problems.dense(hidden=3, data=stream, loss=lambda f, y: jnp.sum(y * f**2))
