r"""What the two forms of the theory share: their laws of (θ, v) differ in few numbers.

In both, a mode of stiffness k has Var θ = ½η(1 + β)/k · Var v in the stationary law. They differ in
Var v, in Cov(θ, v), and in what a stretch of time does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import finite
from soret.theory.phase_space.modes import Floats, Modes, Moments, product, read_start, sandwich


class Law(ABC):
    """Laws of (θ, v) on `Modes`.

    Parameters
    ----------
    modes : Modes
    """

    def __init__(self, modes: Modes) -> None:
        self.modes = modes

    @property
    @abstractmethod
    def velocity_variance(self) -> Floats:
        """Var v of the stationary law, (n,)."""

    @property
    @abstractmethod
    def frequency(self) -> Floats:
        """Radians a step at which a mode turns, (n,): 0 where it is overdamped."""

    @property
    @abstractmethod
    def damping(self) -> Floats:
        """Rate at which a mode's slowest motion decays, a step, (n,)."""

    @property
    @abstractmethod
    def rotation(self) -> Floats:
        """½E[θ_k v_{k+1} − v_k θ_{k+1}] of the stationary law, (n,): area swept in a step."""

    @property
    @abstractmethod
    def current_velocity(self) -> Floats:
        """W of the stationary current J = W(z, v)P, (2, 2, n), per unit of t."""

    @property
    @abstractmethod
    def _mixed(self) -> Floats:
        """Cov(θ, v) of the stationary law, (n,)."""

    @staticmethod
    @abstractmethod
    def _times(values: ArrayLike) -> Floats:
        """Return steps or lags, (T,); refuse those that have no meaning."""

    @abstractmethod
    def _after(self, step: float) -> tuple[Floats, Floats]:
        """Return what so many steps do to (z, v), and the covariance they add; (2, 2, n) both."""

    @abstractmethod
    def _moved(self, lag: float) -> Floats:
        """Return E|θ_{k+l} − θ_k|² of every mode, (n,)."""

    @property
    def speed(self) -> float:
        """E|θ_k − θ_{k−1}|² = η²Σ Var v of the stationary law: the same at all times."""
        return float(self.modes.learning_rate**2 * self.velocity_variance.sum())

    @cached_property
    def stationary(self) -> Floats:
        """Covariance of (θ, v) of the stationary law, (2, 2, n).

        Raises
        ------
        OutsideDomain
            If a mode with noise has no stiffness.
        """
        self.modes.confined()
        k, v, mixed = self.modes.stiffness, self.velocity_variance, self._mixed
        eta, beta = self.modes.learning_rate, self.modes.momentum
        position = eta * (1 + beta) * v / 2 / np.where(k > 0, k, 1.0)
        return np.array([[position, mixed], [mixed, v]])

    def moments(self, steps: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Moments:
        """Return mean and covariance of (θ, v) after so many steps from any start.

        Parameters
        ----------
        steps : array_like, shape (T,)
            At least 0: whole numbers in discrete time, t/η in continuous time.
        mean : array_like, shape (2, n) or (2,)
            Of θ and v at the start. PyTorch's first step has v = 0.
        covariance : array_like, shape (2, 2, n) or (2, 2)

        Raises
        ------
        OutsideDomain
            If the arguments are not of these shapes; in continuous time also if a mode with noise
            has no stiffness.
        """
        at = self._times(steps)
        first, spread = read_start(self.modes, mean, covariance)
        centre = np.stack([self.modes.centre, np.zeros(self.modes.size)])
        means, spreads = [], []
        for step in at:
            matrix, gathered = self._after(step)
            means.append(product(matrix, first - centre) + centre)
            spreads.append(sandwich(matrix, spread) + gathered)
        return Moments(at, np.array(means), np.array(spreads))

    def displacement(self, lags: ArrayLike, *, each: bool = False) -> Floats:
        """Return E|θ_{k+l} − θ_k|², the start k with the stationary law of velocities.

        2 Var θ(1 − R(l)) of every mode, R the autocorrelation, written so that modes without
        stiffness are their own limit: they diffuse.

        Parameters
        ----------
        lags : array_like, shape (L,)
            In steps, at least 0.
        each : bool
            Of every mode, (L, n), or their sum, (L,).
        """
        found = [self._moved(lag) for lag in self._times(lags)]
        return np.array(found if each else [moved.sum() for moved in found])

    def autocorrelation(self, lags: ArrayLike) -> Floats:
        """Return the correlation of θ_k and θ_{k+l} in the stationary law, (L, n).

        Parameters
        ----------
        lags : array_like, shape (L,)
            In steps, at least 0.

        Raises
        ------
        OutsideDomain
            If a mode has no noise, or noise and no stiffness: positions have no variance then.
        """
        variance = self.stationary[0, 0]
        if not (variance > 0).all():
            raise OutsideDomain("a mode has no noise; its positions do not fluctuate.")
        return np.asarray(1 - self.displacement(lags, each=True) / (2 * variance))

    def modified_loss(self, theta: ArrayLike, velocity: ArrayLike) -> Floats:
        """Return −log of the stationary density at (θ, v), 0 at its top.

        In continuous time, with c = σ²h and λ = 0, it is S(1 − β)/(ησ²)·|z|² +
        S(1 − β²)/(2σ²)·Σ v_i²/h_i: the loss is gone, and an isotropic quadratic in its place;
        velocities are held by the inverse Hessian.

        Parameters
        ----------
        theta, velocity : array_like, shape (..., n)

        Raises
        ------
        OutsideDomain
            If a mode has no noise: its law has no density.
        """
        z = finite("theta", theta) - self.modes.centre
        v = finite("velocity", velocity)
        (a, b), (_, d) = self.stationary
        if not ((a > 0) & (d > 0)).all():
            raise OutsideDomain("a mode has no noise; its law has no density.")
        return np.asarray(((d * z**2 - 2 * b * z * v + a * v**2) / (a * d - b**2)).sum(-1) / 2)
