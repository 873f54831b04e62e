r"""The paper's continuous time: SGD with momentum as an underdamped Langevin equation.

In t = ηk, with z = θ − centre, stiffness k = h + λ and mass m = η(1 + β)/2,

    m z̈ + (1 − β) ż + k z = √(ηc/S) Ẇ,    v = −ż,

with the stationary Var v = c/(S(1 − β²)), Var θ = ηc/(2S(1 − β)k), uncorrelated. It is what SGD
becomes as ηk/(1 − β) → 0; `Discrete` is SGD itself, and has the same names.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import finite, not_negative
from soret.theory.phase_space.modes import Floats, Modes, Moments, product, read_start, sandwich

Complex = NDArray[np.complex128]

# As in `discrete`; relative to the rates themselves.
_APART = 1e-6


class Continuous:
    """Laws of the Langevin equation on `Modes`.

    Times are steps, t/η, and need not be whole; rates and frequencies are per step.

    Parameters
    ----------
    modes : Modes
    """

    def __init__(self, modes: Modes) -> None:
        self.modes = modes

    @property
    def mass(self) -> float:
        """m = η(1 + β)/2."""
        return self.modes.learning_rate * (1 + self.modes.momentum) / 2

    @property
    def drift(self) -> Floats:
        """A of d(z, v) = −A(z, v)dt + noise, (2, 2, n), per unit of t."""
        k = self.modes.stiffness
        zero, one = np.zeros_like(k), np.ones_like(k)
        return np.array(
            [[zero, one], [-k / self.mass, (1 - self.modes.momentum) / self.mass * one]]
        )

    @cached_property
    def _rates(self) -> tuple[Complex, Complex]:
        """Eigenvalues of A, per unit of t: the slower first."""
        half = (1 - self.modes.momentum) / (2 * self.mass)
        square = half**2 - self.modes.stiffness / self.mass
        gap: Complex = np.sqrt(square.astype(np.complex128))
        apart: Complex = np.where(abs(gap) < _APART * half, _APART * half + 0j, gap)
        fast: Complex = half + apart
        slow: Complex = self.modes.stiffness / self.mass / fast
        return slow, fast

    @property
    def frequency(self) -> Floats:
        """Radians a step at which a mode turns, (n,): 0 where it is overdamped."""
        return np.asarray(abs(self._rates[1].imag) * self.modes.learning_rate)

    @property
    def damping(self) -> Floats:
        """Rate at which a mode's slowest motion decays, a step, (n,)."""
        return np.asarray(self._rates[0].real * self.modes.learning_rate)

    @property
    def velocity_variance(self) -> Floats:
        """Var v of the stationary law, (n,)."""
        return np.asarray(self.modes.step_noise / (1 - self.modes.momentum**2))

    @cached_property
    def stationary(self) -> Floats:
        """Covariance of (θ, v) of the stationary law, (2, 2, n).

        Raises
        ------
        OutsideDomain
            If a mode with noise has no stiffness.
        """
        self.modes.confined()
        k = self.modes.stiffness
        v, zero = self.velocity_variance, np.zeros_like(k)
        return np.array([[self.mass * v / np.where(k > 0, k, 1.0), zero], [zero, v]])

    @property
    def speed(self) -> float:
        """η²Σ Var v of the stationary law."""
        return float(self.modes.learning_rate**2 * self.velocity_variance.sum())

    @property
    def current_velocity(self) -> Floats:
        """W of the stationary current J = W(z, v)P, (2, 2, n), per unit of t.

        W = [[0, −1], [k/m, 0]]: probability goes round as an oscillator without friction would,
        at √(k/m). Velocities change sign under time reversal, and so does this current: it does
        not by itself make entropy (see `soret.theory.equilibrium.LinearSDE`).
        """
        k = self.modes.stiffness
        zero = np.zeros_like(k)
        return np.array([[zero, zero - 1], [k / self.mass, zero]])

    @property
    def rotation(self) -> Floats:
        """½E[θ v̇ − v θ̇]η of the stationary law, (n,): area swept in a step, η Var v."""
        return np.asarray(self.modes.learning_rate * self.velocity_variance)

    def moments(self, steps: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Moments:
        """Return mean and covariance of (θ, v) at times, from any start.

        Parameters
        ----------
        steps : array_like, shape (T,)
            t/η, at least 0.
        mean : array_like, shape (2, n) or (2,)
        covariance : array_like, shape (2, 2, n) or (2, 2)

        Raises
        ------
        OutsideDomain
            If a mode with noise has no stiffness.
        """
        at = np.atleast_1d(not_negative("steps", steps))
        first, spread = read_start(self.modes, mean, covariance)
        centre = np.stack([self.modes.centre, np.zeros(self.modes.size)])
        means, spreads = [], []
        for step in at:
            matrix = self._propagator(step * self.modes.learning_rate)
            means.append(product(matrix, first - centre) + centre)
            spreads.append(self.stationary + sandwich(matrix, spread - self.stationary))
        return Moments(at, np.array(means), np.array(spreads))

    def displacement(self, lags: ArrayLike, *, each: bool = False) -> Floats:
        """Return E|θ(t + s) − θ(t)|² = 2Σ Var θ(1 − R(s)), s = ηl, in the stationary law.

        Parameters
        ----------
        lags : array_like, shape (L,)
            In steps, at least 0.
        each : bool
            Of every mode, (L, n), or their sum, (L,).
        """
        slow, fast = self._rates
        found = []
        for lag in np.atleast_1d(not_negative("lags", lags)):
            time = lag * self.modes.learning_rate
            gone = _gone(slow, time)
            rest = (fast * gone + np.expm1(-fast * time)) / (fast * (fast - slow))
            each_mode = 2 * self.velocity_variance * rest.real
            found.append(each_mode if each else each_mode.sum())
        return np.array(found)

    def exponent(self, lags: ArrayLike) -> Floats:
        """Return d log E|Δθ|²/d log s at lags in steps, (L,)."""
        slow, fast = self._rates
        found = []
        for lag in np.atleast_1d(not_negative("lags", lags)):
            time = lag * self.modes.learning_rate
            # e^{−slow t} − e^{−fast t}, over fast − slow
            falls = -np.expm1(-(fast - slow) * time) * np.exp(-slow * time) / (fast - slow)
            growth = 2 * (self.velocity_variance * falls.real).sum()
            found.append(time * growth / self.displacement(lag)[0])
        return np.array(found)

    def modified_loss(self, theta: ArrayLike, velocity: ArrayLike) -> Floats:
        """Return −log of the stationary density at (θ, v), 0 at its top.

        With c = σ²h and λ = 0 it is S(1 − β)/(ησ²)·|z|² + S(1 − β²)/(2σ²)·Σ v_i²/h_i: the loss is
        gone, and an isotropic quadratic in its place; velocities are held by the inverse Hessian.

        Parameters
        ----------
        theta, velocity : array_like, shape (..., n)
        """
        z = finite("theta", theta) - self.modes.centre
        v = finite("velocity", velocity)
        position, speed = self.stationary[0, 0], self.stationary[1, 1]
        if not ((position > 0) & (speed > 0)).all():
            raise OutsideDomain("a mode has no noise; its law has no density.")
        return np.asarray((z**2 / position + v**2 / speed).sum(-1) / 2)

    def _propagator(self, time: float) -> Floats:
        """Return exp(−At), (2, 2, n)."""
        slow, fast = self._rates
        one = np.multiply.outer(np.eye(2), np.ones(self.modes.size))
        # exp(−At) = e^{−st} + (A − s)·(e^{−ft} − e^{−st})/(f − s)
        falls = np.exp(-slow * time) * np.expm1(-(fast - slow) * time) / (fast - slow)
        return np.asarray((one * (np.exp(-slow * time) - slow * falls) + self.drift * falls).real)


def _gone(rate: Complex, time: float) -> Complex:
    """Return (1 − e^{−rt})/r, and t at r = 0."""
    moving = abs(rate) > 1e-300
    return np.asarray(np.where(moving, -np.expm1(-rate * time) / np.where(moving, rate, 1), time))
