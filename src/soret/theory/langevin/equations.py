r"""Drift and noise of dθ = a(θ) dt + σ(θ) dW, Itô, for the noises that theories of SGD assume.

Time is t = ηk and T = η/B, so that SGD's noise of covariance (η²/B)C a step has the intensity
σσᵀ = TC. The mean-square loss near a minimum has C = 2L(θ)H* (power-law escape, Eq. 6 and 12).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import finite, not_negative, positive

Potential = Callable[[Array], Array]
"""L at one point: (n,) to a scalar, in JAX."""
Amplitude = Callable[[Array], Array]
"""σ at one point: (n,) to (n, m), in JAX."""
Hessian = ArrayLike | Callable[[Array], Array]
"""(n, n), symmetric: a constant, or a function of the point."""


@dataclass(frozen=True)
class SDE:
    """dθ = a(θ) dt + σ(θ) dW in the sense of Itô.

    Parameters
    ----------
    drift : callable
        a at one point, (n,) to (n,), in JAX.
    noise : callable
        σ at one point, (n,) to (n, m), in JAX.
    """

    drift: Callable[[Array], Array]
    noise: Amplitude


def overdamped(potential: Potential, noise: Amplitude) -> SDE:
    """Return dθ = −∇L dt + σ dW.

    Parameters
    ----------
    potential : callable
        L at one point.
    noise : callable
        σ at one point; the functions below make some.
    """
    slope = jax.grad(potential)
    return SDE(lambda theta: -slope(theta), noise)


def log_loss(potential: Potential, hessian: Hessian, temperature: float) -> SDE:
    """Return dθ = −∇log L dτ + √(2TH) dW_τ, what `loss_noise` becomes in τ = ∫L dt (Eq. 14).

    Parameters
    ----------
    potential : callable
        L > 0.
    hessian : array_like or callable
        H, without negative eigenvalues.
    temperature : float
        T = η/B > 0.
    """
    return overdamped(lambda theta: jnp.log(potential(theta)), _aligned(hessian, temperature))


def isotropic_noise(diffusion: float) -> Amplitude:
    """Return σ = √(2D) 1, the noise of gradient Langevin dynamics (power-law escape, Eq. 5).

    Parameters
    ----------
    diffusion : float
        D ≥ 0.
    """
    size = float(np.sqrt(2 * not_negative("diffusion", diffusion)))
    return lambda theta: size * jnp.eye(theta.size, dtype=theta.dtype)


def frozen_noise(hessian: Hessian, minimum_loss: float, temperature: float) -> Amplitude:
    """Return σ = √(2TL*H): that of the minimum everywhere, if H is constant.

    Parameters
    ----------
    hessian : array_like or callable
        H, without negative eigenvalues.
    minimum_loss : float
        L* > 0.
    temperature : float
        T = η/B > 0.
    """
    return _aligned(hessian, temperature * float(positive("minimum_loss", minimum_loss)))


def loss_noise(potential: Potential, hessian: Hessian, temperature: float) -> Amplitude:
    """Return σ = √(2T L(θ) H) (Eq. 12); Eq. 12 itself has H at the minimum, a constant.

    Parameters
    ----------
    potential : callable
        L ≥ 0; where it is not, σ is 0.
    hessian, temperature
        As for `frozen_noise`.
    """
    root = _aligned(hessian, temperature)
    return lambda theta: jnp.sqrt(jnp.maximum(potential(theta), 0)) * root(theta)


def hessian_noise(potential: Potential, temperature: float, strength: float = 1.0) -> Amplitude:
    """Return σ = √(T s H(θ)₊), C = sH where the point is: without its negative eigenvalues.

    Parameters
    ----------
    potential : callable
        L, twice differentiable.
    temperature, strength : float
        T = η/B > 0 and s > 0.
    """
    scale = temperature * float(positive("strength", strength)) / 2
    return _aligned(jax.hessian(potential), scale)


def _aligned(hessian: Hessian, scale: float) -> Amplitude:
    """√(2·scale·H), symmetric."""
    size = float(np.sqrt(2 * positive("temperature", scale)))
    if callable(hessian):
        field = hessian
        return lambda theta: size * root(field(theta))
    constant = size * _constant_root(np.asarray(hessian))
    return lambda theta: jnp.asarray(constant, theta.dtype)


def root(matrix: Array) -> Array:
    """Return the symmetric square root of a symmetric matrix without its negative eigenvalues."""
    if matrix.shape[-1] == 1:
        return jnp.sqrt(jnp.maximum(matrix, 0))
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * jnp.sqrt(jnp.maximum(values, 0))) @ vectors.T


def _constant_root(hessian: NDArray[Any]) -> NDArray[np.float64]:
    matrix = finite("hessian", hessian)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise OutsideDomain(f"the Hessian has shape {matrix.shape}; it must be (n, n).")
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0):
        raise OutsideDomain("the Hessian is not symmetric.")
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < -1e-10 * abs(values).max():
        raise OutsideDomain(
            f"the Hessian has the eigenvalue {values[0]:g}; noise has none below 0."
        )
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
