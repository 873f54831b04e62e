"""Sums over many examples, some at a time: pure functions, to be traced anywhere."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from soret.landscape.point import example_size
from soret.problems import Params, Problem

# Numbers that a chunk of examples may leave behind: 4 MiB, which the caches of a core may hold.
_CHUNK = 2**20


def add_chunks(
    summed: Callable[[Array, Array], Any], inputs: Array, labels: Array, chunk: int
) -> Any:
    """Return the sum over chunks of a function of one chunk, a tree of arrays.

    The examples that fill no chunk are added at the end, a program of their own. Partial sums of
    chunks keep the rounding error of float32 at that of a chunk.

    Parameters
    ----------
    summed : callable
        ``summed(inputs, labels) -> tree`` of the examples in a chunk.
    inputs, labels : (n, ...) arrays
    chunk : int
        Examples in a chunk, at most.
    """
    n = inputs.shape[0]
    chunk = min(max(1, chunk), n)
    chunk = -(-n // -(-n // chunk))
    whole = n // chunk * chunk
    if chunk == n:
        return summed(inputs, labels)
    x, y = (a[:whole].reshape(-1, chunk, *a.shape[1:]) for a in (inputs, labels))
    total, _ = jax.lax.scan(
        lambda done, batch: (jax.tree.map(jnp.add, done, summed(*batch)), None),
        summed(x[0], y[0]),
        (x[1:], y[1:]),
    )
    if whole < n:
        total = jax.tree.map(jnp.add, total, summed(inputs[whole:], labels[whole:]))
    return total


class Chunked(NamedTuple):
    """Examples cut into chunks of one length.

    Attributes
    ----------
    inputs, labels : (chunks × length, ...) arrays
        The last ones are repeated, so that the last chunk is full.
    weights : (chunks × length,) float32 array
        1, or 0 for what only fills up.
    length, chunks : int
    """

    inputs: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    length: int
    chunks: int


def chunked(inputs: np.ndarray, labels: np.ndarray, chunk: int) -> Chunked:
    """Cut (n, ...) arrays into chunks of at most `chunk` examples, for one program to take each."""
    n = len(inputs)
    chunks = -(-n // min(max(1, chunk), n))
    length = -(-n // chunks)
    chunks = -(-n // length)
    index = np.arange(chunks * length)
    kept = np.minimum(index, n - 1)
    return Chunked(inputs[kept], labels[kept], (index < n).astype(np.float32), length, chunks)


def chunk_at(number: Array, length: int, *arrays: Array) -> tuple[Array, ...]:
    """Return one chunk of each of the arrays, to be traced."""
    return tuple(jax.lax.dynamic_slice_in_dim(a, number * length, length) for a in arrays)


def sum_in_chunks(
    function: Callable[..., Any], params: Params, inputs: Array, labels: Array, chunk: int
) -> Any:
    """Return Σ_i function(params, x_i, y_i), a tree of arrays, `chunk` examples at a time."""

    def summed(x: Array, y: Array) -> Any:
        values = jax.vmap(function, in_axes=(None, 0, 0))(params, x, y)
        return jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), values)

    return add_chunks(summed, inputs, labels, chunk)


def mean_in_chunks(
    function: Callable[[Params, Array, Array], Array],
    problem: Problem,
    params: Params,
    inputs: Array,
    labels: Array,
) -> Array:
    """Return the mean of a function over examples, in chunks whose activations take 4 MiB.

    Parameters
    ----------
    function : callable
        ``function(params, x, label) -> array`` for one example, no larger than its loss's program.
    problem : Problem
        What says how much an example takes.
    params : pytree of float32 arrays
    inputs, labels : (n, ...) arrays
    """
    chunk = chunk_of(problem, params, inputs, labels)
    total: Array = sum_in_chunks(function, params, inputs, labels, chunk)
    return total / inputs.shape[0]


def chunk_of(
    problem: Problem, params: Params, inputs: Array | np.ndarray, labels: Array | np.ndarray
) -> int:
    """Return how many examples leave 4 MiB behind on their way to the loss; at least one."""
    return max(1, _CHUNK // example_size(problem, params, inputs[0], labels[0]))
