"""Small problems with what is to be measured of them, computed densely in float64."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import soret


@dataclass(frozen=True, eq=False)
class Dense:
    """A problem at a point, and the losses of its examples as a function of flat parameters."""

    problem: soret.Problem
    params: Any

    def in_float64(self, function: Callable[..., Any]) -> np.ndarray:
        """Return ``function(losses, outputs, loss, flat)`` evaluated in float64."""
        data = self.problem.data
        assert isinstance(data, soret.Dataset)
        with jax.enable_x64(True):
            tree = jax.tree.map(
                lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), self.params
            )
            flat, unflatten = ravel_pytree(tree)
            inputs = jnp.asarray(data.inputs, jnp.float64)
            labels = jnp.asarray(data.labels)

            def outputs(flat: jax.Array) -> jax.Array:
                return jax.vmap(self.problem.output, in_axes=(None, 0))(unflatten(flat), inputs)

            def loss(outputs: jax.Array) -> jax.Array:
                return jax.vmap(self.problem.loss)(outputs, labels)

            run = jax.jit(lambda flat: function(lambda f: loss(outputs(f)), outputs, loss, flat))
            return np.asarray(run(flat))

    # Every one of these is a program of its own, and several tests ask for it.
    @functools.cache  # noqa: B019
    def gradients(self) -> np.ndarray:
        """Gradients of the examples (n, parameters)."""
        return self.in_float64(lambda losses, _o, _l, flat: jax.jacrev(losses)(flat))

    @functools.cache  # noqa: B019
    def hessian(self) -> np.ndarray:
        """Hessian of the mean loss."""
        return self.in_float64(
            lambda losses, _o, _l, flat: jax.hessian(lambda f: losses(f).mean())(flat)
        )

    @functools.cache  # noqa: B019
    def gauss_newton(self) -> np.ndarray:
        """JᵀHJ with the whole output as one vector, H its dense Hessian."""

        def whole(_losses: Any, outputs: Any, loss: Any, flat: jax.Array) -> jax.Array:
            f = outputs(flat)
            J = jax.jacrev(lambda flat: outputs(flat).ravel())(flat)
            H = jax.hessian(lambda g: loss(g.reshape(f.shape)).mean())(f.ravel())
            return J.T @ H @ J

        return self.in_float64(whole)


def initial(key: jax.Array) -> list[dict[str, jax.Array]]:
    sizes = (4, 5, 5, 3)
    keys = jax.random.split(key, len(sizes))
    return [
        {"W": jax.random.normal(k, (m, n)) / n**0.5, "b": 0.1 * jax.random.normal(k, (m,))}
        for k, n, m in zip(keys, sizes, sizes[1:], strict=False)
    ]


def predict(params: list[dict[str, jax.Array]], x: jax.Array) -> jax.Array:
    for layer in params[:-1]:
        x = jnp.tanh(layer["W"] @ x + layer["b"])
    return params[-1]["W"] @ x + params[-1]["b"]


def points(n: int, features: int, classes: int) -> soret.Dataset:
    rng = np.random.default_rng([23, n])
    names = tuple(str(i) for i in range(classes))
    labels = rng.integers(0, classes, n)
    return soret.Dataset("points", rng.normal(size=(n, features)), labels, names)


def numbers(n: int, features: int, classes: int) -> soret.Dataset:
    """The same with labels that are quantities."""
    data = points(n, features, classes)
    return soret.Dataset("points", data.inputs, data.labels.astype(float))


@pytest.fixture(scope="session")
def net() -> Dense:
    """A deep net of 73 parameters with three classes, on 37 examples."""
    problem = soret.Problem(initial, predict, "cross_entropy", points(37, 4, 3))
    return Dense(problem, jax.jit(problem.initial)(jax.random.key(1)))


@pytest.fixture(scope="session")
def regression() -> Dense:
    """Linear regression f = w·x with ½(f − y)² on 40 examples of 6 features."""
    problem = soret.Problem(
        lambda key: jax.random.normal(key, (6,)), lambda w, x: w @ x, "mean_square",
        numbers(40, 6, 4),
    )  # fmt: skip
    # Far from the minimum, so that the mean gradient is well above its noise.
    return Dense(problem, jnp.full(6, 2.0))
