"""A traced program, carried out operation by operation, each in a way of one's own."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

Value = TypeVar("Value")

_CALLS = {
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}
"""Operations that are programs: under which parameter the program is."""


def carry_out(
    program: ClosedJaxpr,
    args: Sequence[Value],
    operation: Callable[[JaxprEqn, list[Value]], Sequence[Value]],
    constant: Callable[[Any], Value],
) -> list[Value]:
    """Carry out a program; what it calls is carried out the same way.

    Parameters
    ----------
    program : ClosedJaxpr
    args : sequence
        Its arguments, of whatever kind `operation` takes.
    operation : callable
        Of an operation and its arguments: returns the operation's results.
    constant : callable
        Makes an argument of an array that the program holds.

    Returns
    -------
    list
        The program's results.
    """
    jaxpr = program.jaxpr
    known: dict[Any, Value] = dict(zip(jaxpr.invars, args, strict=True))
    known |= zip(jaxpr.constvars, map(constant, program.consts), strict=True)

    def read(atom: Any) -> Value:
        return constant(atom.val) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        values = [read(atom) for atom in equation.invars]
        if equation.primitive.name in _CALLS:
            inner = equation.params[_CALLS[equation.primitive.name]]
            closed = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
            made: Sequence[Value] = carry_out(closed, values, operation, constant)
        else:
            made = operation(equation, values)
        known |= zip(equation.outvars, made, strict=True)
    return [read(atom) for atom in jaxpr.outvars]


def bind(equation: JaxprEqn, args: Sequence[Any], **changed: Any) -> list[Any]:
    """Do what an operation does to other arguments, with some parameters changed."""
    bound = equation.primitive.get_bind_params(equation.params)
    # A pair in older versions of JAX: functions apart.
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    made = equation.primitive.bind(*functions, *args, **{**params, **changed})
    return list(made) if equation.primitive.multiple_results else [made]
