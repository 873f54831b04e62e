"""Derivatives along directions, of models whose parts may be differentiable in reverse only.

Forward over reverse is what is used wherever it can be. A part with a reverse rule of its own
(`jax.custom_vjp`) has no forward derivative: there the gradient is differentiated in reverse once
more, which gives the same product, since a Hessian is symmetric, and Jacobians are pushed by the
transpose of their transpose.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.tree_util import Partial
from jaxtyping import Array, PyTree

from soret.errors import SettingsError
from soret.problems import programs
from soret.problems.model_checks import explained


def linear_gradient(loss: Callable[[Array], Array], at: Array) -> Callable[[Array], Array]:
    """Return v ↦ ∇²L(θ) v of a scalar function, as a pytree.

    Raises
    ------
    SettingsError
        If a part of the model can be differentiated twice in neither way.
    """
    gradient = jax.grad(loss)
    try:
        return _tried(jax.linearize(gradient, at)[1], at)
    except SettingsError:
        raise
    except Exception as error:
        first = error
    try:
        return _tried(Partial(_pulled, jax.vjp(gradient, at)[1]), at)
    except Exception as error:
        raise _refused("second derivatives", gradient, at, first) from error


def linear_map(function: Callable[[Array], Array], at: Array) -> tuple[Array, Any]:
    """Return f(θ), and v ↦ ∂f(θ) v as a pytree.

    Raises
    ------
    SettingsError
        If a part of the model can be differentiated along a direction in neither way.
    """
    try:
        value, push = jax.linearize(function, at)
        return value, _tried(push, at)
    except SettingsError:
        raise
    except Exception as error:
        first = error
    try:
        value, pull = jax.vjp(function, at)
        push = Partial(functools.partial(_pushed, value.shape, value.dtype), pull)
        return value, _tried(push, at)
    except Exception as error:
        raise _refused("derivatives along a direction", function, at, first) from error


def gradient_along(
    gradient: Callable[[PyTree[Array]], PyTree[Array]], at: PyTree[Array], direction: PyTree[Array]
) -> tuple[PyTree[Array], PyTree[Array]]:
    """Return ∇L(θ) and ∇²L(θ) d, from the gradient as a function.

    Raises
    ------
    SettingsError
        If a part of the model can be differentiated twice in neither way.
    """
    try:
        _tried(lambda along: jax.jvp(gradient, (at,), (along,)), direction)
        return jax.jvp(gradient, (at,), (direction,))
    except SettingsError:
        raise
    except Exception as error:
        first = error
    try:
        value, pull = jax.vjp(gradient, at)
        return value, pull(direction)[0]
    except Exception as error:
        raise _refused("second derivatives", gradient, at, first) from error


def _tried(linear: Any, at: PyTree[Array]) -> Any:
    """Return a linear function that can be applied, or raise what JAX raises when it cannot.

    JAX puts off its refusal until a program is mapped or compiled, so here it is mapped.
    """
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), at)
    jax.eval_shape(jax.vmap(linear), one)
    return linear


def _pulled(pull: Callable[..., Any], vector: Array) -> Array:
    return pull(vector)[0]


def _pushed(shape: tuple[int, ...], dtype: Any, pull: Callable[..., Any], vector: Array) -> Array:
    transposed = jax.linear_transpose(
        lambda cotangent: pull(cotangent)[0], jax.ShapeDtypeStruct(shape, dtype)
    )
    return transposed(vector)[0]


def _refused(what: str, function: Callable[..., Any], at: Any, error: Exception) -> SettingsError:
    """Return the error that names the part of the model that is in the way."""
    found = programs.part(jax.make_jaxpr(function)(at).jaxpr, "custom_vjp_call")
    if found is None:
        return SettingsError(f"the model has no {what}: {explained(error)}.")
    remedy = (
        "give diffeqsolve the argument adjoint=diffrax.DirectAdjoint()"
        if any("/diffrax/" in file for file in found.files)
        else "give it a rule that can be differentiated again, or use jax.custom_jvp"
    )
    return SettingsError(
        f"the model has no {what}: {found.name} has a derivative of its own (jax.custom_vjp) that "
        f"cannot be differentiated again; {remedy}."
    )
