"""SGD on an analytic surface, with gradient noise of a covariance that is given exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike

from soret.data import generator
from soret.data.generator import Key, Steps
from soret.errors import SettingsError
from soret.numerics import default_semantics
from soret.problems.arguments import function, real, text
from soret.problems.model_checks import explained
from soret.problems.problem import Problem

Potential = Callable[[Array], Array]
"""L at one point: (n,) to a scalar, in JAX."""
NoiseKind = Literal["isotropic", "anisotropic", "hessian", "loss"]


@default_semantics()
def surface(
    potential: Potential,
    *,
    start: ArrayLike | Callable[[Array], Array],
    noise: NoiseKind | Callable[[Array], Array] = "isotropic",
    strength: float = 1.0,
    matrix: ArrayLike | None = None,
    name: str = "surface",
) -> Problem:
    """Build a problem whose mini-batch gradient is ∇L(θ) + N(0, C(θ)/B), exactly.

    The loss of one example is L(θ) + (A(θ)x)·θ, x ~ N(0, 1), with A held fixed in the gradient and
    C = AAᵀ. So a step of SGD is an Euler–Maruyama step Δt = η of dθ = −∇L dt + √(η/B) A dW.

    Parameters
    ----------
    potential : callable
        L at one point (n,), in JAX; it is the problem's `full_loss`.
    start : array_like, shape (n,), or callable
        Where every replica starts, or ``start(key)`` to draw it.
    noise : str or callable
        C = s·1 ("isotropic"), s·M ("anisotropic"), s·H(θ) where the walker is, without its negative
        eigenvalues ("hessian"), 2s·L(θ)M with M the Hessian at a minimum ("loss": the mean-square
        loss, power-law escape Eq. 6), or A itself as a function of the point, (n,) to (n, m).
    strength : float
        s ≥ 0; not for noise of your own.
    matrix : array_like, shape (n, n)
        M, symmetric without negative eigenvalues; for "anisotropic" and "loss".
    name : str
        What the problem is called in a saved run.

    Raises
    ------
    SettingsError
        If the parts do not fit each other.
    """
    function("potential", potential, "a point, (n,) to a scalar")
    text("name", name)
    real(strength=strength)
    place = start if callable(start) else _constant(start)
    shape = _shape(place, jax.random.key(0), f"the start of {name!r}")
    if len(shape) != 1 or not shape[0]:
        raise SettingsError(f"the start of {name!r} has shape {shape}; it must be (n,).")
    n = shape[0]
    amplitude = noise if callable(noise) else _amplitude(potential, noise, strength, matrix, n)
    point = jax.ShapeDtypeStruct((n,), jnp.float32)
    drawn = _shape(amplitude, point, f"the noise of {name!r}")
    if len(drawn) != 2 or drawn[0] != n:
        raise SettingsError(f"the noise of {name!r} has shape {drawn}; it must be ({n}, m).")

    size = np.float32(np.sqrt(strength))

    def predict(theta: Array, x: Array) -> Array:
        # The product with s·1 is the same number by number, and n times as quick.
        kick = size * x if noise == "isotropic" else amplitude(theta) @ x
        kick = jax.lax.stop_gradient(kick)
        # Less what the second term is worth, so that the loss is L on every example.
        return potential(theta) + kick @ (theta - jax.lax.stop_gradient(theta))

    return Problem(
        init=lambda key: jnp.asarray(place(key), jnp.float32),
        predict=predict,
        loss=lambda output, _: output,
        data=_GaussianNoise(drawn[1]),
        full_loss=potential,
        name=name,
        fixed_start=not callable(start),
        settings={
            "dimensions": n,
            "noise": noise if isinstance(noise, str) else "of the user's own",
            "strength": float(strength),
            "matrix": str(None if matrix is None else np.asarray(matrix).tolist()),
        },
    )


def _shape(make: Callable[[Array], Array], argument: Any, what: str) -> tuple[int, ...]:
    """Return the shape of what a user's function makes."""
    try:
        return tuple(jax.eval_shape(make, argument).shape)
    except Exception as error:
        raise SettingsError(f"{what} fails: {explained(error)}") from error


@dataclass(frozen=True)
class _GaussianNoise:
    """x ~ N(0, 1) without labels."""

    trusted: ClassVar[bool] = True

    directions: int

    @property
    def description(self) -> str:
        return f"Gaussian noise ({self.directions})"

    def draw(self, key: Key, step: Steps, n: int) -> tuple[Array, Array]:
        numbers = generator.normal(key, step, n * self.directions)
        inputs = numbers.reshape(*numbers.shape[:-1], n, self.directions)
        return inputs, jnp.zeros(inputs.shape[:-1], jnp.int32)


def _constant(start: ArrayLike) -> Callable[[Array], Array]:
    try:
        place = np.asarray(start, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"start is {start!r}; it must be a point, (n,) numbers.") from error
    if not np.isfinite(place).all():
        raise SettingsError(f"start is {start!r}; it must be finite numbers.")
    return lambda key: jnp.asarray(place)


def _amplitude(
    potential: Potential, noise: str, strength: float, matrix: ArrayLike | None, n: int
) -> Callable[[Array], Array]:
    """Return A with AAᵀ = C."""
    if not isinstance(noise, str) or noise not in ("isotropic", "anisotropic", "hessian", "loss"):
        raise SettingsError(
            f"noise is {noise!r}; use isotropic, anisotropic, hessian, loss, or a function of your "
            "own."
        )
    if not (np.isfinite(strength) and strength >= 0):
        raise SettingsError(f"strength is {strength:g}; it must be at least 0.")
    if (matrix is None) == (noise in ("anisotropic", "loss")):
        raise SettingsError(
            f"noise {noise!r} {'needs a' if matrix is None else 'has no'} matrix; anisotropic and "
            "loss have one."
        )
    size = float(np.sqrt(strength))
    if noise == "isotropic":
        constant = size * np.eye(n, dtype=np.float32)
        return lambda theta: jnp.asarray(constant)
    if noise == "hessian":
        curvature = jax.hessian(potential)
        return lambda theta: size * _root(curvature(theta))
    half = size * _constant_root(matrix, n)
    if noise == "anisotropic":
        return lambda theta: jnp.asarray(half)
    return lambda theta: jnp.sqrt(2 * jnp.maximum(potential(theta), 0)) * half


def _root(matrix: Array) -> Array:
    """The symmetric square root, without negative eigenvalues."""
    if matrix.shape[-1] == 1:
        return jnp.sqrt(jnp.maximum(matrix, 0))
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * jnp.sqrt(jnp.maximum(values, 0))) @ vectors.T


def _constant_root(matrix: ArrayLike | None, n: int) -> np.ndarray:
    try:
        given = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"matrix is {matrix!r}; it must be numbers, ({n}, {n}).") from error
    if given.shape != (n, n) or not np.isfinite(given).all() or not np.allclose(given, given.T):
        raise SettingsError(f"matrix is {given.tolist()}; it must be symmetric, ({n}, {n}).")
    values, vectors = np.linalg.eigh(given)
    if values[0] < -1e-10 * abs(values).max():
        raise SettingsError(f"matrix has the eigenvalue {values[0]:g}; it must have none below 0.")
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T, dtype=np.float32)
