"""Whether a model normalizes over the single example that it is given: by its program.

Batch normalization in training mode subtracts the batch's mean. Of a batch of one that leaves zero:
whatever comes after knows nothing of the input. Over the pixels of one image it leaves another
model, instance normalization, than the one that was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

# What a value has to do with a mean over an axis of length 1: nothing, it is made from one, or
# such a mean was subtracted in it.
_NOTHING, _MEAN, _CENTRED = 0, 1, 2
_CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint")
# What mixes examples' features: statistics of what comes out are not statistics of what goes in.
_MIXING = ("dot_general", "conv_general_dilated", "while", "scan", "cond")
_ROOTS = ("sqrt", "rsqrt")
_EXAMPLES = 8


def normalizes_alone(jaxpr: Any, inputs: Sequence[bool]) -> bool:
    """Return whether a program divides by a deviation over a first axis of length 1.

    Parameters
    ----------
    jaxpr : of ``predict``
    inputs : sequence of bool
        Which of its inputs are the example.
    """
    marks = {id(v): (given, _NOTHING) for v, given in zip(jaxpr.invars, inputs, strict=True)}
    return any(_walk(jaxpr, marks))


def is_constant(predict: Callable[[Any, Any], Any], params: Any, x: jax.ShapeDtypeStruct) -> bool:
    """Return whether a model's output is the same for different inputs, at drawn parameters.

    Parameters
    ----------
    predict : callable
        Of parameters and one example.
    params, x : shapes
        Of parameters, float32, and of one example.
    """
    rng = np.random.default_rng(0)

    def drawn(leaf: Any, *batch: int) -> Any:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(rng.integers(0, 2, (*batch, *leaf.shape)), leaf.dtype)
        return jnp.asarray(rng.normal(size=(*batch, *leaf.shape)), leaf.dtype)

    some = jax.tree.map(drawn, params)
    outputs = jax.jit(jax.vmap(predict, in_axes=(None, 0)))(some, drawn(x, _EXAMPLES))
    return all(bool(jnp.all(leaf == leaf[:1])) for leaf in jax.tree.leaves(outputs))


def _walk(jaxpr: Any, marks: dict[int, tuple[bool, int]]) -> Iterator[bool]:
    """Go through a program; yield whether each root is one of a variance over a single example.

    `marks` says of each variable, by identity, whether it depends on the example, and what it has
    to do with means over an axis of length 1.
    """
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        given = [
            (False, _NOTHING) if isinstance(v, Literal) else marks.get(id(v), (False, _NOTHING))
            for v in equation.invars
        ]
        depends, kind = any(d for d, _ in given), max((k for _, k in given), default=_NOTHING)
        if name in _ROOTS:
            yield kind == _CENTRED
        results = [(depends, _after(equation, depends, kind))] * len(equation.outvars)
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        inner = getattr(inner, "jaxpr", inner)
        if name in _CALLS and inner is not None and len(inner.invars) == len(given):
            within = {id(v): mark for v, mark in zip(inner.invars, given, strict=True)}
            yield from _walk(inner, within)
            results = [within.get(id(v), (False, _NOTHING)) for v in inner.outvars]
        marks |= {id(v): mark for v, mark in zip(equation.outvars, results, strict=True)}


def _after(equation: Any, depends: bool, kind: int) -> int:
    """Return what an operation's result has to do with means over an axis of length 1."""
    name = equation.primitive.name
    if name == "sub" and kind:
        return _CENTRED
    if name == "psum":
        # Over an axis by its name, as Equinox's layer: what vmap maps over, here one example.
        alone = [
            axis == 0 and v.aval.shape[:1] == (1,)
            for v in equation.invars
            for axis in equation.params["axes"]
        ]
        return _CENTRED if depends and any(alone) else kind
    if name.startswith("reduce_"):
        shape, over = equation.invars[0].aval.shape, equation.params["axes"]
        if depends and name == "reduce_sum" and 0 in over and shape[0] == 1:
            # All numbers of an example together are no statistics of a batch, unless it has one.
            return max(kind, _MEAN) if len(over) < len(shape) or len(shape) == 1 else _NOTHING
        return kind if all(shape[axis] == 1 for axis in over) else _NOTHING
    return _NOTHING if name in _MIXING or not depends else kind
