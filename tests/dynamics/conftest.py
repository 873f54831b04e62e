"""A problem small enough to be solved by hand, and the mini-batches that a replica sees."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.data import generator
from soret.dynamics.algorithm import Point
from soret.dynamics.keys import initial_keys, noise_keys
from soret.dynamics.sampling import sampler
from soret.observables import State, label

EXAMPLES, FEATURES = 22, 3


@pytest.fixture(scope="session")
def examples() -> soret.Dataset:
    """Return data whose labels are numbers to be fitted."""
    rng = np.random.default_rng(20)
    inputs = rng.normal(size=(EXAMPLES, FEATURES))
    targets = rng.integers(0, 4, EXAMPLES).astype(float)
    return soret.Dataset("points", inputs, targets)


@pytest.fixture(scope="session")
def regression(examples: soret.Dataset) -> soret.Problem:
    """Return ½(w·x + c − y)²: linear regression, with gradients one can write down."""

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"w": jax.random.normal(key, (FEATURES,)), "c": jnp.ones(())}

    return soret.Problem(
        init=init,
        predict=lambda params, x: params["w"] @ x + params["c"],
        loss="mean_square",
        data=examples,
        name="regression",
    )


@label("slopes w")
def slopes(problem: soret.Problem, state: State) -> jax.Array:
    """Return w."""
    return state.params["w"]


@label("offset c")
def offset(problem: soret.Problem, state: State) -> jax.Array:
    """Return c."""
    return state.params["c"]


def theta(problem: soret.Problem, state: State) -> jax.Array:
    """Return all parameters as one vector."""
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(state.params)])


@pytest.fixture(scope="session")
def watch_regression() -> list[Callable[..., jax.Array]]:
    return [slopes, offset]


@pytest.fixture(scope="session")
def watch_all() -> Callable[..., jax.Array]:
    return theta


@pytest.fixture(scope="session")
def start() -> Callable[..., list[dict[str, np.ndarray]]]:
    """Return the parameters that the first replicas start from."""

    @functools.cache
    def compiled(problem: soret.Problem) -> Callable[[jax.Array], Any]:
        return jax.jit(lambda key: problem.initial(generator.as_jax_key(key)))

    def initial(problem: soret.Problem, seed: int, replicas: int) -> list[dict[str, np.ndarray]]:
        keys = np.asarray(initial_keys(seed, range(replicas)))
        return [jax.tree.map(np.asarray, compiled(problem)(key)) for key in keys]

    return initial


@pytest.fixture(scope="session")
def minibatches() -> Callable[..., np.ndarray]:
    """Return the indices of a replica's mini-batches, (steps, batch), one step drawn at a time."""

    @functools.cache
    def compiled(
        problem: soret.Problem, batch_size: int, sampling: str | None, steps: int
    ) -> Callable[[jax.Array], jax.Array]:
        draws = sampler(problem, batch_size, sampling)  # type: ignore[arg-type]

        def one(key: jax.Array, carry: Any, step: jax.Array) -> tuple[Any, jax.Array]:
            return draws.draw(carry, key, step[None])

        @jax.jit
        def all_steps(key: jax.Array) -> jax.Array:
            first = draws.prepare(key, jnp.uint32(0))
            numbers = jnp.arange(steps, dtype=jnp.uint32)
            return jax.lax.scan(functools.partial(one, key), first, numbers)[1][:, 0]

        return all_steps

    def draw(
        problem: soret.Problem,
        algorithm: soret.SGD | soret.Optax,
        point: Point,
        seed: int,
        replica: int,
        steps: int,
    ) -> np.ndarray:
        key = jnp.asarray(noise_keys(seed, point, range(replica, replica + 1))[0])
        draws = compiled(problem, int(point["batch_size"]), algorithm.sampling, steps)
        return np.asarray(draws(key))

    return draw
