"""Where a landscape is measured: a problem, parameters θ, and the examples to average over."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxprs_in_params
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float32

from soret import memory
from soret.data import Dataset, generator
from soret.data.subsets import whole_number
from soret.errors import SettingsError
from soret.landscape.flat import FlatProblem, flat
from soret.numerics import default_device
from soret.problems import Params, Problem
from soret.problems.state import other_structure
from soret.problems.tracing import ensemble_settings

STREAM_EXAMPLES = 4096
# The first word of a stream's key, so that measuring never meets the examples of a run.
_LANDSCAPE = 0x4C414E44


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters of a problem, with the examples that stand for its data.

    Attributes
    ----------
    problem : Problem
    flat : (size,) float32 array
        The parameters as one vector, leaf after leaf.
    inputs, labels : (examples, ...) arrays
    whole : bool
        Whether the examples are the whole of a finite data set: means over them are then the
        problem's own, and not estimates.
    """

    problem: Problem
    flat: Float32[Array, "size"]
    inputs: np.ndarray
    labels: np.ndarray
    whole: bool

    @cached_property
    def model(self) -> FlatProblem:
        """The problem as a function of such vectors."""
        return flat(self.problem)

    @property
    def unflatten(self) -> Callable[[Array], Params]:
        """From such a vector to the parameters' own tree."""
        return self.model.unflatten

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.flat.size

    @property
    def examples(self) -> int:
        """Number of examples."""
        return len(self.inputs)

    @cached_property
    def on_device(self) -> tuple[Array, Array] | None:
        """Inputs and labels on the device; None if they take more than a quarter of its memory."""
        if (
            self.inputs.nbytes + self.labels.nbytes
            > memory.device_limit_bytes(default_device()) // 4
        ):
            return None
        with ensemble_settings():
            return jnp.asarray(self.inputs), jnp.asarray(self.labels)

    def flatten(self, tree: Params) -> np.ndarray:
        """Return a tree like the parameters as a flat float64 vector."""
        leaves = jax.tree.leaves(tree)
        return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves])


def point(problem: Problem, params: Params, examples: int | None = None, seed: int = 0) -> Point:
    """Check and gather what is needed to measure at a point.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays, or (P,) array
        As `problem.initial(key)` gives them, or as one vector, as `soret.observables.parameters`
        records them.
    examples : int, optional
        So many of a data set, drawn at random without replacement (default: all), or drawn
        afresh from a stream (default 4096).
    seed : int
        Seed of the draw; at most 2³² − 1. Those of a data set are the same as
        `Problem.evaluation_batch` has at this seed.

    Raises
    ------
    SettingsError
        If parameters, examples or seed do not fit the problem.
    """
    if not isinstance(problem, Problem):
        raise SettingsError(f"problem is a {type(problem).__name__}; use a soret.Problem.")
    seed = whole_number(seed, "seed", 0, 2**32 - 1)
    params = problem.moving(_as_tree(problem, params))
    _check_params(problem, params)
    if isinstance(problem.data, Dataset):
        available = len(problem.data)
        n = available if examples is None else whole_number(examples, "examples", 1, available)
        inputs, labels = problem.evaluation_batch(n, seed)
        whole = n == available
    else:
        n = STREAM_EXAMPLES if examples is None else whole_number(examples, "examples")
        inputs, labels = _drawn(problem, n, seed)
        whole = False
    with ensemble_settings():
        vector = ravel_pytree(jax.tree.map(jnp.asarray, params))[0]
    return Point(problem, vector, inputs, labels, whole)


@ensemble_settings()
def activation_size(measured: Point) -> int:
    """Return how many numbers one example leaves behind on its way to its loss.

    Counted in the traced program, not run: what a batch takes in memory is a multiple of it.
    """
    params = measured.unflatten(measured.flat)
    return example_size(measured.problem, params, measured.inputs[0], measured.labels[0])


def example_size(problem: Problem, params: Params, x: Array, label: Array) -> int:
    """Return what `activation_size` returns, from one example or its shape.

    It is what a third example adds to two: weights that are transposed, and references that a
    batch-normalized net takes along, are not an example's own.
    """
    shapes = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), (params, x, label)
    )

    def made(n: int) -> int:
        some = tuple(jax.ShapeDtypeStruct((n, *s.shape), s.dtype) for s in shapes[1:])
        losses = jax.vmap(problem.example_loss, in_axes=(None, 0, 0))
        return _made(jax.make_jaxpr(losses)(shapes[0], *some).jaxpr)

    key = (example_size, *((s.shape, s.dtype) for s in shapes[1:]))
    if key not in problem.kept:
        with ensemble_settings():
            problem.kept[key] = int(np.prod(shapes[1].shape)) + made(3) - made(2)
    return int(problem.kept[key])


def _made(jaxpr: Any) -> int:
    """Sum the sizes of a program's results."""
    total = 0
    for equation in jaxpr.eqns:
        inner = list(jaxprs_in_params(equation.params))
        total += sum(_made(one) for one in inner)
        if not inner:
            total += sum(int(np.prod(v.aval.shape)) for v in equation.outvars)
    return total


def _check_params(problem: Problem, params: Params) -> None:
    key = jax.eval_shape(lambda: generator.as_jax_key(jnp.zeros(2, jnp.uint32)))
    with ensemble_settings():
        expected = eqx.filter_eval_shape(problem.initial, key)
    given: Any = jax.tree.structure(params)
    wanted = jax.tree.structure(expected)
    if given != wanted:
        raise other_structure(problem.name, given, wanted)
    for leaf, like in zip(jax.tree.leaves(params), jax.tree.leaves(expected), strict=True):
        if np.shape(leaf) != like.shape or np.asarray(leaf).dtype != np.float32:
            raise SettingsError(
                f"params hold an array of shape {np.shape(leaf)} and type "
                f"{np.asarray(leaf).dtype} where problem {problem.name!r} has {like.shape} and "
                "float32; give one replica's parameters, in float32."
            )
        if not np.isfinite(np.asarray(leaf)).all():
            raise SettingsError(
                "params hold numbers that are not finite; measure where the loss is defined."
            )


def _as_tree(problem: Problem, params: Any) -> Any:
    """Return parameters that are one vector as the problem has them, all else as it is."""
    if not isinstance(params, np.ndarray | jax.Array) and not hasattr(params, "to_numpy"):
        return params
    vector = np.asarray(params)
    if vector.ndim != 1 or vector.dtype.kind != "f" or _is_one_array(problem):
        return params
    return problem.unflatten(vector)


def _is_one_array(problem: Problem) -> bool:
    """Say whether a problem's parameters are themselves an array."""
    key = jax.eval_shape(lambda: generator.as_jax_key(jnp.zeros(2, jnp.uint32)))
    with ensemble_settings():
        like = eqx.filter_eval_shape(problem.initial, key)
    return jax.tree_util.treedef_is_leaf(jax.tree.structure(like))


def _drawn(problem: Problem, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    assert not isinstance(problem.data, Dataset)
    with ensemble_settings():
        key = jnp.array([_LANDSCAPE, seed], jnp.uint32)
        draw = jax.jit(problem.data.draw, static_argnums=2)
        inputs, labels = draw(key, jnp.uint32(0), n)
        return np.asarray(inputs), np.asarray(labels)
