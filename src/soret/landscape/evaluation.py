"""Loss and accuracy at many points of a landscape, by one compiled program."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray

from soret.data import Dataset, generator
from soret.errors import SettingsError
from soret.landscape.chunks import add_chunks, chunk_of
from soret.landscape.point import whole_number
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings

# Points that one call measures: memory stays bounded, and Ctrl-C is heard.
_POINTS = 256


class Evaluation(NamedTuple):
    """Loss and accuracy at points, each of shape (...,), float64; NaN where θ is not finite.

    Attributes
    ----------
    loss : array
        Mean loss.
    accuracy : array
        Fraction of the examples classified right: by the sign of a scalar output, else by the
        largest; NaN where labels are no classes.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def evaluate(problem: Problem, points: ArrayLike, examples: int | None = None) -> Evaluation:
    """Return loss and accuracy at points of the landscape.

    Parameters
    ----------
    problem : Problem
        With a finite data set; the same network with other data validates.
    points : (..., P) array
        Parameters as vectors, as `soret.observables.parameters` records them.
    examples : int, optional
        The first so many; default all.

    Raises
    ------
    SettingsError
        If points or examples do not fit the problem.
    """
    values, inputs, labels = measured(problem, points, examples)
    classes = isinstance(problem.data, Dataset) and bool(problem.data.classes)
    flat = values.reshape(-1, values.shape[-1])

    def one(vector: Array, inputs: Array, labels: Array) -> tuple[Array, Array]:
        params = problem.unflatten(vector)

        def summed(x: Array, y: Array) -> tuple[Array, Array]:
            losses = jax.vmap(problem.example_loss, in_axes=(None, 0, 0))(params, x, y)
            right = jnp.zeros(len(y))
            if classes:
                right = is_right(jax.vmap(problem.output, in_axes=(None, 0))(params, x), y)
            return jnp.sum(losses), jnp.sum(right)

        return add_chunks(summed, inputs, labels, chunk)

    with ensemble_settings():
        program = jax.jit(lambda some, x, y: jax.lax.map(lambda v: one(v, x, y), some))
        data = jnp.asarray(inputs), jnp.asarray(labels)
        chunk = chunk_of(problem, problem.unflatten(flat[0]), *data)
        found = [
            np.stack([np.asarray(part, np.float64) for part in program(some, *data)])
            for some in np.split(flat, range(_POINTS, len(flat), _POINTS))
        ]
    loss, right = np.concatenate(found, axis=1).reshape(2, *values.shape[:-1]) / len(labels)
    known = np.isfinite(values).all(axis=-1)
    return Evaluation(np.where(known, loss, np.nan), np.where(known & classes, right, np.nan))


def is_right(outputs: Array, labels: Array) -> Array:
    """Return which examples are classified right, as float32: by sign of a scalar, else argmax."""
    scalar = outputs.ndim == 1 or outputs.shape[-1] == 1
    guess = (outputs.reshape(len(labels)) > 0) if scalar else jnp.argmax(outputs, axis=-1)
    return (guess.astype(jnp.int32) == labels).astype(jnp.float32)


def measured(
    problem: Problem, points: ArrayLike, examples: int | None
) -> tuple[NDArray[np.float32], np.ndarray, np.ndarray]:
    """Return points as an array, and the examples to measure over.

    Raises
    ------
    SettingsError
        If they do not fit the problem.
    """
    if not isinstance(problem.data, Dataset):
        raise SettingsError(
            f"problem {problem.name!r} draws from a stream; points are compared over a data set."
        )
    values = np.asarray(points, np.float32)
    size = parameters_of(problem)
    if values.ndim < 1 or values.shape[-1] != size or not values.size:
        raise SettingsError(
            f"points have shape {values.shape}; the last axis must have the {size:,} parameters "
            f"of problem {problem.name!r}."
        )
    n = len(problem.data)
    n = n if examples is None else whole_number(examples, "examples", most=n)
    return values, problem.data.inputs[:n], problem.data.labels[:n]


def parameters_of(problem: Problem) -> int:
    """Return how many parameters a problem has."""
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    with ensemble_settings():
        flat = jax.eval_shape(
            lambda k: ravel_pytree(problem.initial(generator.as_jax_key(k)))[0], key
        )
    return int(flat.size)
