"""The Hessian of the mean loss and its Gauss–Newton part, by their products with vectors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from soret.landscape import spectra
from soret.landscape.derivatives import linear_gradient, linear_map
from soret.landscape.flat import FlatProblem
from soret.landscape.matrix import LandscapeMatrix
from soret.landscape.operators import SymmetricOperator
from soret.landscape.point import Point, point
from soret.landscape.products import Batches, in_groups, rows
from soret.landscape.spectra import Estimate
from soret.problems import Params, Problem
from soret.problems.losses import as_loss
from soret.problems.tracing import ensemble_settings

Linearize = Callable[[Array, Array, Array, Array], Any]
"""From flat parameters, inputs, labels and weights to what products need of a batch."""
Product = Callable[[Any, Array], Array]
"""The product of such a thing with one flat vector: a weighted sum over the batch."""


class Curvature(LandscapeMatrix):
    """A Hessian or Gauss–Newton matrix, as `hessian` and `gauss_newton` return it."""

    def trace(self, samples: int = 100, rtol: float | None = None, seed: int = 0) -> Estimate:
        """Return the trace with its standard error: `soret.landscape.spectra.trace`."""
        return spectra.trace(self.operator, samples, rtol, seed)


@ensemble_settings()
def hessian(
    problem: Problem,
    params: Params,
    examples: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Curvature:
    """Return H = ∇²L, L the mean loss over the examples.

    Products are H v = d/dε ∇L(θ + ε v): the gradient, linearized once per point by forward
    over reverse differentiation (Pearlmutter 1994, Neural Comput. 6, 147). At the kinks of a
    ReLU net it is the Hessian of the linear piece that θ is on.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays
        As `problem.initial(key)` gives them.
    examples : int, optional
        So many drawn at random from a data set (default: all), or from a stream (default 4096).
    batch_size : int, optional
        Examples a batch; by default what takes about a quarter of a GiB.
    seed : int
        Seed of the draw.

    Raises
    ------
    SettingsError
        If the arguments do not fit.
    """
    measured = point(problem, params, examples, seed)
    return _curvature("Hessian", measured, linear_gradients, apply_linear, batch_size)


def linear_gradients(model: FlatProblem) -> Linearize:
    """Return what makes the gradient of a batch's total loss linear, for `apply_linear`."""

    def linearize(flat: Array, inputs: Array, labels: Array, weights: Array) -> Any:
        def loss(flat: Array) -> Array:
            return jnp.dot(weights, model.losses(flat, inputs, labels))

        return linear_gradient(loss, flat)

    return linearize


def apply_linear(linear: Any, vector: Array) -> Array:
    """Return the product of a linearized gradient with a vector."""
    product: Array = linear(vector)
    return product


@ensemble_settings()
def gauss_newton(
    problem: Problem,
    params: Params,
    examples: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
) -> Curvature:
    """Return G = 1/n Σ J_iᵀ H_i J_i, J_i the Jacobian of example i's output, H_i = ∇²_f ℓ_i.

    The part of the Hessian that does not contain the curvature of the outputs: equal to it for
    a model linear in its parameters, and positive where the loss is convex in the output
    (Schraudolph 2002, Neural Comput. 14, 1723).

    Parameters
    ----------
    problem, params, examples, batch_size, seed
        As for `hessian`.

    Raises
    ------
    SettingsError
        If the arguments do not fit.
    """
    measured = point(problem, params, examples, seed)
    return _curvature("Gauss–Newton matrix", measured, _linear_outputs, _apply_outer, batch_size)


def _linear_outputs(model: FlatProblem) -> Linearize:
    """Return what makes outputs and the loss's slope in them linear, for `_apply_outer`."""
    one = as_loss(model.problem.loss)

    def linearize(flat: Array, inputs: Array, labels: Array, weights: Array) -> Any:
        def run(flat: Array) -> Array:
            return model.outputs(flat, inputs)

        def loss(outputs: Array) -> Array:
            return jnp.dot(weights, jax.vmap(one)(outputs, labels))

        outputs, push = linear_map(run, flat)
        curve = linear_gradient(loss, outputs)
        pull = jax.vjp(run, flat)[1]
        return push, curve, pull

    return linearize


def _apply_outer(linear: Any, vector: Array) -> Array:
    push, curve, pull = linear
    product: Array = pull(curve(push(vector)))[0]
    return product


def _curvature(
    name: str,
    measured: Point,
    linearize: Callable[[FlatProblem], Linearize],
    product: Product,
    batch_size: int | None,
) -> Curvature:
    """Turn a linearized batch into the mean over all examples."""
    batches = Batches(measured, measured.model.compiled(linearize), batch_size)
    apply = measured.model.compiled(rows, product)

    def products(vectors: np.ndarray) -> np.ndarray:
        return np.asarray(batches.sum(apply, vectors.astype(np.float32)) / measured.examples)

    operator = SymmetricOperator(measured.size, in_groups(products, batches.together), name)
    return Curvature(measured, operator)
