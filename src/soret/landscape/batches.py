"""Examples cut into batches of one length, and sums over them: pure functions, traced anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from soret.landscape.point import example_size
from soret.problems import Params, Problem

# Numbers that a batch of examples may leave behind: 4 MiB, which the caches of a core may hold.
_CACHED = 2**20

Example = Callable[[Params, Array, Array], Any]
"""``function(params, x, label) -> tree of arrays``, of one example."""


@dataclass(frozen=True)
class Cut:
    """How examples are cut into batches of one length, for one compiled program to take each.

    The last batch is padded at its front, with examples of the batch before it that weigh 0
    there. So a batch is a slice of the examples, which nobody copies.

    Attributes
    ----------
    examples, length, count : int
        How many there are, how many a batch has, and the number of batches.
    """

    examples: int
    length: int
    count: int

    def at(self, number: Array | int, *arrays: Array) -> tuple[Array, ...]:
        """Return a batch of each (examples, ...) array, and its weights: 1, or 0 for padding.

        Parameters
        ----------
        number : int
            The batch's, from 0; it may be traced.
        arrays : (examples, ...) arrays

        Returns
        -------
        (length, ...) arrays, and (length,) float32
        """
        if self.count == 1:
            return *arrays, jnp.ones(self.length, jnp.float32)
        first = jnp.asarray(number) * self.length
        start = jnp.minimum(first, self.examples - self.length)
        weights = (start + jnp.arange(self.length) >= first).astype(jnp.float32)
        return *(jax.lax.dynamic_slice_in_dim(a, start, self.length) for a in arrays), weights

    def of_host(self, number: int, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return what `at` returns, as views of NumPy arrays, to be copied to a device."""
        padding = self.length - self.new(number)
        start = number * self.length - padding
        weights = (np.arange(self.length) >= padding).astype(np.float32)
        return *(a[start : start + self.length] for a in arrays), weights

    def new(self, number: int) -> int:
        """Return how many of a batch's examples, its last ones, are in no batch before it."""
        return min(self.length, self.examples - number * self.length)


def cut(examples: int, most: int) -> Cut:
    """Cut so many examples into as few batches as there may be of at most `most`."""
    count = -(-examples // min(max(1, most), examples))
    length = -(-examples // count)
    return Cut(examples, length, -(-examples // length))


def sum_batches(
    summed: Callable[[Array, Array, Array], Any], inputs: Array, labels: Array, most: int
) -> Any:
    """Return the sum over batches of a function of one batch, a tree of arrays.

    Partial sums keep the rounding error of float32 at that of a batch.

    Parameters
    ----------
    summed : callable
        ``summed(inputs, labels, weights) -> tree`` of a batch, without what weighs 0.
    inputs, labels : (n, ...) arrays
    most : int
        Examples in a batch, at most.
    """
    batches = cut(inputs.shape[0], most)

    def of(number: Array | int) -> Any:
        x, y, weights = batches.at(number, inputs, labels)
        return summed(x, y, weights)

    if batches.count == 1:
        return of(0)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(of, 0))
    total, _ = jax.lax.scan(
        lambda total, number: (jax.tree.map(jnp.add, total, of(number)), None),
        zeros,
        jnp.arange(batches.count),
    )
    return total


def sum_examples(function: Example, params: Params, inputs: Array, labels: Array, most: int) -> Any:
    """Return Σ_i function(params, x_i, y_i), a tree of arrays, at most `most` examples at once."""

    def summed(x: Array, y: Array, weights: Array) -> Any:
        values = jax.vmap(function, in_axes=(None, 0, 0))(params, x, y)
        return jax.tree.map(lambda leaf: jnp.sum(without_padding(leaf, weights), axis=0), values)

    return sum_batches(summed, inputs, labels, most)


def without_padding(rows: Array, weights: Array) -> Array:
    """Return rows with zeros where the weight is 0, also where they are not finite."""
    return jnp.where(weights.reshape(-1, *[1] * (rows.ndim - 1)) > 0, rows, 0)


def mean_example(
    function: Example, problem: Problem, params: Params, inputs: Array, labels: Array
) -> Array:
    """Return the mean of a function over examples, in batches whose activations take 4 MiB.

    Parameters
    ----------
    function : callable
        Of one example, to an array; no larger than its loss's program.
    problem : Problem
        What says how much an example takes.
    params : pytree of float32 arrays
    inputs, labels : (n, ...) arrays
    """
    most = cached_length(problem, params, inputs, labels)
    total: Array = sum_examples(function, params, inputs, labels, most)
    return total / inputs.shape[0]


def cached_length(
    problem: Problem, params: Params, inputs: Array | np.ndarray, labels: Array | np.ndarray
) -> int:
    """Return how many examples leave 4 MiB behind on their way to the loss; at least one."""
    return max(1, _CACHED // example_size(problem, params, inputs[0], labels[0]))
