"""Curvature of models whose parts have derivative rules of their own."""

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.landscape import gauss_newton, gradient_noise, hessian
from soret.observables.trace_bound import trace_of_dropped_term

RNG = np.random.default_rng(0)
DATA = soret.Dataset("points", RNG.normal(size=(8, 2)), np.arange(8) % 2, ("no", "yes"))


def init(key: jax.Array) -> dict[str, jax.Array]:
    return {"w": jax.random.normal(key, (2, 2))}


def problem(part: Callable[[jax.Array], jax.Array]) -> soret.Problem:
    def predict(p: Any, x: jax.Array) -> jax.Array:
        return part(p["w"] @ x).sum()

    return soret.Problem(init, predict, "mean_square", DATA)


@jax.custom_vjp
def sine(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))


@jax.custom_vjp
def compiled_sine(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


compiled_sine.defvjp(lambda x: (jnp.sin(x), x), jax.jit(lambda x, g: (g * jnp.cos(x),)))


@jax.custom_jvp
def forward_sine(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


forward_sine.defjvp(lambda x, t: (jnp.sin(x[0]), jnp.cos(x[0]) * t[0]))


@pytest.mark.parametrize(
    "part",
    [sine]
    + [
        pytest.param(part, marks=pytest.mark.slow)
        for part in (compiled_sine, forward_sine, jax.checkpoint(jnp.sin))
    ],
)
def test_matrices_are_those_of_the_same_model_without_the_rule(part: Any) -> None:
    """Catches: a Hessian refused, or wrong, for a part with a reverse rule of its own."""
    own, plain = problem(part), problem(jnp.sin)
    params = plain.initial(jax.random.key(0))
    for matrix in (hessian, gauss_newton, gradient_noise):
        found, expected = (matrix(one, params).operator.dense() for one in (own, plain))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_observables_are_too() -> None:
    """Catches: an observable of second derivatives that no model with such a part has."""
    params = init(jax.random.key(0))
    x, y = jnp.asarray(DATA.inputs[0]), jnp.asarray(DATA.labels[0])
    found, expected = (
        float(trace_of_dropped_term(problem(part), params, x, y)) for part in (sine, jnp.sin)
    )
    assert found == pytest.approx(expected, rel=1e-5)


def flow(w: jax.Array, y: jax.Array, adjoint: diffrax.AbstractAdjoint) -> jax.Array:
    term = diffrax.ODETerm(lambda t, y, w: jnp.tanh(w @ y))
    solution = diffrax.diffeqsolve(term, diffrax.Euler(), 0.0, 1.0, 0.5, y, args=w, adjoint=adjoint)
    assert solution.ys is not None
    return solution.ys[-1, 0]


def neural_ode(adjoint: diffrax.AbstractAdjoint) -> soret.Problem:
    return soret.Problem(init, lambda p, x: flow(p["w"], x, adjoint), "mean_square", DATA)


def by_hand(p: Any, y: jax.Array) -> jax.Array:
    for _ in range(2):
        y = y + 0.5 * jnp.tanh(p["w"] @ y)
    return y[0]


@pytest.mark.slow
def test_a_solver_of_reverse_mode_is_named() -> None:
    """Catches: a TypeError of JAX's own that names neither the solver nor the remedy."""
    own = neural_ode(diffrax.RecursiveCheckpointAdjoint())
    with pytest.raises(SettingsError, match=r"custom_vjp.*adjoint=diffrax.DirectAdjoint\(\)"):
        gradient_noise(own, init(jax.random.key(0))).top(1)


@pytest.mark.slow
@pytest.mark.parametrize("matrix", [hessian, gradient_noise])
def test_the_remedy_that_is_named_is_one(matrix: Any) -> None:
    """Catches: advice that does not help."""
    own = neural_ode(diffrax.DirectAdjoint())
    plain = soret.Problem(init, by_hand, "mean_square", DATA)
    params = init(jax.random.key(0))
    found, expected = (matrix(one, params).operator.dense() for one in (own, plain))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@jax.custom_vjp
def once(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


def _cosine(x: jax.Array) -> jax.Array:
    return jax.pure_callback(
        np.cos, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="expand_dims"
    )


once.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * _cosine(x),))


def test_a_part_that_can_be_differentiated_once_is_named() -> None:
    """Catches: an error about a loop that the user never wrote."""
    own = problem(once)
    with pytest.raises(SettingsError, match=r"second derivatives.*allbacks.*line \d+ of test_der"):
        hessian(own, own.initial(jax.random.key(0))).top(1)
