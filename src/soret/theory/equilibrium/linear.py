r"""Linear SDEs dx = −Ax dt + √D dW of any drift and diffusion: stationary law, current, entropy.

The stationary law is Gaussian, P = N(0, Σ) with AΣ + ΣAᵀ = D. Its current is J = −QΣ⁻¹x P with
the antisymmetric Q = AΣ − D/2 (Risken 1989, Sec. 6.5): no current, no irreversibility.
Where some variables change sign under time reversal, as velocities do, part of a current is
reversible and only the rest counts (Risken, Sec. 6.4; Spinney and Ford 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from soret.errors import OutsideDomain
from soret.theory.checks import finite

Floats = NDArray[np.float64]

# Relative to the matrices that are compared: rounding of the Lyapunov equation's solution.
_ZERO = 1e-9


@dataclass(frozen=True)
class Equilibrium:
    """Whether detailed balance holds (Risken 1989, Sec. 6.4), and why not; a truth value by itself.

    Attributes
    ----------
    holds : bool
    why : str
        A sentence.
    """

    holds: bool
    why: str

    def __bool__(self) -> bool:
        return self.holds


class LinearSDE:
    """dx = −Ax dt + √D dW (Risken 1989, Sec. 6.5).

    Parameters
    ----------
    drift : array_like, shape (n, n)
        A, whose eigenvalues have positive real parts; per unit of time.
    diffusion : array_like, shape (n, n)
        D, symmetric without negative eigenvalues; square of x per unit of time.
    parity : array_like, shape (n,), optional
        1 for a variable that stays under time reversal, −1 for one that changes sign (a
        velocity). Default: all stay.

    Raises
    ------
    OutsideDomain
        If shapes do not fit, D is no covariance, noise mixes variables of unlike parity, or there
        is no stationary law.
    """

    def __init__(
        self, drift: ArrayLike, diffusion: ArrayLike, parity: ArrayLike | None = None
    ) -> None:
        self.drift = square("drift", drift)
        self.diffusion = covariance_matrix("diffusion", diffusion, len(self.drift))
        self.parity = read_parity(parity, len(self.drift))
        turned = self.parity[:, None] * self.diffusion * self.parity
        if abs(turned - self.diffusion).max() > _ZERO * abs(self.diffusion).max():
            raise OutsideDomain("diffusion joins variables of unlike parity; it must not.")
        slowest = linalg.eigvals(self.drift).real.min()
        if not slowest > 0:
            raise OutsideDomain(
                f"the drift has an eigenvalue of real part {slowest:g}; without all above 0 there "
                "is no stationary law."
            )

    @cached_property
    def covariance(self) -> Floats:
        """Σ of the stationary law, (n, n): AΣ + ΣAᵀ = D."""
        found = linalg.solve_continuous_lyapunov(self.drift, self.diffusion)
        return np.asarray((found + found.T) / 2)

    @cached_property
    def relaxation(self) -> NDArray[np.complex128]:
        """The rates at which correlations decay and turn, eigenvalues of A, slowest first."""
        found = np.asarray(linalg.eigvals(self.drift), dtype=np.complex128)
        return found[np.lexsort((found.imag, found.real))]

    def correlation(self, times: ArrayLike) -> Floats:
        """Return E[x(s + t)x(s)ᵀ] = exp(−At)Σ at times t ≥ 0, shape (k, n, n)."""
        spans = np.atleast_1d(finite("times", times))
        if (spans < 0).any():
            raise OutsideDomain("a time is below 0; correlations are given from 0 on.")
        return np.array([linalg.expm(-t * self.drift) @ self.covariance for t in spans])

    @cached_property
    def rotation(self) -> Floats:
        """Q = AΣ − D/2, antisymmetric (n, n): half the rate at which x(t)∧x(0) goes round."""
        turning = self.drift @ self.covariance
        return np.asarray((turning - turning.T) / 2)

    @cached_property
    def current_velocity(self) -> Floats:
        """W in J = Wx P, (n, n), per unit of time: W = −QΣ⁻¹, with no divergence."""
        return np.asarray(-self.rotation @ self._precision)

    def density(self, points: ArrayLike) -> Floats:
        """Return the stationary density at points (..., n)."""
        x = self._points(points)
        _, size = np.linalg.slogdet(2 * np.pi * self.covariance)
        square_ = np.einsum("...i,ij,...j", x, self._precision, x)
        return np.asarray(np.exp(-(square_ + size) / 2))

    def current(self, points: ArrayLike) -> Floats:
        """Return the stationary probability current J at points, shape (..., n)."""
        x = self._points(points)
        return np.asarray((x @ self.current_velocity.T) * self.density(x)[..., None])

    @cached_property
    def entropy_production(self) -> float:
        """Entropy made per unit of time, in nats; infinite where D does not reach.

        The rate of the Kullback–Leibler divergence of the process from its own reversal,
        2 tr(A_iᵀD⁺A_iΣ) − tr A_i with A_i = ½(A + εAε) the irreversible drift and ε the parity.
        Without odd variables it is 2∫JᵀD⁻¹J/P = 2 tr(WᵀD⁻¹WΣ), the form used there, for nothing
        cancels in it. D → λD leaves it as it is: it does not know how strong the noise is.
        """
        if (self.parity == 1).all():
            velocity, inverse = (
                self.current_velocity,
                self._inverse_diffusion(self.current_velocity),
            )
            if inverse is None:
                return np.inf
            return max(0.0, 2 * float(np.trace(velocity.T @ inverse @ velocity @ self.covariance)))
        inverse = self._inverse_diffusion(self._irreversible)
        if inverse is None:
            return np.inf
        part = self._irreversible
        made = 2 * np.trace(part.T @ inverse @ part @ self.covariance) - np.trace(part)
        return max(0.0, float(made))

    @cached_property
    def is_equilibrium(self) -> Equilibrium:
        """Whether detailed balance holds: J is reversible and nothing tells the time's arrow."""
        drift, noise = self.drift, self.diffusion
        if (self.parity == 1).all():
            size = abs(drift @ self.covariance).max()
            if abs(self.rotation).max() <= _ZERO * size:
                return Equilibrium(True, "the probability current is zero everywhere (AD = DAᵀ).")
            unequal = abs(drift @ noise - (drift @ noise).T).max() / abs(drift @ noise).max()
            return Equilibrium(
                False,
                f"AD is not symmetric (by {unequal:.2g} of its size): drift and noise have no "
                "common temperature, and probability goes round.",
            )
        part = self._irreversible
        if self._inverse_diffusion(part) is None:
            return Equilibrium(
                False, "friction acts on directions without noise, and nothing gives it back."
            )
        size = abs(noise).max()
        lacking = abs(part @ self.covariance + self.covariance @ part.T - noise).max() / size
        if lacking > _ZERO:
            return Equilibrium(
                False,
                f"friction takes out by another covariance than noise puts in (by {lacking:.2g} of "
                "it): directions have temperatures of their own, and exchange heat.",
            )
        mixed = self.parity[:, None] * self.covariance * self.parity - self.covariance
        if abs(mixed).max() > _ZERO * abs(self.covariance).max():
            return Equilibrium(
                False, "variables of unlike parity are correlated, so the law is not its reversal."
            )
        return Equilibrium(
            True, "friction and noise balance, and the rest of the drift is reversible."
        )

    @property
    def _irreversible(self) -> Floats:
        return (self.drift + self.parity[:, None] * self.drift * self.parity) / 2

    @cached_property
    def _precision(self) -> Floats:
        values = np.linalg.eigvalsh(self.covariance)
        if not values[0] > 1e-14 * values[-1]:
            raise OutsideDomain(
                "the stationary law is flat in some direction: noise does not reach it."
            )
        return np.asarray(np.linalg.inv(self.covariance))

    def _inverse_diffusion(self, acting: Floats) -> Floats | None:
        """D⁺ if what acts stays within D's range, else None."""
        values, vectors = np.linalg.eigh(self.diffusion)
        seen = values > 1e-13 * values[-1]
        outside = acting.T @ vectors[:, ~seen]
        if outside.size and abs(outside).max() > _ZERO * abs(acting).max():
            return None
        return np.asarray((vectors[:, seen] / values[seen]) @ vectors[:, seen].T)

    def _points(self, points: ArrayLike) -> Floats:
        x = finite("points", points)
        if not x.ndim or x.shape[-1] != len(self.drift):
            raise OutsideDomain(f"points has shape {x.shape}; it must be (..., {len(self.drift)}).")
        return x


