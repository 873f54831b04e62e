"""Sums over several axes as sums over one, which XLA hands to its library of matrix products.

The gradient of a layer's weights is a sum over examples and, in a convolution, over rows and
columns. For a product that sums over several axes XLA moves both operands' axes first, which
costs as much as the product. Neighbouring axes are one axis without moving a number.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from soret.dynamics.convolutions import convolution
from soret.dynamics.interpreter import bind, carry_out


def over_first_axis(function: Callable[..., Any], *args: Any) -> Any:
    """Apply a function of one lane to all lanes, by `vmap`, and sum over one axis in products.

    Parameters
    ----------
    function : callable
        Of one lane: pytrees of arrays in, a pytree of arrays out. What it closes over is the same
        for all lanes.
    *args : pytree
        Arrays (lanes, ...).

    Returns
    -------
    pytree
        As the function returns it, each leaf (lanes, ...).
    """
    program, result = jax.make_jaxpr(jax.vmap(function), return_shape=True)(*args)
    made = carry_out(program, jax.tree.leaves(args), _operation, lambda constant: constant)
    return jax.tree.unflatten(jax.tree.structure(result), made)


def _operation(equation: JaxprEqn, args: Sequence[Any]) -> list[Any]:
    if equation.primitive.name == "dot_general":
        return _product(equation, *args)
    if equation.primitive.name == "conv_general_dilated":
        return [convolution(equation, *args)]
    return bind(equation, args)


def _product(equation: JaxprEqn, left: Array, right: Array) -> list[Any]:
    """Multiply two arrays, with the axes that are summed over as one where they are neighbours."""
    (over, along), batch = equation.params["dimension_numbers"]
    if len(over) < 2:
        return bind(equation, [left, right])
    over, along = zip(*sorted(zip(over, along, strict=True)), strict=True)
    if not (_neighbours(over) and _neighbours(along)):
        return bind(equation, [left, right])
    numbers = ((over[:1], along[:1]), (_left_of(batch[0], over), _left_of(batch[1], along)))
    merged = [_merged(left, over), _merged(right, along)]
    return bind(equation, merged, dimension_numbers=numbers)


def _neighbours(axes: Sequence[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(axes))


def _merged(array: Array, axes: Sequence[int]) -> Array:
    """Return an array with neighbouring axes as one."""
    return array.reshape(*array.shape[: axes[0]], -1, *array.shape[axes[-1] + 1 :])


def _left_of(places: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Return where axes are after others have been merged."""
    return tuple(place - (len(axes) - 1) * (place > axes[0]) for place in places)
