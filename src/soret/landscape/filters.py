"""Which axes of a weight array count its outputs, read from what the model does with it.

Libraries differ: Equinox, PyTorch and Soret keep (outputs, inputs), Flax and Haiku (inputs,
outputs), and both call them w. The traced model tells: the axes that are summed over in a product
or a convolution count inputs, the others outputs. Where an array goes through what is not followed
here, a name that only one convention has decides.
"""

import math
from typing import Any

import jax
from jax.extend.core import Literal, jaxprs_in_params

from soret.errors import SettingsError
from soret.problems import Problem, model_checks
from soret.problems.tracing import ensemble_settings

Axes = tuple[int, ...]

# Operations that leave an array's axes what they are.
_SAME = {
    "add", "sub", "mul", "div", "neg", "convert_element_type", "copy", "copy_p", "max", "min",
    "stop_gradient", "optimization_barrier", "reduce_precision",
}  # fmt: skip


def output_axes(problem: Problem) -> list[Axes | None]:
    """Return the axes that count outputs of every parameter array, in the order of the leaves.

    None for biases and other vectors, of one axis or used in no product with one longer than 1.

    Raises
    ------
    SettingsError
        If an array of two axes or more is used in no product or convolution and its name does not
        tell either, or in several that differ.
    """
    params = model_checks.check_init(problem)
    x, _ = model_checks.example_shapes(problem)
    with ensemble_settings():
        jaxpr = jax.make_jaxpr(problem.output)(params, x).jaxpr
    leaves = jax.tree_util.tree_leaves_with_path(params)
    found: list[set[Axes]] = [set() for _ in leaves]
    known: dict[int, Tracked] = {
        id(variable): (number, tuple((axis,) for axis in range(len(leaf.shape))))
        for number, (variable, (_, leaf)) in enumerate(
            zip(jaxpr.invars[: len(leaves)], leaves, strict=True)
        )
        if len(leaf.shape) > 1
    }
    _walk(jaxpr, known, found)
    return [
        _one_of(axes, leaf, path, problem.name) if len(leaf.shape) > 1 else None
        for axes, (path, leaf) in zip(found, leaves, strict=True)
    ]


def _one_of(axes: set[Axes], leaf: Any, path: Any, name: str) -> Axes | None:
    # An axis of one counts neither, and a reshape may put it anywhere.
    axes = {tuple(a for a in one if leaf.shape[a] > 1) for one in axes}
    if len(axes) == 1:
        return next(iter(axes))
    if not axes and sum(length > 1 for length in leaf.shape) < 2:
        return None
    last = path[-1] if path else None
    called = str(getattr(last, "name", getattr(last, "key", "")))
    if not axes and called in _FIRST | _LAST:
        return (0,) if called in _FIRST else (leaf.ndim - 1,)
    place = jax.tree_util.keystr(path) or "the array"
    why = "in no product or convolution" if not axes else "in several ways"
    raise SettingsError(
        f"{place} of problem {name!r}, of shape {leaf.shape}, is used {why}, which does not tell "
        "inputs from outputs; say which axis of arrays counts outputs: outputs='first' as in "
        "PyTorch and Equinox, or outputs='last' as in Flax and Haiku."
    )


# Soret's own kernels and weights, Equinox's and PyTorch's weights; Flax's kernels.
_FIRST, _LAST = {"K", "W", "weight"}, {"kernel"}

Tracked = tuple[int, tuple[Axes, ...]]
"""A parameter array's number, and for each axis of a value made from it, the array's own axes."""


def _walk(jaxpr: Any, known: dict[int, Tracked], found: list[set[Axes]]) -> dict[int, Tracked]:
    """Follow parameter arrays through a program, noting what products they go into."""

    def of(variable: Any) -> Tracked | None:
        return None if isinstance(variable, Literal) else known.get(id(variable))

    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        given = [of(variable) for variable in equation.invars]
        if not any(given):
            continue
        inner = list(jaxprs_in_params(params))
        if name == "dot_general":
            contracted, batched = params["dimension_numbers"]
            for tracked, sums, shared in zip(given, contracted, batched, strict=True):
                _note(tracked, [*sums, *shared], found)
        elif name == "conv_general_dilated" and given[1] is not None:
            kernel = params["dimension_numbers"].rhs_spec
            _note(given[1], kernel[1:], found)
        elif len(inner) == 1 and len(inner[0].invars) == len(given):
            for variable, tracked in zip(inner[0].invars, given, strict=True):
                if tracked is not None:
                    known[id(variable)] = tracked
            _walk(inner[0], known, found)
            for outer, result in zip(equation.outvars, inner[0].outvars, strict=False):
                carried = of(result)
                if carried is not None and outer.aval == result.aval:
                    known[id(outer)] = carried
        else:
            first = next(i for i, tracked in enumerate(given) if tracked is not None)
            moved = _moved(name, params, equation.invars[first].aval, equation.outvars[0].aval)
            if moved is not None:
                number, axes = given[first]  # type: ignore[misc]
                known[id(equation.outvars[0])] = (
                    number,
                    tuple(tuple(a for at in group for a in axes[at]) for group in moved),
                )
    return known


def _note(tracked: Tracked | None, summed: Any, found: list[set[Axes]]) -> None:
    if tracked is None:
        return
    number, axes = tracked
    outputs = tuple(a for at, group in enumerate(axes) if at not in set(summed) for a in group)
    found[number].add(tuple(sorted(outputs)))


def _moved(name: str, params: Any, before: Any, after: Any) -> list[Axes] | None:
    """Return for each axis of a result the axes of the operand that it is made of."""
    if name in _SAME and before.shape == after.shape:
        return [(axis,) for axis in range(before.ndim)]
    if name == "transpose":
        return [(axis,) for axis in params["permutation"]]
    if name == "broadcast_in_dim":
        places = list(params["broadcast_dimensions"])
        return [(places.index(axis),) if axis in places else () for axis in range(after.ndim)]
    if name == "squeeze":
        return [(axis,) for axis in range(before.ndim) if axis not in params["dimensions"]]
    if name == "reshape":
        return _merged(before.shape, after.shape)
    return None


def _merged(before: tuple[int, ...], after: tuple[int, ...]) -> list[Axes] | None:
    """Return which axes are put together by a reshape; None where one is split."""
    groups: list[Axes] = []
    at = 0
    for length in after:
        group: Axes = ()
        while at < len(before) and math.prod(before[a] for a in group) < length:
            group, at = (*group, at), at + 1
        if math.prod(before[a] for a in group) != length:
            return None
        groups.append(group)
    return groups
