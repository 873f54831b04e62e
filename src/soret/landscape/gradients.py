"""Gradients of single examples, and how much they vary: pure functions, to be traced anywhere."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float32

from soret.errors import SettingsError
from soret.landscape.batches import cached_length, cut, sum_batches, without_padding
from soret.memory import refuse_beyond
from soret.problems import Params, Problem
from soret.problems.tracing import ensemble_settings

# Numbers that a batch of gradients holds: 4 MiB, which the caches of a core may hold.
_CHUNK = 2**20


@ensemble_settings()
def example_gradients(
    problem: Problem, params: Params, inputs: Array, labels: Array
) -> Float32[Array, "examples parameters"]:
    """Return the gradient of each example's loss, ∇ℓ_i(θ), as a row.

    All at once: for more than memory holds, see `soret.landscape.gradient_noise`.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays
    inputs, labels : (examples, ...) arrays

    Returns
    -------
    (examples, parameters) float32 array
        Parameters leaf after leaf, as `jax.flatten_util.ravel_pytree` orders them.

    Raises
    ------
    SettingsError
        If they would take more memory than may be used.
    """
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    refuse_beyond(
        4 * size * inputs.shape[0],
        f"the gradients of {inputs.shape[0]:,} examples, {size:,} numbers each,",
        "use soret.landscape.gradient_noise, or fewer examples at once",
    )

    def one(x: Array, label: Array) -> Array:
        return ravel_pytree(jax.grad(problem.example_loss)(params, x, label))[0]

    return jax.vmap(one)(inputs, labels)


@ensemble_settings()
def gradient_variance(
    problem: Problem, params: Params, inputs: Array, labels: Array, chunk: int | None = None
) -> Float32[Array, ""]:
    """Return tr C / P: the variance of one example's gradient, averaged over the P parameters.

    C is the covariance over the given examples, 1/n Σ (∇ℓ_i − ∇L)(∇ℓ_i − ∇L)ᵀ, as `numpy.var`
    has it; times n/(n − 1) it is without bias for the distribution they were drawn from.

    At most a batch of gradients is held at once. They are taken relative to the first one, and
    batches are merged by their means and sums of squared deviations (Chan, Golub, LeVeque 1983),
    so that a mean gradient far larger than the noise costs no digits.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays
    inputs, labels : (n, ...) arrays
        Their number must be known when the function is traced.
    chunk : int, optional
        Examples whose gradients are held at once; by default what makes 4 MiB of them.

    Raises
    ------
    SettingsError
        If there is no example, or `chunk` is below 1.
    """
    n = inputs.shape[0]
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    if n < 1:
        raise SettingsError("gradient_variance got no examples; give it at least one.")
    chunk = max(1, _CHUNK // size) if chunk is None else chunk
    if chunk < 1:
        raise SettingsError(f"chunk is {chunk}; it must be at least 1.")
    batches = cut(n, chunk)
    first = example_gradients(problem, params, inputs[:1], labels[:1])

    def merge(state: tuple[Array, Array, Array], number: Array) -> Any:
        """Add a batch to a number of examples, their mean gradient and squared deviations."""
        done, mean, deviations = state
        x, y, weights = batches.at(number, inputs, labels)
        gradients = example_gradients(problem, params, x, y) - first
        new = jnp.sum(weights)
        new_mean = jnp.sum(without_padding(gradients, weights), axis=0) / new
        squares = without_padding((gradients - new_mean) ** 2, weights)
        total = done + new
        step = new_mean - mean
        between = jnp.sum(step**2) * (done * new / total)
        return (
            (total, mean + step * (new / total), deviations + jnp.sum(squares) + between),
            None,
        )

    zero = jnp.zeros((), jnp.float32)
    state, _ = jax.lax.scan(
        merge, (zero, jnp.zeros(size, jnp.float32), zero), jnp.arange(batches.count)
    )
    return state[2] / (n * size)


@ensemble_settings()
def noise_strength(
    problem: Problem, params: Params, inputs: Array, labels: Array, chunk: int | None = None
) -> Float32[Array, ""]:
    """Return 𝒩 = 1/n Σ|∇ℓ_i|² − |∇L|² = tr C, the noise of one example (escape, Sec. 5.2).

    It is P times `gradient_variance`, taken more cheaply: gradients of single examples are
    squared as they are made and never held, where the compiler can do so. The price is that the
    difference loses digits where |∇L|² is nearly all of the mean square: below its rounding it is
    0, never negative. It is NaN where a gradient is not finite, and overflows beyond 1e19.

    Parameters
    ----------
    problem, params, inputs, labels, chunk
        As for `gradient_variance`; by default a chunk's activations take 4 MiB.

    Raises
    ------
    SettingsError
        If there is no example, or `chunk` is below 1.
    """
    n = inputs.shape[0]
    if n < 1:
        raise SettingsError("noise_strength got no examples; give it at least one.")
    if chunk is not None and chunk < 1:
        raise SettingsError(f"chunk is {chunk}; it must be at least 1.")
    if chunk is None:
        chunk = cached_length(problem, params, inputs, labels)

    gradient = jax.grad(problem.example_loss)

    def summed(x: Array, y: Array, weights: Array) -> tuple[Array, Params]:
        """Return the sum of squares of a batch's gradients, and the sum of the gradients."""

        def loss(params: Params) -> Array:
            losses = jax.vmap(problem.example_loss, in_axes=(None, 0, 0))(params, x, y)
            return jnp.sum(without_padding(losses, weights))

        squares = jax.vmap(lambda x, y: _square(gradient(params, x, y)))(x, y)
        return jnp.sum(without_padding(squares, weights)), jax.grad(loss)(params)

    squares, total = sum_batches(summed, inputs, labels, chunk)
    return jnp.maximum(squares / n - _square(total) / n**2, 0.0)


def _square(tree: Any) -> Array:
    return jnp.sum(jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)]))
