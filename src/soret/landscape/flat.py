"""A problem as a function of one vector, and what was compiled of it: once for all its points."""

from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float32

from soret.problems import Params, Problem
from soret.problems.drawing import key_shape
from soret.problems.tracing import ensemble_settings


class FlatProblem:
    """A problem whose parameters are one vector, leaf after leaf.

    It is made once for a problem (`flat`), and goes with it. What is measured at a point takes θ
    and the examples as arguments, so that one program serves every point.

    Parameters
    ----------
    problem : Problem

    Attributes
    ----------
    problem : Problem
    unflatten : callable
        From such a vector to the parameters' own tree.
    """

    @ensemble_settings()
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        shapes = eqx.filter_eval_shape(problem.initial, key_shape())
        like = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        self.unflatten: Callable[[Array], Params] = ravel_pytree(like)[1]
        self._compiled: dict[Hashable, Any] = {}

    def losses(self, flat: Array, inputs: Array, labels: Array) -> Float32[Array, "examples"]:
        """Return the loss of each example, as a function of the flat parameters."""
        params = self.unflatten(flat)
        return jax.vmap(self.problem.example_loss, in_axes=(None, 0, 0))(params, inputs, labels)

    def outputs(self, flat: Array, inputs: Array) -> Float32[Array, "examples ..."]:
        """Return the model's output for each example."""
        return jax.vmap(self.problem.output, in_axes=(None, 0))(self.unflatten(flat), inputs)

    def compiled(
        self, make: Callable[..., Callable[..., Any]], *fixed: Hashable
    ) -> Callable[..., Any]:
        """Return ``jax.jit(make(self, *fixed))``, the same one each time.

        Parameters
        ----------
        make : callable
            A function of a module: what it makes depends on nothing but its arguments.
        *fixed : hashable
            What else it is made from.
        """
        key = (make, *fixed)
        if key not in self._compiled:
            self._compiled[key] = jax.jit(make(self, *fixed))
        return self._compiled[key]


def flat(problem: Problem) -> FlatProblem:
    """Return a problem as a function of one vector, the same object each time."""
    kept = problem.kept
    if FlatProblem not in kept:
        kept[FlatProblem] = FlatProblem(problem)
    made: FlatProblem = kept[FlatProblem]
    return made
