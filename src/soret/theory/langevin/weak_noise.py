"""Mean and covariance of SGD and of its Langevin equations, for weak noise: no ensemble needed.

To leading order in 1/S the mean moves without noise and deviations are linear about it, so that
drift and noise part: m' = m − ηg, Σ' = (1 − ηH)Σ(1 − ηH) + (η²/S)C for SGD, and for an equation
ṁ = −∇U, Σ̇ = −∇²U Σ − Σ∇²U + (η/S)D.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.numerics import double_precision
from soret.theory.checks import closed_form, finite, not_negative, positive

Floats = NDArray[np.float64]
Losses = Callable[[Array], Array]
"""Losses of all examples at a point, (n,) to (N,), in JAX."""
Moments = Callable[[Floats, float, float], dict[str, tuple[Floats, Floats]]]
"""Means and S/η times covariances, by law, of starts, η and t."""

ORDERS = ("first", "second", "complete")
"""U = L and D = C; U = L + (η/4)|∇L|² and D = C; the same U and D = C + (η/2)(HC + CH + (g·∇)C).

One step of SGD adds (η²/S)C. An equation adds over a time η, to the order that counts,
(η²/S)[D − (η/2)(HD + DH + (g·∇)D)], for what is added early decays, and D changes along the path.
"""

_STEPS = 100
"""Of Runge and Kutta's rule: its error is below 1e-9 of what is measured."""


@closed_form
def quadratic_moments(
    curvature: ArrayLike, start: ArrayLike, learning_rate: float, time: float, order: str
) -> tuple[Floats, Floats]:
    """Return means and S/η times variances on ½Σhθ² with C = 1: exact at any η and any S.

    Parameters
    ----------
    curvature : array_like, shape (n,)
        h > 0.
    start : array_like, shape (n,) or ()
    learning_rate : float
        η > 0.
    time : float
        t = ηk ≥ 0; for SGD a multiple of η.
    order : str
        "sgd", or the equation: one of `ORDERS`.

    Returns
    -------
    mean, variance : (n,) array

    Raises
    ------
    OutsideDomain
        If a value is outside its range, there is no such equation, or SGD is unstable: ηh ≥ 2.
    """
    h, theta = positive("curvature", curvature), finite("start", start)
    eta = float(positive("learning_rate", learning_rate))
    span = float(not_negative("time", time))
    if order == "sgd":
        if not (eta * h < 2).all():
            raise OutsideDomain(
                f"SGD is unstable at η = {eta:g}: η times curvature must be below 2."
            )
        left = (1 - eta * h) ** round(span / eta)
        return np.asarray(theta * left), np.asarray((1 - left**2) / (2 * h * (1 - eta * h / 2)))
    if order not in ORDERS:
        raise OutsideDomain(f"there is no equation {order!r}; use {', '.join(ORDERS)}, or sgd.")
    rate = h * (1 + (0 if order == "first" else eta * h / 2))
    noise = 1 + (eta * h if order == "complete" else 0)
    left = np.exp(-rate * span)
    return np.asarray(theta * left), np.asarray(noise * (1 - left**2) / (2 * rate))


def weak_noise_moments(losses: Losses) -> Moments:
    """Return a function that gives means and S/η times covariances at t; compiled once.

    Parameters
    ----------
    losses : callable
        Losses of all examples at a point, (P,) to (N,), in JAX.

    Returns
    -------
    callable
        Of starts (R, P), η and t, a multiple of η, to a dict of (mean, covariance), arrays (R, P)
        and (R, P, P), by SGD ("sgd") and by every equation.
    """
    recursion = jax.jit(jax.vmap(_recursion(losses), (0, None, None)))
    equation = jax.jit(jax.vmap(_equation(losses), (0, None, None, None, None)))

    def solve(starts: Floats, eta: float, time: float) -> dict[str, tuple[Floats, Floats]]:
        with double_precision():
            points = jnp.asarray(starts, jnp.float64)
            rate, span = jnp.asarray(eta, jnp.float64), jnp.asarray(time, jnp.float64)
            found = {"sgd": recursion(points, rate, round(time / eta))}
            for order in ORDERS:
                better = [jnp.asarray(float(order in some)) for some in (ORDERS[1:], ORDERS[2:])]
                found[order] = equation(points, rate, span, *better)
            return {law: (np.asarray(m), np.asarray(c)) for law, (m, c) in found.items()}

    return solve


def _recursion(losses: Any) -> Any:
    slope, curvature = jax.grad(_mean_of(losses)), jax.hessian(_mean_of(losses))

    def run(start: Any, eta: Any, steps: Any) -> Any:
        one = jnp.eye(len(start), dtype=start.dtype)

        def step(_: Any, state: Any) -> Any:
            mean, spread = state
            left = one - eta * curvature(mean)
            return mean - eta * slope(mean), left @ spread @ left + eta * _noise(losses, mean)

        return jax.lax.fori_loop(0, steps, step, (start, 0 * one))

    return run


def _equation(losses: Any) -> Any:
    loss = _mean_of(losses)
    slope, curvature = jax.grad(loss), jax.hessian(loss)

    def run(start: Any, eta: Any, time: Any, better_drift: Any, better_noise: Any) -> Any:
        def potential(theta: Any) -> Any:
            return loss(theta) + better_drift * eta / 4 * (slope(theta) ** 2).sum()

        down, bend = jax.grad(potential), jax.hessian(potential)

        def enters(theta: Any) -> Any:
            h, down_hill = curvature(theta), slope(theta)
            own, along = jax.jvp(lambda at: _noise(losses, at), (theta,), (down_hill,))
            return own + better_noise * eta / 2 * (h @ own + own @ h + along)

        def flow(state: Any) -> Any:
            mean, spread = state
            decay = bend(mean) @ spread
            return -down(mean), enters(mean) - decay - decay.T

        def step(_: Any, state: Any) -> Any:
            return _runge_kutta(flow, state, time / _STEPS)

        nothing = jnp.zeros((len(start), len(start)), start.dtype)
        return jax.lax.fori_loop(0, _STEPS, step, (start, nothing))

    return run


def _runge_kutta(flow: Any, state: Any, step: Any) -> Any:
    """Make a step of the classical rule; its stages are a loop, so that flow is compiled once."""

    def ahead(slope: Any, by: Any) -> Any:
        return jax.tree.map(lambda x, v: x + by * v, state, slope)

    def stage(carry: Any, numbers: Any) -> Any:
        slope, total = carry
        at, weight = numbers
        slope = flow(ahead(slope, at * step))
        return (slope, jax.tree.map(lambda x, v: x + weight * v, total, slope)), None

    nothing = jax.tree.map(jnp.zeros_like, state)
    numbers = jnp.array([[0, 1 / 6], [1 / 2, 1 / 3], [1 / 2, 1 / 3], [1, 1 / 6]], state[0].dtype)
    (_, total), _ = jax.lax.scan(stage, (nothing, nothing), numbers)
    return ahead(total, step)


def _mean_of(losses: Any) -> Any:
    return lambda theta: losses(theta).mean()


def _noise(losses: Any, theta: Any) -> Any:
    """Return C, (P, P): the covariance of one example's gradient."""
    single = jax.jacrev(losses)(theta)
    away = single - single.mean(0)
    return away.T @ away / len(single)
