"""What of a model SGD moves, and what is its state: running averages, constants, frozen parts."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp

from soret.errors import SettingsError

Mask: TypeAlias = Any
"""A pytree of booleans: whether SGD moves a leaf."""

# Flax's own collections of variables that no gradient is taken of.
_STATE = {"batch_stats", "cache", "intermediates", "perturbations", "spectral_stats"}


def mask(model: Any, trainable: Callable[[Any], Any] | None = None) -> Mask:
    """Return which leaves of a model SGD moves.

    Only arrays of floating-point numbers can move. Of these are held fixed:

    - what `trainable` says is not;
    - without `trainable`, what is known to be state: of Flax's variables, all collections but
      ``params``; of Flax's NNX modules, variables that are no ``Param``; Equinox's ``State``.

    Parameters
    ----------
    model : pytree
        What ``init(key)`` returns, or its shapes.
    trainable : callable, optional
        ``trainable(model)`` returns booleans for its leaves, or for whole branches of it.

    Raises
    ------
    SettingsError
        If `trainable` returns something else, or a collection of variables may be either.
    """
    if trainable is not None:
        return _as_told(model, trainable)
    found = jax.tree.map(_moves, model, is_leaf=_is_variable)
    if isinstance(model, Mapping) and isinstance(model.get("params"), Mapping) and len(model) > 1:
        _check_collections(model)
        for name in set(model) - {"params"}:
            found = _without(found, name)
    return found


def held_arrays(model: Any, moves: Mask) -> Any:
    """Return the floating-point arrays of a model that do not move, None elsewhere."""
    return eqx.filter(eqx.filter(model, moves, inverse=True), _is_floating)


def moving(model: Any, moves: Mask, name: str) -> Any:
    """Return the part of a model that moves, None elsewhere.

    Raises
    ------
    SettingsError
        If the model has another structure than the mask.
    """
    try:
        return eqx.filter(model, moves)
    except ValueError as error:
        raise other_structure(name, jax.tree.structure(model), jax.tree.structure(moves)) from error


def other_structure(name: str, given: Any, wanted: Any) -> SettingsError:
    """Return the error of parameters that belong to another problem."""
    return SettingsError(
        f"params have the structure {given}, but those of problem {name!r} have {wanted}; use "
        "parameters as problem.initial(key) gives them."
    )


def _as_told(model: Any, trainable: Callable[[Any], Any]) -> Mask:
    told = trainable(model)
    wrong = [leaf for leaf in jax.tree.leaves(told) if not isinstance(leaf, bool)]
    if wrong:
        raise SettingsError(
            f"trainable returns {wrong[0]!r} for a part of the model; it must return True or False "
            "for each."
        )
    try:
        return jax.tree.map(
            lambda moves, part: jax.tree.map(lambda leaf: moves and _is_floating(leaf), part),
            told,
            model,
        )
    except ValueError as error:
        raise SettingsError(
            "trainable returns booleans in another order than the model's parts: "
            f"{jax.tree.structure(told)}."
        ) from error


def _moves(part: Any) -> Any:
    if _is_variable(part):
        moves = _is_parameter(part)
        return jax.tree.map(lambda leaf: moves and _is_floating(leaf), part)
    return _is_floating(part)


def _is_variable(part: Any) -> bool:
    """Return whether a library says of this part what it is."""
    if isinstance(part, eqx.nn.State | eqx.nn.StateIndex):
        return True
    nnx = sys.modules.get("flax.nnx")
    return nnx is not None and isinstance(part, nnx.Variable)


def _is_parameter(variable: Any) -> bool:
    nnx = sys.modules.get("flax.nnx")
    return nnx is not None and isinstance(variable, nnx.Param)


def _is_floating(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and bool(
        jnp.issubdtype(getattr(leaf, "dtype", jnp.int32), jnp.inexact)
    )


def _check_collections(variables: Mapping[str, Any]) -> None:
    doubtful = {
        name
        for name in set(variables) - {"params"} - _STATE
        if any(map(_is_floating, jax.tree.leaves(variables[name])))
    }
    if doubtful:
        name = min(doubtful)
        raise SettingsError(
            f"init returns {name!r} beside 'params', which may be parameters or state; say which: "
            f'trainable=lambda v: {{**dict.fromkeys(v, False), "params": True}} holds it fixed, '
            "trainable=lambda v: True moves it."
        )


def _without(found: Any, name: str) -> Any:
    still = jax.tree.map(lambda _: False, found[name])
    if hasattr(found, "copy") and not isinstance(found, dict):  # a FrozenDict
        return found.copy({name: still})
    return {**found, name: still}
