r"""Stationary laws in discrete time, exact at any learning rate.

Linear recursions x' = Mx + ξ, ξ ~ N(0, Q), have Gaussian laws by the discrete Lyapunov equation
Σ = MΣMᵀ + Q. In one dimension any surface can be done: the density of θ' = θ − ηL' + noise is the
eigenvector of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from soret.errors import ConvergenceError, OutsideDomain
from soret.theory.checks import closed_form, positive
from soret.theory.equilibrium.linear import Equilibrium, covariance_matrix, square

Floats = NDArray[np.float64]

_ZERO = 1e-9


class LinearRecursion:
    """x' = Mx + ξ with independent ξ ~ N(0, Q); no variable changes sign under time reversal.

    SGD on a quadratic surface is one, at any η. Its law is N(0, Σ) with Σ = MΣMᵀ + Q.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
        M, whose eigenvalues lie inside the unit circle.
    noise : array_like, shape (n, n)
        Q, symmetric without negative eigenvalues.

    Raises
    ------
    OutsideDomain
        If shapes do not fit, Q is no covariance, or there is no stationary law.
    """

    def __init__(self, matrix: ArrayLike, noise: ArrayLike) -> None:
        self.matrix = square("matrix", matrix)
        self.noise = covariance_matrix("noise", noise, len(self.matrix))
        largest = abs(linalg.eigvals(self.matrix)).max()
        if not largest < 1:
            raise OutsideDomain(
                f"the recursion has an eigenvalue of size {largest:g}; without all below 1 there "
                "is no stationary law: the learning rate is too large, or a direction is free."
            )

    @cached_property
    def covariance(self) -> Floats:
        """Σ of the stationary law, (n, n): Σ = MΣMᵀ + Q."""
        found = linalg.solve_discrete_lyapunov(self.matrix, self.noise)
        return np.asarray((found + found.T) / 2)

    @cached_property
    def relaxation(self) -> NDArray[np.complex128]:
        """Eigenvalues of M, slowest first: what is left of a correlation after one step."""
        found = np.asarray(linalg.eigvals(self.matrix), dtype=np.complex128)
        return found[np.lexsort((found.imag, -abs(found)))]

    def correlation(self, lags: int) -> Floats:
        """Return E[x_{k+l} x_kᵀ] = MˡΣ for l = 0 … lags, shape (lags + 1, n, n)."""
        found = [self.covariance]
        for _ in range(lags):
            found.append(self.matrix @ found[-1])
        return np.array(found)

    @cached_property
    def rotation(self) -> Floats:
        """Antisymmetric part of E[x_k x_{k+1}ᵀ], (n, n), a step: the mean area swept out."""
        after = self.covariance @ self.matrix.T
        return np.asarray((after - after.T) / 2)

    @cached_property
    def entropy_production(self) -> float:
        """Entropy made per step, in nats: divergence of the chain from its reversal.

        Backwards in time it is again a linear recursion, with M_r = ΣMᵀΣ⁻¹ and
        Q_r = Σ − M_rΣM_rᵀ, det Q_r = det Q, so the divergence per step is
        ½[tr(Q_r⁻¹Q) − n + tr((M − M_r)ᵀQ_r⁻¹(M − M_r)Σ)]. Infinite where Q is singular and the two
        do not have the same one.
        """
        back, noise = self._reversed
        change = self.matrix - back
        size = abs(self.noise).max()
        if abs(change).max() <= _ZERO and abs(noise - self.noise).max() <= _ZERO * size:
            return 0.0
        values = np.linalg.eigvalsh(self.noise)
        if not values[0] > 1e-13 * values[-1]:
            return np.inf
        moved = self.noise + change @ self.covariance @ change.T
        made = np.trace(np.linalg.solve(noise, moved)) - len(self.matrix)
        return max(0.0, float(made) / 2)

    @cached_property
    def is_equilibrium(self) -> Equilibrium:
        """Whether detailed balance holds: MΣ is symmetric, the chain is its own reversal."""
        area, size = abs(self.rotation).max(), abs(self.covariance).max()
        if area <= _ZERO * size:
            return Equilibrium(True, "E[x' xᵀ] is symmetric: the chain is its own reversal.")
        return Equilibrium(
            False,
            f"E[x' xᵀ] is not symmetric (by {2 * area / size:.2g} of the covariance): the chain "
            "goes round, forwards otherwise than backwards.",
        )

    @cached_property
    def _reversed(self) -> tuple[Floats, Floats]:
        values = np.linalg.eigvalsh(self.covariance)
        if not values[0] > 1e-14 * values[-1]:
            raise OutsideDomain(
                "the stationary law is flat in some direction: noise does not reach it."
            )
        # Σ Mᵀ Σ⁻¹ = (Σ⁻¹ M Σ)ᵀ.
        back = np.asarray(np.linalg.solve(self.covariance, self.matrix @ self.covariance)).T
        noise = self.covariance - back @ self.covariance @ back.T
        return np.asarray(back, np.float64), np.asarray((noise + noise.T) / 2, np.float64)


@closed_form
def stationary_density(
    slope: Callable[[Floats], Floats],
    points: ArrayLike,
    learning_rate: float,
    temperature: float,
) -> Floats:
    r"""Return the stationary density of θ' = θ − ηL'(θ) + √(2ηT)ξ in one dimension, ξ ~ N(0, 1).

    ρ(y) = ∫K(y, x)ρ(x)dx with K Gaussian, by the trapezoidal rule, which converges faster than any
    power of the spacing as the kernel is smooth.

    Parameters
    ----------
    slope : callable
        L' at points (k,).
    points : array_like, shape (k,)
        Equally spaced, out to where the density is negligible.
    learning_rate, temperature : float
        η > 0 and T = ησ²/(2S) > 0: the noise of a step has the variance 2ηT.

    Returns
    -------
    ndarray, shape (k,)
        Of sum 1/spacing.

    Raises
    ------
    OutsideDomain
        If points are no such grid, or so coarse that the kernel falls between them.
    ConvergenceError
        If mass leaves the points: they do not reach far enough, or SGD diverges.
    """
    x = np.asarray(points, dtype=np.float64)
    gaps = np.diff(x) if x.ndim == 1 and x.size > 2 else np.array([0.0])
    if not (gaps > 0).all() or not np.allclose(gaps, gaps[0], rtol=1e-6):
        raise OutsideDomain("points must be at least 3, rising in equal steps.")
    width = float(
        np.sqrt(2 * positive("learning_rate", learning_rate) * positive("temperature", temperature))
    )
    if gaps[0] > width:
        raise OutsideDomain(
            f"points are {gaps[0]:g} apart, and a step's noise is {width:g} wide; they must be "
            "closer."
        )
    next_mean = x - learning_rate * np.asarray(slope(x), dtype=np.float64)
    kernel = np.exp(-0.5 * ((x[:, None] - next_mean) / width) ** 2)
    kernel *= gaps[0] / (width * np.sqrt(2 * np.pi))
    # One condition of norm in place of one equation, which follows from the others if mass stays.
    system = kernel - np.eye(x.size)
    system[-1] = gaps[0]
    right = np.zeros(x.size)
    right[-1] = 1.0
    density = np.linalg.solve(system, right)
    lost = float(((1 - kernel.sum(0)) * density).sum() * gaps[0])
    if not np.isfinite(density).all() or density.min() < -1e-8 * density.max() or abs(lost) > 1e-8:
        raise ConvergenceError(
            f"a share {lost:.1e} of the mass leaves the points at every step; they must reach "
            "further, or the learning rate be smaller."
        )
    return np.maximum(density, 0)
