"""The mass flow of a population of walkers, seen through a window."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from soret.observables.state import Observable, State, label
from soret.problems import Problem

WINDOW = (0.2, 0.8)
"""Where the window is open, along each coordinate."""


def window(q: Any) -> Any:
    """Return how far the window is open at points (..., n): a product of cos², 1 in the middle.

    NumPy and JAX arrays alike.
    """
    xp = jnp if isinstance(q, jax.Array) else np
    low, high = WINDOW
    turns = xp.clip((2 * q - low - high) / (high - low), -1, 1)
    return (xp.cos(turns * xp.pi / 2) ** 2).prod(-1)


def window_flow(field: Callable[[Float[Array, "n"]], Float[Array, "n"]]) -> Observable:
    """Make an observable for `soret.problems.random_walk`: its flow since the start.

    A walker that jumps from q to q + Δ carries its share of mass along the segment between; the
    flow density integrated over a window w is the mean over walkers of Δ·∫₀¹w(q + sΔ)ds. It is
    the mean flow through all surfaces across the window. Meant for step 1: over several steps
    the segment is no longer what the walker did.

    Parameters
    ----------
    field : callable
        g, as the walk has it.

    Returns
    -------
    Observable of shape (n + 1,)
        ∫J_i w for every coordinate, and last ∫(J·g/|g|) w. The whole population has mass 1.
    """
    nodes, weights = np.polynomial.legendre.leggauss(3)

    @label("flow through the window", "mass per step")
    def flow(problem: Problem, state: State) -> Float[Array, "components"]:
        start, end = state.params["start"], state.params["q"]
        jump = end - start
        total = 0.0
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            at = start + jnp.float32(node) * jump
            g = jax.vmap(jax.vmap(field))(at)
            unit = g / jnp.linalg.norm(g, axis=-1, keepdims=True)
            along = jnp.sum(jump * unit, axis=-1, keepdims=True)
            parts = jnp.concatenate([jump, along], axis=-1)
            total = total + jnp.float32(weight) * parts * window(at)[..., None]
        # Pair by pair, so that what is opposite cancels before it is rounded.
        return jnp.mean(jnp.mean(total, axis=0), axis=0)

    return flow
