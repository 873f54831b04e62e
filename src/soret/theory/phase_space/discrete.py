r"""SGD with momentum on a quadratic surface as it is: a linear recursion of (θ, v), exact at any η.

With z = θ − centre and k = h + λ,

    (z, v)' = M (z, v) + (−η, 1) ζ,    M = [[1 − ηk, −ηβ], [k, β]],

whose eigenvalues Λ have the sum 1 + β − ηk and the product β. Σ = MΣMᵀ + Q (discrete Lyapunov)
gives, with c/S the variance of ζ,

    Var v = 2(c/S)/((1 − β)(2(1 + β) − ηk)),  Var θ = ½η(1 + β) Var v/k,  Cov(θ, v) = −½η Var v.

Noise is frozen here: its variance does not depend on θ. Where it does, but has zero mean at
every θ, all formulas hold with its mean over the stationary law: see `gaussian` and `regression`.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import finite
from soret.theory.phase_space.law import Law
from soret.theory.phase_space.modes import Floats, product, sandwich

Complex = NDArray[np.complex128]

# Roots closer than this are moved apart: formulas then lose ten digits to cancellation at most,
# and the change of what they give is of second order, 1e-12.
_APART = 1e-6


class Discrete(Law):
    """Exact laws of SGD on `Modes`.

    Times are steps, whole numbers.

    Parameters
    ----------
    modes : Modes
    """

    @property
    def matrix(self) -> Floats:
        """M, (2, 2, n)."""
        k, eta, beta = self._numbers
        one = np.ones_like(k)
        return np.array([[1 - eta * k, -eta * beta * one], [k, beta * one]])

    @property
    def noise(self) -> Floats:
        """Covariance of (−η, 1)ζ, (2, 2, n)."""
        eta = self.modes.learning_rate
        return np.multiply.outer([[eta**2, -eta], [-eta, 1.0]], self.modes.step_noise)

    @cached_property
    def roots(self) -> tuple[Complex, Complex]:
        """The eigenvalues of M, (n,) each: the one nearer to 1, or above the real axis, first."""
        k, eta, beta = self._numbers
        half = (1 + beta - eta * k) / 2
        gap: Complex = np.sqrt((half**2 - beta).astype(np.complex128))
        apart: Complex = np.where(abs(gap) < _APART, _APART + 0j, gap)
        near: Complex = half + apart
        far: Complex = half - apart
        return near, far

    @cached_property
    def frequency(self) -> Floats:
        """Radians a step at which a mode turns, (n,): π where it changes sign, 0 overdamped."""
        slow, fast = self.roots
        slowest = np.where(abs(slow) >= abs(fast), slow, fast)
        return np.asarray(abs(np.angle(slowest)))

    @cached_property
    def damping(self) -> Floats:
        """Rate at which a mode's slowest motion decays, a step, (n,)."""
        slow, fast = self.roots
        return np.asarray(-np.log(np.maximum(abs(slow), abs(fast))))

    @cached_property
    def velocity_variance(self) -> Floats:
        """Var v of the stationary law, (n,)."""
        k, eta, beta = self._numbers
        return np.asarray(2 * self.modes.step_noise / ((1 - beta) * (2 * (1 + beta) - eta * k)))

    @property
    def _mixed(self) -> Floats:
        return np.asarray(-self.modes.learning_rate * self.velocity_variance / 2)

    @property
    def current_velocity(self) -> Floats:
        """W of the stationary current J = W(z, v)P, (2, 2, n), per unit of t.

        Half the mean step that leaves (z, v) and half the one that arrives there, over η:
        ½(M − ΣMᵀΣ⁻¹)/η = [[−k/2, −(1 + β)/2], [k/η, k/2]], whatever the noise.
        """
        k, eta, beta = self._numbers
        return np.array([[-k / 2, -(1 + beta) / 2 * np.ones_like(k)], [k / eta, k / 2]])

    @property
    def rotation(self) -> Floats:
        """½E[θ_k v_{k+1} − v_k θ_{k+1}] of the stationary law, (n,): area swept in a step.

        η Var v·((1 + β)/2 − ηk/4).
        """
        k, eta, beta = self._numbers
        return np.asarray(eta * self.velocity_variance * ((1 + beta) / 2 - eta * k / 4))

    def exponent(self, lags: ArrayLike) -> Floats:
        """Return log₂ of E|Δθ|² at twice the lag over that at the lag, (L,)."""
        at = whole_steps(lags)
        return np.asarray(np.log2(self.displacement(2 * at) / self.displacement(at)))

    @property
    def _numbers(self) -> tuple[Floats, float, float]:
        return self.modes.stiffness, self.modes.learning_rate, self.modes.momentum

    @staticmethod
    def _times(values: ArrayLike) -> Floats:
        return whole_steps(values).astype(float)

    def _after(self, step: float) -> tuple[Floats, Floats]:
        """Return Mⁿ and the covariance of the noise gathered on the way, by repeated squaring."""
        steps = int(step)
        whole = np.multiply.outer(np.eye(2), np.ones(self.modes.size))
        gathered = np.zeros_like(whole)
        matrix, noise = self.matrix, self.noise
        while steps:
            if steps & 1:
                gathered = sandwich(matrix, gathered) + noise
                whole = product(matrix, whole)
            steps >>= 1
            if steps:
                noise = sandwich(matrix, noise) + noise
                matrix = product(matrix, matrix)
        return whole, gathered

    def _moved(self, lag: float) -> Floats:
        k, eta, beta = self._numbers
        near, far = self.roots
        gap, left = near - far, 1 - far
        weight = eta**2 * (1 + beta) * self.velocity_variance
        to_near = eta * k / left  # 1 − near, without cancellation
        share = (1 - eta * k / (1 + beta) - far) / gap / left
        rest = -(far + beta) / ((1 + beta) * left * gap)
        moved = share * _gone(to_near, near, int(lag)) + rest * (1 - far ** int(lag))
        return np.asarray(weight * moved.real)


def _gone(to_near: Complex, near: Complex, lag: int) -> Complex:
    """Return (1 − nearˡ)/(1 − near), and its limit l at near = 1."""
    soft = abs(to_near) < 0.5
    small = np.where(soft, to_near, 0.0)
    safe = np.where(abs(small) > 1e-300, small, 1.0)
    rising = np.where(abs(small) > 1e-300, -np.expm1(lag * np.log1p(-small)) / safe, lag)
    return np.asarray(np.where(soft, rising, (1 - near**lag) / np.where(soft, 1.0, to_near)))


def whole_steps(steps: ArrayLike) -> NDArray[np.int64]:
    """Return steps or lags as integers; refuse others, and those below 0."""
    values = np.atleast_1d(finite("steps", steps))
    if (values < 0).any() or (values != np.round(values)).any():
        raise OutsideDomain("steps and lags must be whole numbers of at least 0.")
    return values.astype(np.int64)
