"""The walks of `random_walk_flow`: their steps g(q) in the unit box, for NumPy and for JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import soret

Field = Callable[[Any], Any]
"""g at points: an array (..., n), of NumPy or of JAX, to one like it."""


@dataclass(frozen=True)
class Walk:
    """One walk.

    Attributes
    ----------
    dimensions : int
    field : callable
        g, at most 2: no walker jumps further than from outside the box to the window's edge.
    formula : str
        For the figure.
    densities : sequence of str
        Of "uniform", where nothing diffuses, and "tilted".
    """

    dimensions: int
    field: Field
    formula: str
    densities: tuple[str, ...] = ("uniform",)


def _constant(q: Any) -> Any:
    return 0 * q + 1.0


def _linear(q: Any) -> Any:
    return q + 0.5


def _exponential(q: Any) -> Any:
    return 0.5 * arrays_of(q).exp(q)


def _parallel(q: Any) -> Any:
    total = q.sum(-1, keepdims=True) + 0.5
    return 0.7 * total * arrays_of(q).ones(2, q.dtype)


def _spreading(q: Any) -> Any:
    return q + 0.5


def _closing(q: Any) -> Any:
    return q[..., ::-1] + 0.5


def _hidden_unit(q: Any) -> Any:
    """Return (φ1, Vφ2) for Gaussian inputs, ‖W‖ = 1, V from ½ to 1½ and b from −½ to ½."""
    xp = arrays_of(q)
    V, b = q[..., 0] + 0.5, q[..., 1] - 0.5
    bell = xp.exp(-(b**2) / 2) / np.sqrt(2 * np.pi)
    on = _normal_cdf(b)
    return xp.stack([((1 + b**2) * on + b * bell) ** 0.5 / 2, V * on**0.5 / 2], -1)


WALKS: Mapping[str, Walk] = {
    "constant": Walk(1, _constant, "g = 1", ("tilted",)),
    "linear": Walk(1, _linear, "g = ½ + q", ("uniform", "tilted")),
    "exponential": Walk(1, _exponential, "g = ½ exp q"),
    "parallel": Walk(2, _parallel, "g = 0.7(½ + q₁ + q₂)(1, 1)"),
    "spreading": Walk(2, _spreading, "g = (½ + q₁, ½ + q₂)"),
    "closing": Walk(2, _closing, "g = (½ + q₂, ½ + q₁)"),
    "hidden unit": Walk(2, _hidden_unit, "g = (φ₁, Vφ₂)", ("uniform", "tilted")),
}

TILT = 1.0
"""∂_i log ρ of the tilted density."""


@dataclass(frozen=True)
class Prediction:
    """Flows through the window for η = 1, as `soret.observables.window_flow` measures them.

    Attributes
    ----------
    printed : float
        Along g, by Eq. 10 as printed.
    ito : (n + 1,) array
        By the exact flux: every coordinate, and last along g.
    """

    printed: float
    ito: np.ndarray


def predict(walk: Walk, density: str) -> Prediction:
    """Integrate the formulas over the window, by Gauss–Legendre quadrature."""
    theory = soret.theory.thermophoresis
    low, high = soret.observables.flow.WINDOW
    nodes, weights = np.polynomial.legendre.leggauss(40)
    axis, share = low + (high - low) * (nodes + 1) / 2, weights * (high - low) / 2
    n = walk.dimensions
    q = np.stack(np.meshgrid(*[axis] * n, indexing="ij"), -1).reshape(-1, n)
    weight = np.prod(np.meshgrid(*[share] * n, indexing="ij"), 0).ravel()
    weight = weight * np.asarray(soret.observables.window(q))
    tilt = TILT if density == "tilted" else 0.0
    scale = (tilt / np.expm1(tilt)) ** n if tilt else 1.0
    rho = scale * np.exp(tilt * q.sum(-1))
    g = walk.field(q)
    fields = (g, theory.differentiate(walk.field, q), rho, tilt * rho[:, None] * np.ones(n))
    ito = theory.ito_flux(*fields)
    along = (ito * g).sum(-1, keepdims=True) / np.linalg.norm(g, axis=-1, keepdims=True)
    return Prediction(
        float(weight @ theory.flow_density(*fields).total),
        weight @ np.concatenate([ito, along], -1),
    )


def free_path_ratios(walk: Walk, learning_rate: float) -> np.ndarray:
    """Return Δ₊ − Δ₋ over what Eq. 9 says it is, along the latter, at 16 points of the window.

    Δ₊ and Δ₋ are how far away mass is that just reaches q in a step: Δ₊ = ηg(q + Δ₊) and
    Δ₋ = ηg(q − Δ₋) (Sec. 3, above Eq. 9), solved by iteration, which contracts as η∂g.
    """
    low, high = soret.observables.flow.WINDOW
    q = np.random.default_rng(0).uniform(low, high, (16, walk.dimensions))
    g = walk.field(q)
    paths = []
    for sign in (1, -1):
        path = 0 * q
        for _ in range(60):
            path = learning_rate * walk.field(q + sign * path)
        paths.append(path)
    jacobian = soret.theory.thermophoresis.differentiate(walk.field, q)
    expected = 2 * learning_rate**2 * np.einsum("pj,pij->pi", g, jacobian)
    return np.asarray(((paths[0] - paths[1]) * expected).sum(-1) / (expected**2).sum(-1))


def arrays_of(q: Any) -> Any:
    """Return the module whose arrays these are: NumPy, or `jax.numpy`."""
    if isinstance(q, np.ndarray):
        return np
    import jax.numpy as jnp

    return jnp


def _normal_cdf(b: Any) -> Any:
    if isinstance(b, np.ndarray):
        from scipy import special

        return special.ndtr(b)
    from jax.scipy.special import ndtr

    return ndtr(b)
