"""Whether a model ends in a logistic function or a softmax: by its program, not by its values."""

from collections.abc import Mapping
from typing import Any

from jax.extend.core import Literal

# What changes the form of an array, not its numbers.
_SHAPES = (
    "broadcast_in_dim",
    "convert_element_type",
    "copy",
    "reshape",
    "slice",
    "squeeze",
    "transpose",
)
_CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint")


def last_operation(jaxpr: Any) -> str:
    """Return "logistic" or "softmax" where a program's only output is made by it, else ""."""
    if len(jaxpr.outvars) != 1:
        return ""
    equation, made = _maker(jaxpr.outvars[0], _makers(jaxpr))
    if equation is None:
        return ""
    if equation.primitive.name == "logistic":
        return "logistic"
    if equation.primitive.name != "div":
        return ""
    above, below = (_maker(variable, made)[0] for variable in equation.invars)
    if above is None or below is None:
        return ""
    if (above.primitive.name, below.primitive.name) != ("exp", "reduce_sum"):
        return ""
    summed, _ = _maker(below.invars[0], made)
    return "softmax" if summed is not None and summed.primitive.name == "exp" else ""


def _makers(jaxpr: Any) -> dict[int, Any]:
    """Return the operation that makes each variable, by the variable's identity."""
    return {id(v): equation for equation in jaxpr.eqns for v in equation.outvars}


def _maker(variable: Any, made: Mapping[int, Any]) -> tuple[Any, Mapping[int, Any]]:
    """Return the operation whose numbers a variable has, and the makers of its program.

    Looks through changes of shape and into calls; nothing where it is an input or a constant.
    """
    while not isinstance(variable, Literal):
        equation = made.get(id(variable))
        if equation is None:
            break
        name = equation.primitive.name
        if name in _SHAPES:
            variable = equation.invars[0]
            continue
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        if name not in _CALLS or inner is None:
            return equation, made
        inner = getattr(inner, "jaxpr", inner)
        place = [v is variable for v in equation.outvars].index(True)
        variable, made = inner.outvars[place], _makers(inner)
    return None, made
