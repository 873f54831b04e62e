"""Mean and covariance of SGD and of its Langevin equations, for weak noise: no ensemble needed.

To leading order in 1/S the mean moves without noise and deviations are linear about it, so that
drift and noise part: m' = m − ηg, Σ' = (1 − ηH)Σ(1 − ηH) + (η²/S)C for SGD, and for an equation
ṁ = −∇U, Σ̇ = −∇²U Σ − Σ∇²U + (η/S)D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ORDERS = ("first", "second", "complete")
"""U = L and D = C; U = L + (η/4)|∇L|² and D = C; the same U and D = C + (η/2)(HC + CH + (g·∇)C).

One step of SGD adds (η²/S)C. An equation adds over a time η, to the order that counts,
(η²/S)[D − (η/2)(HD + DH + (g·∇)D)], for what is added early decays, and D changes along the path.
"""

_CURVATURES = np.array([1.0, 0.5])
_STEPS = 100
"""Of Runge and Kutta's rule: its error is below 1e-9 of what is measured."""


def quadratic(start: float, eta: float, time: float, order: str) -> tuple[Floats, Floats]:
    """Return means and S/η times variances on ½Σhθ², C = 1, by an equation or by SGD ("sgd").

    Exact at any η and any S: (h,) arrays for the curvatures of `curvatures`.
    """
    h = _CURVATURES
    if order == "sgd":
        left = (1 - eta * h) ** round(time / eta)
        return start * left, (1 - left**2) / (2 * h * (1 - eta * h / 2))
    rate = h * (1 + (0 if order == "first" else eta * h / 2))
    noise = 1 + (eta * h if order == "complete" else 0)
    left = np.exp(-rate * time)
    return start * left, noise * (1 - left**2) / (2 * rate)


def curvatures(dimensions: int) -> Floats:
    """Return the curvatures of a quadratic surface, equally often each."""
    return np.resize(_CURVATURES, dimensions)


def losses_of(problem: Any) -> Any:
    """Return losses of all examples of a network at a point, in the precision of the point."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    inputs, labels = problem.data.inputs, problem.data.labels

    def losses(theta: Any) -> Any:
        exact = theta.dtype
        like = problem.unflatten(np.zeros(len(theta)))
        like = jax.tree.map(lambda leaf: leaf.astype(exact), like)
        params = ravel_pytree(like)[1](theta)
        every = jax.vmap(problem.example_loss, (None, 0, 0))
        return every(params, jnp.asarray(inputs, exact), jnp.asarray(labels))

    return losses


def solver(losses: Any) -> Any:
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
    import jax
    import jax.numpy as jnp

    from soret.numerics import double_precision

    recursion = jax.jit(jax.vmap(_recursion(losses), (0, None, None)))
    equation = jax.jit(jax.vmap(_equation(losses), (0, None, None, None, None)))

    def solve(starts: Floats, eta: float, time: float) -> dict[str, tuple[Any, Any]]:
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
    import jax
    import jax.numpy as jnp

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
    import jax
    import jax.numpy as jnp

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
    import jax
    import jax.numpy as jnp

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
    import jax

    single = jax.jacrev(losses)(theta)
    away = single - single.mean(0)
    return away.T @ away / len(single)