def square(name: str, matrix: ArrayLike) -> Floats:
    """Return a square matrix as float64; a number is (1, 1)."""
    values = finite(name, matrix)
    values = values.reshape(1, 1) if values.ndim == 0 else values
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size:
        raise OutsideDomain(f"{name} has shape {values.shape}; it must be (n, n).")
    return values


def covariance_matrix(name: str, matrix: ArrayLike, n: int) -> Floats:
    """Return an (n, n) symmetric matrix without negative eigenvalues, not all of it 0."""
    values = square(name, matrix)
    size = abs(values).max()
    if values.shape != (n, n):
        raise OutsideDomain(f"{name} has shape {values.shape}; it must be ({n}, {n}).")
    if not size > 0 or abs(values - values.T).max() > _ZERO * size:
        raise OutsideDomain(f"{name} is not symmetric, or is 0; it must be a covariance.")
    lowest = np.linalg.eigvalsh(values)[0]
    if lowest < -_ZERO * size:
        raise OutsideDomain(f"{name} has the eigenvalue {lowest:g}; a covariance has none below 0.")
    return np.asarray((values + values.T) / 2)


def read_parity(parity: ArrayLike | None, n: int) -> Floats:
    """Return n numbers that are 1 or −1."""
    signs = np.ones(n) if parity is None else finite("parity", parity)
    if signs.shape != (n,) or not (abs(signs) == 1).all():
        raise OutsideDomain(f"parity is {signs}; it must be {n} numbers that are 1 or −1.")
    return signs
