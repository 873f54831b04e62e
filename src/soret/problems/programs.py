"""What a traced program is made of: which results depend on which inputs, and its special parts."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal, jaxprs_in_params


def depends(jaxpr: Any, inputs: Sequence[bool]) -> list[bool]:
    """Return which outputs of a program may depend on the inputs that are marked.

    Where it is not plain, as behind a call that takes its arguments in another order, an output
    counts as depending.
    """
    return [marked for _, marked in _outputs(jaxpr, _marked(jaxpr, inputs))]


def equations(jaxpr: Any, inputs: Sequence[bool]) -> Iterator[tuple[Any, bool]]:
    """Run through a program's operations, inner ones too: each, and whether it may depend on the
    marked inputs.
    """
    marks = _marked(jaxpr, inputs)
    for equation in jaxpr.eqns:
        given = [_is_marked(variable, marks) for variable in equation.invars]
        yield equation, any(given)
        for inner in jaxprs_in_params(equation.params):
            yield from equations(inner, _handed_on(inner, given))


class Part(NamedTuple):
    """A part of a model that JAX treats in a way of its own.

    Attributes
    ----------
    name : str
        As "mine (line 5 of own.py)"; where it is a library's, with the line that calls it.
    files : tuple of str
        The files it is called through.
    """

    name: str
    files: tuple[str, ...]


def part(jaxpr: Any, primitive: str) -> Part | None:
    """Return the first part of a program that is of a kind, as "custom_vjp_call"."""
    for equation, _ in equations(jaxpr, [False] * len(jaxpr.invars)):
        if equation.primitive.name == primitive:
            inner = [one.debug_info for one in jaxprs_in_params(equation.params)]
            said = [info.func_src_info for info in inner if info and info.func_src_info]
            name = _shortened(said[0]) if said else primitive
            frames = getattr(equation.source_info.traceback, "frames", ())
            own = [frame for frame in frames if is_own(frame.file_name)]
            if own and not is_own(said[0] if said else ""):
                name += f", called at line {own[0].line_num} of {Path(own[0].file_name).name},"
            return Part(name, tuple(frame.file_name for frame in frames))
    return None


def is_own(file: str) -> bool:
    """Return whether a file is the user's: no library's, and none of Soret's."""
    libraries = ("site-packages", "/lib/python", str(Path(__file__).parents[1]))
    return not file.startswith("<") and not any(library in file for library in libraries)


def is_same_again(function: Callable[..., Any], *shapes: Any) -> bool:
    """Return whether a function is the same program when it is traced again, numbers and all."""

    def text() -> str:
        # A new function each time, or JAX would remember the trace.
        traced = jax.make_jaxpr(lambda *given: function(*given))(*shapes)
        numbers = [
            np.asarray(one).tobytes()
            for one in traced.consts
            if not jnp.issubdtype(one.dtype, jax.dtypes.prng_key)
        ]
        return re.sub(r" at 0x[0-9a-f]+|id=\d+", "", str(traced)) + repr(numbers)

    return text() == text()


def is_zero(jaxpr: Any) -> bool:
    """Return whether every output is written down as a zero in the program, not computed."""
    made = {id(v): equation for equation in jaxpr.eqns for v in equation.outvars}

    def zero(variable: Any) -> bool:
        if isinstance(variable, Literal):
            return not variable.val.any() if hasattr(variable.val, "any") else variable.val == 0
        equation = made.get(id(variable))
        passed = ("broadcast_in_dim", "convert_element_type", "reshape", "squeeze", "transpose")
        return (
            equation is not None and equation.primitive.name in passed and zero(equation.invars[0])
        )

    return all(zero(variable) for variable in jaxpr.outvars)


def _marked(jaxpr: Any, inputs: Sequence[bool]) -> set[int]:
    """Return the variables, by identity, that may depend on the marked inputs."""
    marks = {id(v) for v, marked in zip(jaxpr.invars, inputs, strict=True) if marked}
    for equation in jaxpr.eqns:
        given = [_is_marked(variable, marks) for variable in equation.invars]
        if not any(given):
            continue
        inner = equation.params.get("jaxpr")
        results = [True] * len(equation.outvars)
        if equation.primitive.name in ("jit", "pjit", "closed_call") and inner is not None:
            results = depends(getattr(inner, "jaxpr", inner), given)
        marks |= {id(v) for v, marked in zip(equation.outvars, results, strict=True) if marked}
    return marks


def _outputs(jaxpr: Any, marks: set[int]) -> list[tuple[Any, bool]]:
    return [(variable, _is_marked(variable, marks)) for variable in jaxpr.outvars]


def _is_marked(variable: Any, marks: set[int]) -> bool:
    return not isinstance(variable, Literal) and id(variable) in marks


def _handed_on(inner: Any, given: Sequence[bool]) -> list[bool]:
    count = len(inner.invars)
    return list(given) if count == len(given) else [any(given)] * count


def _shortened(place: str) -> str:
    """Turn "mine at /home/me/own.py:5" into "mine (line 5 of own.py)"."""
    function, found, where = place.partition(" at ")
    path, _, line = where.rpartition(":")
    return f"{function} (line {line} of {Path(path).name})" if found and line.isdigit() else place
