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

from soret.theory.checks import not_negative, positive
from soret.theory.phase_space.law import Law
from soret.theory.phase_space.modes import Floats, sandwich

Complex = NDArray[np.complex128]

# As in `discrete`; relative to the rates themselves.
_APART = 1e-6


class Continuous(Law):
    """Laws of the Langevin equation on `Modes`.

    m z̈ + (1 − β) ż + k z = √(ηc/S) Ẇ, v = −ż, in t = ηk, with m = η(1 + β)/2, k = h + λ.

    Times are steps, t/η, and need not be whole; rates and frequencies are per step.

    Parameters
    ----------
    modes : Modes
    """

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
    def overdamped_rate(self) -> Floats:
        """Rate at which a mode would decay without inertia, ηk/(1 − β), a step, (n,)."""
        eta, beta = self.modes.learning_rate, self.modes.momentum
        return np.asarray(eta * self.modes.stiffness / (1 - beta))

    @property
    def velocity_variance(self) -> Floats:
        """Var v of the stationary law, (n,)."""
        return np.asarray(self.modes.step_noise / (1 - self.modes.momentum**2))

    @property
    def _mixed(self) -> Floats:
        return np.zeros(self.modes.size)

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

    def spectrum(self, frequencies: ArrayLike) -> Floats:
        """Return the power spectrum of θ over its variance, (F, n): its integral over ω ≥ 0 is 1.

        (2/π)·2γω₀²/((ω₀² − ω²)² + 4γ²ω²), with 2γ = (1 − β)η/m and ω₀² = kη²/m in units of steps:
        the Fourier transform of the autocorrelation of a damped oscillator.

        Parameters
        ----------
        frequencies : array_like, shape (F,)
            ω in radians a step, at least 0.

        Raises
        ------
        OutsideDomain
            If a frequency is negative, or a mode has no stiffness.
        """
        omega = np.atleast_1d(not_negative("frequencies", frequencies))[:, None]
        stiffness = positive("stiffness", self.modes.stiffness)
        rate = self.modes.learning_rate
        friction = rate * (1 - self.modes.momentum) / self.mass
        own = rate**2 * stiffness / self.mass
        return np.asarray(
            2 / np.pi * friction * own / ((own - omega**2) ** 2 + friction**2 * omega**2)
        )

    def exponent(self, lags: ArrayLike) -> Floats:
        """Return d log E|Δθ|²/d log s at lags in steps, (L,)."""
        found = []
        for lag in self._times(lags):
            time = lag * self.modes.learning_rate
            growth = 2 * (self.velocity_variance * self._falls(time).real).sum()
            found.append(time * growth / self._moved(lag).sum())
        return np.array(found)

    @staticmethod
    def _times(values: ArrayLike) -> Floats:
        return np.atleast_1d(not_negative("steps", values))

    def _after(self, step: float) -> tuple[Floats, Floats]:
        """Return exp(−At), and Σ − exp(−At)Σexp(−At)ᵀ."""
        slow, _ = self._rates
        time = step * self.modes.learning_rate
        one = np.multiply.outer(np.eye(2), np.ones(self.modes.size))
        # exp(−At) = e^{−st} − (A − s)·(e^{−st} − e^{−ft})/(f − s)
        stays, falls = np.exp(-slow * time), self._falls(time)
        matrix = np.asarray((one * (stays + slow * falls) - self.drift * falls).real)
        return matrix, self.stationary - sandwich(matrix, self.stationary)

    def _moved(self, lag: float) -> Floats:
        slow, fast = self._rates
        time = lag * self.modes.learning_rate
        rest = (fast * _gone(slow, time) + np.expm1(-fast * time)) / (fast * (fast - slow))
        return np.asarray(2 * self.velocity_variance * rest.real)

    def _falls(self, time: float) -> Complex:
        """Return (e^{−slow t} − e^{−fast t})/(fast − slow)."""
        slow, fast = self._rates
        return np.asarray(-np.exp(-slow * time) * np.expm1(-(fast - slow) * time) / (fast - slow))


def _gone(rate: Complex, time: float) -> Complex:
    """Return (1 − e^{−rt})/r, and t at r = 0."""
    moving = abs(rate) > 1e-300
    return np.asarray(np.where(moving, -np.expm1(-rate * time) / np.where(moving, rate, 1), time))
