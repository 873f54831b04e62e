"""Products with sums over examples, batch by batch, linearized once.

Within a batch numbers are float32, the engine's own; sums over batches, and all that is done
with the results, are float64. So the rounding does not grow with the number of batches, and a
product carries the relative error of one batch, some 1e-6 in norm.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from soret import memory
from soret.data.subsets import whole_number
from soret.landscape.batches import Cut, cut
from soret.landscape.flat import FlatProblem
from soret.landscape.point import Point, activation_size
from soret.numerics import default_device
from soret.problems.tracing import ensemble_settings

MEMORY = 2**28
"""Bytes that a batch may take, roughly."""

# Vectors are multiplied together where one by one would leave the machine idle: as long as what
# they make is about as large as a cache. At most 64.
_TOGETHER = 2**25
_MOST = 64

# Forward and backward, each with its tangent, and what XLA keeps beside them.
_COPIES = 6


def kept_bytes() -> int:
    """Return the bytes of linearizations that are kept; what goes beyond is made for each product.

    A quarter of what the device may still hold.
    """
    return memory.device_limit_bytes(default_device()) // 4


class Batches:
    """The examples of a point in batches, with whatever is linear there prepared once.

    Parameters
    ----------
    point : Point
    prepare : callable, optional
        ``prepare(θ, inputs, labels, weights) -> linear``, compiled: a pytree, such as what
        `jax.linearize` returns, that holds what products need of one batch. By default these
        four themselves.
    batch_size : int, optional
        Examples a batch; by default what keeps a batch within `MEMORY`.
    """

    @ensemble_settings()
    def __init__(
        self, point: Point, prepare: Callable[..., Any] | None = None, batch_size: int | None = None
    ) -> None:
        floats = _COPIES * activation_size(point)
        if batch_size is None:
            batch_size = max(1, MEMORY // (8 * floats))
        else:
            batch_size = whole_number(batch_size, "batch_size")
        size = min(batch_size, point.examples)
        self.point = point
        self.cut = cut(point.examples, size)
        self.together = min(_MOST, max(1, _TOGETHER // (4 * floats * size)))
        """Vectors that are multiplied at once."""
        self._prepare = prepare
        self._slice = point.model.compiled(_slice, self.cut)
        self._flat = point.flat
        self._kept: list[Any] | None = None
        self._share = 1

    def at(self, points: Sequence[Array]) -> list[Self]:
        """Return the same batches at other θ, one for each flat vector; compiled once for all.

        What a device can hold of linearizations they share in equal parts.
        """
        made = [copy.copy(self) for _ in points]
        for other, flat in zip(made, points, strict=True):
            other._flat, other._kept, other._share = flat, None, len(points)
        return made

    def __call__(self, apply: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return ``apply(linear, *arguments)`` of every batch as NumPy arrays.

        `apply` is compiled (`FlatProblem.compiled`); each of the arguments is an array given to
        every batch, or, where it is a list, each batch its own.
        """
        return list(self.each(apply, *arguments))

    def each(self, apply: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
        """Yield what `__call__` returns, batch by batch."""
        with ensemble_settings():  # copied to the device once, and not for every batch
            given = [a if isinstance(a, list) else jnp.asarray(a) for a in arguments]
        for i, linear in enumerate(self._linear()):
            mine = [a[i] if isinstance(a, list) else a for a in given]
            # Under the settings of the ensemble, whatever those of the caller are.
            with ensemble_settings():
                made = jax.tree.map(np.asarray, apply(linear, *mine))
            yield made  # outside: between two of them the settings are the caller's

    def examples(self, apply: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
        """Yield what `each` does, of results with an example a row: without the padding."""
        for number, made in enumerate(self.each(apply, *arguments)):
            padding = self.cut.length - self.cut.new(number)
            yield jax.tree.map(lambda rows, padding=padding: rows[padding:], made)

    def sum(self, apply: Callable[..., Any], *arguments: Any) -> Any:
        """Return the sum of what `__call__` returns, a tree of float64 arrays."""
        total: Any = None
        for made in self.each(apply, *arguments):
            made = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), made)
            total = made if total is None else jax.tree.map(np.add, total, made)
        return total

    def _linear(self) -> Iterator[Any]:
        if self._kept is not None:
            yield from self._kept
            return
        if self._prepare is None:
            yield from ((self._flat, *self._batch(i)) for i in range(self.cut.count))
            return
        kept: list[Any] | None = []
        held, most = 0, kept_bytes() // self._share
        for number in range(self.cut.count):
            with ensemble_settings():
                linear = self._prepare(self._flat, *self._batch(number))
            held += sum(leaf.nbytes for leaf in jax.tree.leaves(linear))
            kept = [*kept, linear] if kept is not None and held <= most else None
            yield linear
        self._kept = kept

    def _batch(self, number: int) -> tuple[Array, ...]:
        """Return inputs, labels and weights on the device."""
        with ensemble_settings():
            if self.point.on_device is not None:
                return self._slice(number, *self.point.on_device)
            given = self.cut.of_host(number, self.point.inputs, self.point.labels)
            return tuple(map(jnp.asarray, given))


def _slice(_: FlatProblem, batches: Cut) -> Callable[..., Any]:
    return batches.at


def rows(_: FlatProblem, product: Callable[[Any, Array], Any]) -> Callable[[Any, Array], Any]:
    """Return the products of vectors in rows, from that of one, to be compiled.

    A single row is not mapped: the programs differ, and `vmap` over one row was seen to cost
    half as much again.
    """

    def apply(linear: Any, vectors: Array) -> Any:
        if vectors.shape[0] == 1:
            return jax.tree.map(lambda a: a[None], product(linear, vectors[0]))
        return jax.vmap(product, in_axes=(None, 0))(linear, vectors)

    return apply


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
