"""Products with sums over examples, batch by batch, linearized once.

Within a batch numbers are float32, the engine's own; sums over batches, and all that is done
with the results, are float64. So the rounding does not grow with the number of batches, and a
product carries the relative error of one batch, some 1e-6 in norm.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from soret.data.subsets import whole_number
from soret.landscape.point import Batch, Point, activation_size
from soret.problems.tracing import ensemble_settings

MEMORY = 2**28
"""Bytes that a batch may take, roughly."""
REMEMBERED = 2**31
"""Bytes of linearizations that are kept; beyond, they are made again for every product."""

# Vectors are multiplied together where one by one would leave the machine idle: as long as what
# they make is about as large as a cache. At most 64.
_TOGETHER = 2**25
_MOST = 64

# Forward and backward, each with its tangent, and what XLA keeps beside them.
_COPIES = 6


class Batches:
    """The examples of a point in batches, with whatever is linear there prepared once.

    Parameters
    ----------
    point : Point
    prepare : callable
        ``prepare(flat, inputs, labels, weights) -> linear``: a pytree, such as what
        `jax.linearize` returns, that holds what products need of one batch.
    batch_size : int, optional
        Examples a batch; by default what keeps a batch within `MEMORY`.
    """

    @ensemble_settings()
    def __init__(
        self, point: Point, prepare: Callable[..., Any], batch_size: int | None = None
    ) -> None:
        floats = _COPIES * activation_size(point)
        if batch_size is None:
            batch_size = max(1, MEMORY // (8 * floats))
        else:
            batch_size = whole_number(batch_size, "batch_size")
        self.point = point
        self.size = min(batch_size, point.examples)
        self.together = min(_MOST, max(1, _TOGETHER // (4 * floats * self.size)))
        """Vectors that are multiplied at once."""
        self._prepare = jax.jit(prepare)
        self._kept: list[Any] | None = None

    def __call__(self, apply: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return ``apply(linear, *arguments)`` of every batch as NumPy arrays.

        `apply` is compiled; each of the arguments is given to every batch, or, where it is a
        list, each batch its own.
        """
        return list(self.each(apply, *arguments))

    def each(self, apply: Callable[..., Any], *arguments: Any) -> Any:
        """Yield what `__call__` returns, batch by batch."""
        for i, linear in enumerate(self._linear()):
            mine = [a[i] if isinstance(a, list) else a for a in arguments]
            # Under the settings of the ensemble, whatever those of the caller are.
            with ensemble_settings():
                made = jax.tree.map(np.asarray, apply(linear, *mine))
            yield made  # outside: between two of them the settings are the caller's

    def _linear(self) -> Any:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Any] | None = []
        held = 0
        for batch in self.point.batches(self.size):
            linear = self._prepared(batch)
            held += sum(leaf.nbytes for leaf in jax.tree.leaves(linear))
            kept = [*kept, linear] if kept is not None and held <= REMEMBERED else None
            yield linear
        self._kept = kept

    def _prepared(self, batch: Batch) -> Any:
        with ensemble_settings():
            return self._prepare(self.point.flat, *map(jnp.asarray, batch))


def rows(product: Callable[[Any, Array], Any]) -> Callable[[Any, Array], Any]:
    """Return the compiled products of vectors in rows, from that of one.

    A single row is not mapped: the programs differ, and `vmap` over one row was seen to cost
    half as much again.
    """

    def apply(linear: Any, vectors: Array) -> Any:
        if vectors.shape[0] == 1:
            return jax.tree.map(lambda a: a[None], product(linear, vectors[0]))
        return jax.vmap(product, in_axes=(None, 0))(linear, vectors)

    return jax.jit(apply)


def in_groups(
    products: Callable[[np.ndarray], np.ndarray], together: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Multiply vectors by ones or so many at a time: two programs to compile, whatever comes."""

    def grouped(vectors: np.ndarray) -> np.ndarray:
        group = 1 if len(vectors) == 1 else together
        result = np.empty(vectors.shape)
        for start in range(0, len(vectors), group):
            part = vectors[start : start + group]
            if len(part) < group:
                part = np.concatenate([part, np.zeros((group - len(part), vectors.shape[1]))])
            end = min(start + group, len(vectors))
            result[start:end] = products(part)[: end - start]
        return result

    return grouped
