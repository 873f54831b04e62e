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
from soret.theory.phase_space.modes import Floats, Modes, Moments, product, read_start, sandwich

Complex = NDArray[np.complex128]

# Roots closer than this are moved apart: formulas then lose ten digits to cancellation at most,
# and the change of what they give is of second order, 1e-12.
_APART = 1e-6


class Discrete:
    """Exact laws of SGD on `Modes`.

    Times are steps, whole numbers.

    Parameters
    ----------
    modes : Modes
    """

    def __init__(self, modes: Modes) -> None:
        self.modes = modes

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

    @cached_property
    def stationary(self) -> Floats:
        """Covariance of (θ, v) of the stationary law, (2, 2, n).

        Raises
        ------
        OutsideDomain
            If a mode with noise has no stiffness.
        """
        self.modes.confined()
        k, eta, beta = self._numbers
        v = self.velocity_variance
        position = eta * (1 + beta) * v / 2 / np.where(k > 0, k, 1.0)
        return np.array([[position, -eta * v / 2], [-eta * v / 2, v]])

    @property
    def speed(self) -> float:
        """E|θ_k − θ_{k−1}|² = η²Σ Var v of the stationary law: the same at all times."""
        return float(self.modes.learning_rate**2 * self.velocity_variance.sum())

    @property
    def rotation(self) -> Floats:
        """½E[θ_k v_{k+1} − v_k θ_{k+1}] of the stationary law, (n,): area swept in a step."""
        after = product(self.stationary, self.matrix.swapaxes(0, 1))
        return np.asarray((after[0, 1] - after[1, 0]) / 2)

    def moments(self, steps: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Moments:
        """Return mean and covariance of (θ, v) after so many steps from any start.

        By repeated squaring of the step: some thirty products for any number of steps.

        Parameters
        ----------
        steps : array_like, shape (T,)
            Whole numbers of at least 0, rising.
        mean : array_like, shape (2, n) or (2,)
            Of θ and v at the start. PyTorch's first step has v = 0.
        covariance : array_like, shape (2, 2, n) or (2, 2)
        """
        at = whole_steps(steps)
        if (np.diff(at) < 0).any():
            raise OutsideDomain("steps do not rise.")
        first, spread = read_start(self.modes, mean, covariance)
        centre = np.stack([self.modes.centre, np.zeros(self.modes.size)])
        away = first - centre
        means, spreads, last = [], [], 0
        for step in at:
            matrix, noise = self._after(int(step) - last)
            away, spread = product(matrix, away), sandwich(matrix, spread) + noise
            means.append(away + centre)
            spreads.append(spread)
            last = int(step)
        return Moments(at.astype(float), np.array(means), np.array(spreads))

    def displacement(self, lags: ArrayLike, *, each: bool = False) -> Floats:
        """Return E|θ_{k+l} − θ_k|², the start k with the stationary law of velocities.

        2 Var θ(1 − R(l)) of every mode, R the autocorrelation, written so that modes without
        stiffness are their own limit: they diffuse.

        Parameters
        ----------
        lags : array_like, shape (L,)
            Whole numbers of at least 0.
        each : bool
            Of every mode, (L, n), or their sum, (L,).
        """
        k, eta, beta = self._numbers
        near, far = self.roots
        gap, left = near - far, 1 - far
        weight = eta**2 * (1 + beta) * self.velocity_variance
        to_near = eta * k / left  # 1 − near, without cancellation
        share = (1 - eta * k / (1 + beta) - far) / gap / left
        rest = -(far + beta) / ((1 + beta) * left * gap)
        found = []
        for lag in whole_steps(lags):
            gone = _gone(to_near, near, int(lag))
            each_mode = weight * (share * gone + rest * (1 - far**lag)).real
            found.append(each_mode if each else each_mode.sum())
        return np.array(found)

    def exponent(self, lags: ArrayLike) -> Floats:
        """Return log₂ of E|Δθ|² at twice the lag over that at the lag, (L,)."""
        at = whole_steps(lags)
        return np.asarray(np.log2(self.displacement(2 * at) / self.displacement(at)))

    def modified_loss(self, theta: ArrayLike, velocity: ArrayLike) -> Floats:
        """Return −log of the stationary density at (θ, v), 0 at its top.

        Parameters
        ----------
        theta, velocity : array_like, shape (..., n)
        """
        z = finite("theta", theta) - self.modes.centre
        v = finite("velocity", velocity)
        (a, b), (_, d) = self.stationary
        return np.asarray(((d * z**2 - 2 * b * z * v + a * v**2) / (a * d - b**2)).sum(-1) / 2)

    @property
    def _numbers(self) -> tuple[Floats, float, float]:
        return self.modes.stiffness, self.modes.learning_rate, self.modes.momentum

    def _after(self, steps: int) -> tuple[Floats, Floats]:
        """Return Mⁿ and the covariance of the noise gathered on the way."""
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
