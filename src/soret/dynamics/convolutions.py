"""Convolutions as matrix products, which XLA carries out quickly inside loops on a CPU.

XLA's own convolution falls back to plain loops there, more than ten times as slow as outside of
them. The models that a user brings convolve by it, and so do their gradients: by a kernel as
large as the image with a result as small as the kernel.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import product
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from soret.dynamics.interpreter import bind

barrier = lax.optimization_barrier


def convolution(equation: JaxprEqn, images: Array, kernel: Array) -> Array:
    """Do what `lax.conv_general_dilated` does: on a CPU by products, elsewhere as it is.

    Parameters
    ----------
    equation : JaxprEqn
        The operation with its parameters.
    images, kernel : array
        Its arguments, in whatever order of axes it says.
    """

    def as_it_is(images: Array, kernel: Array) -> Array:
        made: Array = bind(equation, [images, kernel])[0]
        return made

    made: Any = equation.outvars[0].aval
    if not jnp.issubdtype(made.dtype, jnp.floating) or 0 in made.shape:
        return as_it_is(images, kernel)

    def by_products(images: Array, kernel: Array) -> Array:
        return convolve(images, kernel, **equation.params).astype(made.dtype)

    chosen: Array = lax.platform_dependent(images, kernel, cpu=by_products, default=as_it_is)
    return chosen


class _Axis(NamedTuple):
    """How a kernel moves along one axis of an image.

    Attributes
    ----------
    kernel, places : int
        Numbers of the kernel, and of the result.
    stride, dilation : int
        Between places of the result, and between numbers of the kernel.
    """

    kernel: int
    places: int
    stride: int
    dilation: int

    def seen(self, number: int) -> slice:
        """Return what a number of the kernel sees, at all places."""
        first = number * self.dilation
        return slice(first, first + (self.places - 1) * self.stride + 1, self.stride)

    def window(self, place: int) -> slice:
        """Return what the whole kernel sees, at one place."""
        first = place * self.stride
        return slice(first, first + (self.kernel - 1) * self.dilation + 1, self.dilation)


def convolve(
    images: Array,
    kernel: Array,
    *,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
    **other: Any,
) -> Array:
    """Convolve by matrix products; the parameters are those of `lax.conv_general_dilated`."""
    groups = feature_group_count * batch_group_count
    x = images.transpose(dimension_numbers.lhs_spec)
    gaps = [(*ends, by - 1) for ends, by in zip(padding, lhs_dilation, strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), *gaps])
    k = kernel.transpose(dimension_numbers.rhs_spec)
    axes = [
        _Axis(n, (size - (n - 1) * dilation - 1) // stride + 1, stride, dilation)
        for size, n, stride, dilation in zip(
            x.shape[2:], k.shape[2:], window_strides, rhs_dilation, strict=True
        )
    ]
    # Groups first, channels last: x (groups, n, ..., c), k (groups, ..., c, outputs).
    if batch_group_count > 1:
        x = jnp.moveaxis(x.reshape(groups, -1, *x.shape[1:]), 2, -1)
    else:
        x = jnp.moveaxis(x.reshape(x.shape[0], groups, -1, *x.shape[2:]), (1, 2), (0, -1))
    k = jnp.moveaxis(k.reshape(groups, -1, *k.shape[1:]), (1, 2), (-1, -2))
    few = prod(axis.kernel for axis in axes) <= prod(axis.places for axis in axes)
    y = (_by_patches if few else _by_windows)(x, k, axes)
    y = jnp.moveaxis(y, (0, -1), (1, 2))  # (n, groups, outputs, ...)
    y = y.reshape(y.shape[0], -1, *y.shape[3:])
    return y.transpose(np.argsort(dimension_numbers.out_spec))


def _by_patches(x: Array, k: Array, axes: Sequence[_Axis]) -> Array:
    """Multiply what each number of a small kernel sees.

    Along the first axis products are added up afterwards, where its stride is 1: patches are
    smaller by the kernel's size along it, and it is writing and reading them that takes long.
    """
    later = len(axes) > 1 and axes[0].stride == 1
    gathered = axes[1:] if later else axes
    untouched = [slice(None)] * (3 if later else 2)
    patches = [
        x[(*untouched, *(axis.seen(n) for axis, n in zip(gathered, numbers, strict=True)))]
        for numbers in _counted(axis.kernel for axis in gathered)
    ]
    rows = axes[0].kernel if later else 1
    groups, outputs = k.shape[0], k.shape[-1]
    matrix = (
        k.reshape(groups, rows, -1, outputs)
        .transpose(0, 2, 1, 3)
        .reshape(groups, -1, rows * outputs)
    )
    whole, matrix = barrier((jnp.concatenate(patches, axis=-1), matrix))
    y = _product(whole, matrix)
    if not later:
        return y
    parts = jnp.split(barrier(y), rows, axis=-1)
    return reduce(jnp.add, [part[:, :, axes[0].seen(n)] for n, part in enumerate(parts)])


def _by_windows(x: Array, k: Array, axes: Sequence[_Axis]) -> Array:
    """Multiply what a large kernel sees at each of few places."""
    first, others = axes[0], axes[1:]
    matrix = k.reshape(k.shape[0], -1, k.shape[-1])
    seen = [
        x[(*[slice(None)] * 3, *(axis.window(n) for axis, n in zip(others, places, strict=True)))]
        for places in _counted(axis.places for axis in others)
    ]
    whole, matrix = barrier((jnp.stack(seen, axis=1), matrix))
    made = []
    for place in range(first.places):
        window = whole[:, :, :, first.window(place)]
        made.append(_product(window.reshape(*window.shape[:3], -1), matrix))
    # (groups, other places, n, outputs), at each place along the first axis.
    y = jnp.stack(made, axis=2)
    places = [axis.places for axis in (*others, first)]
    y = y.reshape(y.shape[0], *places[:-1], places[-1], *y.shape[3:])
    return jnp.moveaxis(y, (len(axes), len(axes) + 1), (2, 1))


def _product(x: Array, matrix: Array) -> Array:
    """Multiply (groups, ..., m) by (groups, m, outputs)."""
    return lax.dot_general(x, matrix, (((x.ndim - 1,), (1,)), ((0,), (0,))))


def _counted(sizes: Iterable[int]) -> Iterable[tuple[int, ...]]:
    return product(*map(range, sizes))
