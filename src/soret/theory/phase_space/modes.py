"""SGD on a quadratic surface, one direction at a time: what every formula here starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import finite, not_negative, positive

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Modes:
    """Directions of a quadratic loss ½Σ h_i(θ_i − θ*_i)², with the noise of the gradient in each.

    SGD is exactly `soret.SGD`: v' = βv + h(θ − θ*) + λθ + ζ, θ' = θ − ηv', so that
    θ_k − θ_{k−1} = −ηv_k. (The paper's v has the opposite sign.) ζ has the variance
    c/S, or c(N − S)/(S(N − 1)) where a batch repeats no example of the N.

    Parameters
    ----------
    curvature : array_like, shape (n,)
        h_i ≥ 0, eigenvalues of the Hessian.
    noise : array_like, shape (n,) or ()
        c_i ≥ 0, the variance of one example's gradient along each eigenvector.
    learning_rate, batch_size, momentum, weight_decay : float
        η > 0, S ≥ 1, 0 ≤ β < 1, λ ≥ 0.
    minimum : array_like, shape (n,) or ()
        θ*_i, of the loss without weight decay; counts only where λ > 0.
    examples : int, optional
        N, where batches are drawn without replacement (each afresh). Default: with replacement.

    Raises
    ------
    OutsideDomain
        If a value is outside its range, or SGD is unstable: η(h + λ) < 2(1 + β) does not hold.
    """

    curvature: ArrayLike
    noise: ArrayLike
    learning_rate: float
    batch_size: float = 1
    momentum: float = 0.0
    weight_decay: float = 0.0
    minimum: ArrayLike = 0.0
    examples: int | None = None
    h: Floats = field(init=False, repr=False)
    c: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        h = not_negative("curvature", self.curvature)
        if h.ndim != 1 or not h.size:
            raise OutsideDomain(f"curvature has shape {h.shape}; it must be (n,), n at least 1.")
        object.__setattr__(self, "h", h)
        object.__setattr__(self, "c", self._like("noise", not_negative("noise", self.noise)))
        positive("learning_rate", self.learning_rate)
        not_negative("weight_decay", self.weight_decay)
        positive("batch_size", self.batch_size), not_negative("momentum", self.momentum)
        if not self.batch_size >= 1:
            raise OutsideDomain(f"batch_size is {self.batch_size:g}; it must be at least 1.")
        if not 0 <= self.momentum < 1:
            raise OutsideDomain(f"momentum is {self.momentum:g}; it must be in [0, 1).")
        if self.examples is not None and not self.examples >= max(2, self.batch_size):
            raise OutsideDomain(
                f"{self.examples} examples do not give batches of {self.batch_size:g} without "
                "repetition, and noise."
            )
        steepest = float(self.stiffness.max())
        if not self.learning_rate * steepest < 2 * (1 + self.momentum):
            raise OutsideDomain(
                f"learning_rate {self.learning_rate:g} is unstable: times the largest stiffness, "
                f"{steepest:g}, it must be below 2(1 + momentum) = {2 * (1 + self.momentum):g}."
            )

    @property
    def size(self) -> int:
        """Number of modes n."""
        return self.h.size

    @cached_property
    def stiffness(self) -> Floats:
        """h_i + λ, (n,)."""
        return np.asarray(self.h + self.weight_decay)

    @cached_property
    def centre(self) -> Floats:
        """Where θ rests, hθ*/(h + λ), (n,); 0 where nothing holds it."""
        at = self._like("minimum", finite("minimum", self.minimum))
        held = np.where(self.stiffness > 0, self.stiffness, 1.0)
        return np.asarray(np.where(self.stiffness > 0, self.h / held, 0.0) * at)

    @property
    def share(self) -> float:
        """Variance of a batch's mean over that of one example: 1/S, or (N − S)/(S(N − 1))."""
        return share(self.batch_size, self.examples)

    @property
    def step_noise(self) -> Floats:
        """Variance of ζ_i, (n,)."""
        return np.asarray(self.c * self.share)

    def confined(self) -> None:
        """Refuse modes that have no stationary law.

        Raises
        ------
        OutsideDomain
            If a mode with noise has no stiffness.
        """
        free = int(((self.stiffness == 0) & (self.c > 0)).sum())
        if free:
            raise OutsideDomain(
                f"{free} modes have noise and no stiffness h + λ: they diffuse for ever, and have "
                "no stationary law."
            )

    def with_noise(self, noise: ArrayLike) -> Modes:
        """Return the same modes with other noise."""
        return Modes(
            self.curvature,
            noise,
            self.learning_rate,
            self.batch_size,
            self.momentum,
            self.weight_decay,
            self.minimum,
            self.examples,
        )

    def some(self, which: Sequence[int] | NDArray[np.integer]) -> Modes:
        """Return some of the modes, by their indices (m,)."""
        return replace(
            self,
            curvature=self.h[which],
            noise=self.c[which],
            minimum=self._like("minimum", finite("minimum", self.minimum))[which],
        )

    def _like(self, name: str, values: Floats) -> Floats:
        try:
            return np.array(np.broadcast_to(values, self.h.shape))
        except ValueError as error:
            raise OutsideDomain(
                f"{name} has shape {values.shape}; it must be {self.h.shape}, as curvature."
            ) from error


def share(batch_size: float, examples: int | None) -> float:
    """Return the variance of a batch's mean over that of one example.

    Parameters
    ----------
    batch_size : float
    examples : int or None
        N, for batches without repetition; None for those drawn with replacement.
    """
    if examples is None:
        return 1 / batch_size
    return (examples - batch_size) / (batch_size * (examples - 1))


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of (θ, v) of every mode at several steps.

    Attributes
    ----------
    steps : (T,) array
    mean : (T, 2, n) array
        Of θ and of v.
    covariance : (T, 2, 2, n) array
    """

    steps: Floats
    mean: Floats
    covariance: Floats


def read_start(modes: Modes, mean: ArrayLike, covariance: ArrayLike) -> tuple[Floats, Floats]:
    """Return a start's mean (2, n) and covariance (2, 2, n), broadcast over modes."""
    n = modes.size
    first, second = finite("mean", mean), finite("covariance", covariance)
    first = first[:, None] if first.ndim == 1 else first
    second = second[:, :, None] if second.ndim == 2 else second
    try:
        first, second = (
            np.array(np.broadcast_to(first, (2, n))),
            np.array(np.broadcast_to(second, (2, 2, n))),
        )
    except ValueError as error:
        raise OutsideDomain(
            f"mean has shape {first.shape} and covariance {second.shape}; they must be (2, {n}) "
            f"and (2, 2, {n})."
        ) from error
    return first, second


def product(a: Floats, b: Floats) -> Floats:
    """Return products of 2 x 2 matrices (2, 2, n), or of matrices and vectors (2, n)."""
    return np.asarray(np.einsum("ij...,jk...->ik..." if b.ndim == 3 else "ij...,j...->i...", a, b))


def sandwich(a: Floats, b: Floats) -> Floats:
    """Return a b aᵀ for 2 x 2 matrices (2, 2, n)."""
    return product(product(a, b), a.swapaxes(0, 1))
