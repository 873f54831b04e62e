"""A quadratic surface under oblique noise, and optimizers that scale the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HESSIAN = np.diag([1.0, 3.0])
OBLIQUE = np.array([[1.0, 0.8], [0.8, 1.0]])
"""C of one example's gradient, which does not commute with the Hessian."""


def scaled(scale: Floats) -> Any:
    """Return an optimizer that scales every component of the gradient."""

    def make(learning_rate: Any) -> Any:
        import jax
        import optax

        def update(gradient: Any, state: Any, params: Any = None) -> Any:
            move = jax.tree.map(lambda g: -learning_rate * scale.astype(np.float32) * g, gradient)
            return move, state

        return optax.GradientTransformation(lambda params: optax.EmptyState(), update)

    return make


def quadratic() -> Any:
    """Return L = ½θᵀHθ."""
    curvatures = np.diag(HESSIAN).astype(np.float32)
    return lambda theta: 0.5 * (curvatures * theta**2).sum()


def recursion(eta: float) -> Any:
    """Return SGD's recursion under the oblique noise; S changes no more than its strength."""
    return soret.theory.equilibrium.sgd_recursion(HESSIAN, OBLIQUE, eta, 1)


def positions_entropy(eta: float, beta: float) -> float:
    """Return the entropy that positions make a step, with momentum."""
    return float(soret.theory.equilibrium.heavy_ball_entropy(HESSIAN, OBLIQUE, eta, beta))
