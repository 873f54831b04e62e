"""Parameters of a net drawn by NumPy: to compile what it starts from takes longer than a test."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import soret


def drawn(problem: soret.Problem, seed: int = 0, spread: float = 0.5) -> Any:
    """Return parameters of a problem's shapes, each N(0, spread²) in float32."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(problem.initial, jax.eval_shape(lambda: jax.random.key(0)))
    return jax.tree.map(
        lambda leaf: jnp.asarray(spread * rng.normal(size=leaf.shape), jnp.float32), shapes
    )
