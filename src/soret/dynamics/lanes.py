"""A function of one lane, carried out for many with the lanes on the last axis of every array.

`jax.vmap` puts the lanes first wherever a shape changes or a product is taken. Where a lane is
a few hundred numbers, every operation is then a short loop inside a long one, and a processor's
registers stay three quarters empty. With the lanes last, the long loop is the inner one. The
function is traced for one lane and carried out operation by operation: axes keep their numbers
when one is added behind them, so most parameters stay as they are. What has no rule here goes
through `vmap`, which is always right and sometimes slower.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, JaxprEqn
from jaxtyping import Array

from soret.dynamics.interpreter import bind, carry_out

# A product of one lane with more terms is left to `vmap`, and so to a matrix product.
_MOST_TERMS = 2**14

_Value = tuple[Any, bool]
"""An array, and whether its last axis is that of the lanes; else it is the same for all lanes."""


def over_last_axis(function: Callable[..., Any], *args: Any) -> Any:
    """Apply a function of one lane to all lanes.

    Parameters
    ----------
    function : callable
        Of one lane: pytrees of arrays in, a pytree of arrays out. What it closes over is the same
        for all lanes.
    *args : pytree
        Arrays (..., lanes).

    Returns
    -------
    pytree
        As the function returns it, each leaf (..., lanes).
    """
    leaves, tree = jax.tree.flatten(args)
    lanes = leaves[0].shape[-1]
    one = [jax.ShapeDtypeStruct(leaf.shape[:-1], leaf.dtype) for leaf in leaves]

    def flat(*leaves: Array) -> Any:
        return function(*jax.tree.unflatten(tree, leaves))

    program, result = jax.make_jaxpr(flat, return_shape=True)(*one)
    made = _run(program, [(leaf, True) for leaf in leaves], lanes)
    shapes, back = jax.tree.flatten(result)
    return jax.tree.unflatten(
        back,
        [_spread(value, leaf.shape, lanes) for value, leaf in zip(made, shapes, strict=True)],
    )


def _run(program: ClosedJaxpr, args: Sequence[_Value], lanes: int) -> list[_Value]:
    """Carry out a program of one lane."""
    each = partial(_operation, lanes=lanes)
    return carry_out(program, args, each, lambda constant: (constant, False))


def _operation(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[_Value]:
    """Carry out one operation."""
    if equation.primitive.name == "checkpoint":  # of arrays so small that nothing is saved by it
        return _run(ClosedJaxpr(equation.params["jaxpr"], ()), args, lanes)
    if not any(last for _, last in args):
        return [(value, False) for value in bind(equation, [value for value, _ in args])]
    made = _RULES.get(equation.primitive.name, _mapped)(equation, args, lanes)
    return [(value, True) for value in made]


def _spread(value: _Value, shape: Sequence[int], lanes: int) -> Array:
    """Return an array (*shape, lanes) of one that broadcasts against it."""
    array, last = jnp.asarray(value[0]), value[1]
    return jnp.broadcast_to(array if last else array[..., None], (*shape, lanes))


def _aval(atom: Any) -> Any:
    """Return shape and type of what is read or written, in one lane."""
    return atom.aval


# Rules: an operation, its arguments and the number of lanes give the results, lanes last.


def _mapped(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    """Whatever it is."""
    axes = tuple(-1 if last else None for _, last in args)
    values = [value for value, _ in args]
    return list(jax.vmap(lambda *each: bind(equation, each), axes, -1)(*values))


def _elementwise(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    """All arguments have the shape of the result, or are numbers."""
    shape = _aval(equation.outvars[0]).shape
    return bind(equation, [_spread(arg, shape, lanes) for arg in args])


def _same_axes(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    """Parameters are numbers of axes, counted from the front."""
    whole = [
        _spread(arg, _aval(atom).shape, lanes)
        for arg, atom in zip(args, equation.invars, strict=True)
    ]
    return bind(equation, whole)


def _broadcast(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    params, rank = equation.params, len(equation.params["shape"])
    if len(args) > 1:  # sizes that are arguments
        return _mapped(equation, args, lanes)
    return bind(
        equation,
        [args[0][0]],
        shape=(*params["shape"], lanes),
        broadcast_dimensions=(*params["broadcast_dimensions"], rank),
    )


def _reshape(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    params = equation.params
    if len(args) > 1 or params["dimensions"] is not None:
        return _mapped(equation, args, lanes)
    return bind(equation, [args[0][0]], new_sizes=(*params["new_sizes"], lanes))


def _transpose(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    order = equation.params["permutation"]
    return bind(equation, [args[0][0]], permutation=(*order, len(order)))


def _slice(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    params, strides = equation.params, equation.params["strides"]
    return bind(
        equation,
        [args[0][0]],
        start_indices=(*params["start_indices"], 0),
        limit_indices=(*params["limit_indices"], lanes),
        strides=None if strides is None else (*strides, 1),
    )


def _pad(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    padding = equation.params["padding_config"]
    if args[1][1]:
        return _mapped(equation, args, lanes)
    array = _spread(args[0], _aval(equation.invars[0]).shape, lanes)
    return bind(equation, [array, args[1][0]], padding_config=(*padding, (0, 0, 0)))


def _dot(equation: JaxprEqn, args: Sequence[_Value], lanes: int) -> list[Array]:
    """Multiply and add: a product of small arrays, lane by lane."""
    (over, along), (first, second) = equation.params["dimension_numbers"]
    shapes = [_aval(atom).shape for atom in equation.invars]
    free = [
        [n for n in range(len(shape)) if n not in (*summed, *shared)]
        for shape, summed, shared in zip(shapes, (over, along), (first, second), strict=True)
    ]
    sizes = [[shape[n] for n in axes] for shape, axes in zip(shapes, free, strict=True)]
    shared, summed = [shapes[0][n] for n in first], [shapes[0][n] for n in over]
    if prod((*shared, *sizes[0], *sizes[1], *summed)) > _MOST_TERMS:
        return _mapped(equation, args, lanes)
    left, right = (value if last else jnp.asarray(value)[..., None] for value, last in args)
    left = left.transpose(*first, *free[0], *over, -1)
    right = right.transpose(*second, *free[1], *along, -1)
    left = left.reshape(*shared, *sizes[0], *[1] * len(sizes[1]), *summed, left.shape[-1])
    right = right.reshape(*shared, *[1] * len(sizes[0]), *sizes[1], *summed, right.shape[-1])
    kept = len(shared) + len(sizes[0]) + len(sizes[1])
    result = jnp.sum(left * right, tuple(range(kept, kept + len(summed))))
    return [result.astype(_aval(equation.outvars[0]).dtype)]


_ELEMENTWISE = """
    abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp
    convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor
    ge gt integer_pow is_finite le lgamma log log1p logistic lt max min mul ne neg nextafter not or
    population_count pow reduce_precision rem round rsqrt select_n shift_left
    shift_right_arithmetic shift_right_logical sign sin sinh sqrt square sub tan tanh xor
"""

_SAME_AXES = """
    argmax argmin concatenate cumlogsumexp cummax cummin cumprod cumsum reduce_and reduce_max
    reduce_min reduce_or reduce_prod reduce_sum reduce_xor rev sort split squeeze
"""

_RULES: dict[str, Callable[[JaxprEqn, Sequence[_Value], int], list[Array]]] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _elementwise),
    **dict.fromkeys(_SAME_AXES.split(), _same_axes),
    "broadcast_in_dim": _broadcast,
    "dot_general": _dot,
    "pad": _pad,
    "reshape": _reshape,
    "slice": _slice,
    "transpose": _transpose,
}
