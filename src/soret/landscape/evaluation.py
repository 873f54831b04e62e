"""Loss and accuracy at many points of a landscape, by one compiled program."""

import os
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray

from soret.data import Dataset, generator
from soret.data.subsets import whole_number
from soret.errors import SettingsError
from soret.landscape.batches import cached_length, cut
from soret.landscape.loop import Loop, Variables, sum_by_batches
from soret.memory import refuse_beyond
from soret.problems import Problem
from soret.problems.labels import decision_threshold
from soret.problems.tracing import ensemble_settings


class Evaluation(NamedTuple):
    """Loss and accuracy at points, each of shape (...,), float64; NaN where θ is not finite.

    A loss is what the model gives: not finite where it overflows.

    Attributes
    ----------
    loss : array
        Mean loss.
    accuracy : array
        Fraction of the examples classified right: by the sign of a scalar output (under
        mean_square, by whether it is nearer 1 than 0), else by the largest; NaN where labels are no
        classes.
    examples : int
        Number of examples that they are means over.
    whole : bool
        Whether those are the whole data set.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    examples: int
    whole: bool


@ensemble_settings()
def evaluate(
    problem: Problem,
    points: ArrayLike,
    examples: int | None = None,
    *,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Evaluation:
    """Return loss and accuracy at points of the landscape.

    Parameters
    ----------
    problem : Problem
        With a finite data set; the same network with other data validates. That should be scaled
        as what was trained on, and normalized over its references: ``dense(data=test,
        scaling=net, batch_normalization=net)`` if `net` was trained.
    points : (..., P) array, or pytree
        Parameters as vectors, as `soret.observables.parameters` records them, or those of one
        point as `problem.initial(key)` gives them.
    examples : int, optional
        So many, drawn at random; default all.
    seed : int
        Seed of the draw, where not all examples are taken.
    out : path, optional
        A folder that a long measurement is resumed from, and its result loaded.
    progress : bool, optional
        Whether to show a bar; default: where standard error is a terminal.

    Raises
    ------
    SettingsError
        If points or examples do not fit the problem, or the points not into memory.
    RunError
        If `out` holds something else, or is damaged.
    KeyboardInterrupt
        On Ctrl-C, after saving what can be resumed.
    """
    values, inputs, labels = measured(problem, points, examples, seed)
    threshold = decision_threshold(problem.loss, problem.data, labels)
    classes = threshold is not None
    flat = values.reshape(-1, values.shape[-1])
    most = cached_length(problem, problem.unflatten(flat[0]), inputs, labels)
    batches = cut(len(labels), most)

    def added(point: Array, _: Array, batch: tuple[Array, ...], flat: Array) -> Array:
        x, y, weights = batch
        params = problem.unflatten(flat[point])
        losses = jax.vmap(problem.example_loss, in_axes=(None, 0, 0))(params, x, y)
        right = jnp.zeros(len(y))
        if threshold is not None:
            outputs = jax.vmap(problem.output, in_axes=(None, 0))(params, x)
            right = is_right(outputs, y, threshold)
        return jnp.stack([jnp.sum(weights * losses), jnp.sum(weights * right)])

    def finish(point: Array, total: Array, _: Array, sums: Array, *__: Array) -> Array:
        return sums.at[point].set(total)

    def result(state: tuple[np.ndarray, np.ndarray]) -> Variables:
        loss, right = (state[1].astype(float) / len(labels)).T.reshape(2, *values.shape[:-1])
        known = np.isfinite(values).all(axis=-1)
        dims = axes(values)
        return {
            "loss": (dims, np.where(known, loss, np.nan)),
            "accuracy": (dims, np.where(known & classes, right, np.nan)),
        }

    loop = Loop(
        "evaluation",
        sum_by_batches(batches, added, finish),
        (np.zeros(2, np.float32), np.zeros((len(flat), 2), np.float32)),
        (inputs, labels, flat),
        len(flat) * batches.count,
        result,
    )
    found = loop.run(out, progress)
    whole = len(labels) == len(problem.data)  # type: ignore[arg-type]
    return Evaluation(found.loss.values, found.accuracy.values, len(labels), whole)


def is_right(outputs: Array, labels: Array, threshold: float = 0.0) -> Array:
    """Return which examples are classified right, as float32.

    By whether a scalar is above the threshold that `soret.problems.labels.decision_threshold`
    gives for the loss, else by the largest.
    """
    scalar = outputs.ndim == 1 or outputs.shape[-1] == 1
    guess = (outputs.reshape(len(labels)) > threshold) if scalar else jnp.argmax(outputs, axis=-1)
    return (guess.astype(jnp.int32) == labels).astype(jnp.float32)


def measured(
    problem: Problem, points: ArrayLike, examples: int | None, seed: int
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
    values = vectors(as_vector(problem, points), "points")
    size = parameters_of(problem)
    if values.ndim < 1 or values.shape[-1] != size or not values.size:
        raise SettingsError(
            f"points have shape {values.shape}; the last axis must have the {size:,} parameters "
            f"of problem {problem.name!r}."
        )
    check_points(values.size // size, size)
    n = len(problem.data)
    n = n if examples is None else whole_number(examples, "examples", most=n)
    return values, *problem.evaluation_batch(n, seed)


def as_vector(problem: Problem, given: Any) -> Any:
    """Return a point as one vector where it is parameters as `problem.initial(key)` returns them.

    Anything else, such as an array of points, is returned as it is.
    """
    if hasattr(given, "shape") or jax.tree.all(jax.tree.map(np.isscalar, given)):
        return given
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    try:
        with ensemble_settings():
            params = problem.moving(given)
            like = eqx.filter_eval_shape(lambda k: problem.initial(generator.as_jax_key(k)), key)
    except SettingsError:
        return given
    shapes = jax.tree.map(np.shape, params), jax.tree.map(np.shape, like)
    structures: tuple[Any, Any] = jax.tree.structure(params), jax.tree.structure(like)
    if structures[0] != structures[1] or shapes[0] != shapes[1]:
        return given
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def vectors(given: ArrayLike, name: str) -> NDArray[np.float32]:
    """Return an array as float32; NaN stays what it is, as of a replica that diverged.

    Raises
    ------
    SettingsError
        If it is no array of numbers, or has numbers beyond float32.
    """
    try:
        with np.errstate(over="raise"):
            return np.asarray(given, np.float32)
    except FloatingPointError as error:
        raise SettingsError(
            f"`{name}` must hold numbers of float32, up to 3.4e38 in size, but has larger ones."
        ) from error
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"`{name}` must be an array of real numbers ({error}), or one replica's parameters; "
            "jax.flatten_util.ravel_pytree(params)[0] makes a vector of these."
        ) from error


def check_points(count: int, size: int, copies: int = 2) -> None:
    """Refuse more points of a landscape than memory holds, so many times in float32.

    Raises
    ------
    SettingsError
        If there are.
    """
    refuse_beyond(
        4 * copies * count * size,
        f"{count:,} points of {size:,} parameters",
        "measure at fewer points at once",
    )


def axes(points: np.ndarray) -> tuple[str, ...]:
    """Name the axes of what is measured at points (..., P)."""
    return tuple(f"axis_{i}" for i in range(points.ndim - 1))


def parameters_of(problem: Problem) -> int:
    """Return how many parameters a problem has."""
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    with ensemble_settings():
        flat = jax.eval_shape(
            lambda k: ravel_pytree(problem.initial(generator.as_jax_key(k)))[0], key
        )
    return int(flat.size)
