r"""Stationary laws on a quadratic surface L = L* + ½h|z|², h the same in all n dimensions.

Both theories in continuous time lead to the same family, P(z) ∝ (1 + |z|²/s²)^{−ψ}, Student's t.
The radius r = |z| diffuses with D(r) = (ηhL*/B)(1 + r²/s²), and by spherical symmetry there is no
stationary flux, so r^{n−1}P ∝ D^{−1} exp ∫(drift/D)dr:

* the paper's noise (6), 2Lh1: drift −hr + (n − 1)D/r, s² = 2L*/h, ψ = 1 + B/(ηh), so that
  P ∝ L^{−ψ} (Eq. 17);
* the exact covariance of regression, 2Lh1 + h²zzᵀ: across, the diffusion is only half as steep
  in r², s² = L*/h and ψ = 1 + B/(2ηh) + (n − 1)/4. In L it is P ∝ (2L − L*)^{−ψ}.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import Floats, at_least, finite, not_negative, temperature, whole


@dataclass(frozen=True)
class StationaryLaw:
    """P(z) ∝ (1 + |z|²/s²)^{−ψ} in n dimensions, and the radial diffusion that leads there.

    Eq. 17 is one of these, with ψ = 1 + B/(ηh) and L = L*(1 + |z|²/s²) (`stationary_law`).

    Attributes
    ----------
    dimension : int
        n.
    exponent : float
        ψ > n/2; far out the density falls as L^{−ψ}.
    scale : float
        s, in the unit of the parameters.
    minimum_loss, curvature : float
        L* and h, of the surface.
    diffusion : float
        D(0) = ηhL*/B, half the intensity of the noise at the minimum in t = ηk.
    """

    dimension: int
    exponent: float
    scale: float
    minimum_loss: float
    curvature: float
    diffusion: float

    def __post_init__(self) -> None:
        whole("dimension", self.dimension)
        for name in ("scale", "minimum_loss", "curvature", "diffusion"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise OutsideDomain(f"{name} is {getattr(self, name):g}; it must be above 0.")
        if not self.exponent > self.dimension / 2:
            raise OutsideDomain(
                f"in {self.dimension} dimensions a law with the exponent {self.exponent:g} cannot "
                "be normalized: the exponent must be above n/2."
            )

    @property
    def log_normalization(self) -> float:
        """log ∫(1 + |z|²/s²)^{−ψ} dⁿz = log[π^{n/2} sⁿ Γ(ψ − n/2)/Γ(ψ)]."""
        half = self.dimension / 2
        gammas = special.gammaln(self.exponent - half) - special.gammaln(self.exponent)
        return float(half * np.log(np.pi) + self.dimension * np.log(self.scale) + gammas)

    @property
    def survival_exponent(self) -> float:
        """ψ − n/2: P(L > ℓ) falls, and first-passage times through ℓ grow, as that power of ℓ."""
        return self.exponent - self.dimension / 2

    def log_density(self, radius: ArrayLike) -> Floats:
        """Return log P(z) at |z| = radius; |θ − θ*| in n = 1. Per unit of dⁿz."""
        r = np.abs(finite("radius", radius))
        return -self.exponent * np.log1p((r / self.scale) ** 2) - self.log_normalization

    def density(self, radius: ArrayLike) -> Floats:
        """Return P(z) at |z| = radius, per unit of dⁿz."""
        return np.exp(self.log_density(radius))

    def log_radial_density(self, radius: ArrayLike) -> Floats:
        """Return the logarithm of the density of r = |z| > 0."""
        r, n = not_negative("radius", radius), self.dimension
        sphere = np.log(2) + n / 2 * np.log(np.pi) - special.gammaln(n / 2)
        return self.log_density(r) + sphere + special.xlogy(n - 1, r)

    def cumulative(self, radius: ArrayLike) -> Floats:
        """Return P(|z| ≤ r): r²/s² follows a beta-prime law."""
        square = (not_negative("radius", radius) / self.scale) ** 2
        part = square / (1 + square)
        return np.asarray(special.betainc(self.dimension / 2, self.survival_exponent, part))

    def survival(self, radius: ArrayLike) -> Floats:
        """Return P(|z| > r), accurate to rounding however small."""
        square = (not_negative("radius", radius) / self.scale) ** 2
        return np.asarray(
            special.betainc(self.survival_exponent, self.dimension / 2, 1 / (1 + square))
        )

    def moment(self, order: float) -> float:
        """Return E|z|^k; it exists for −n < k < 2ψ − n and is refused elsewhere."""
        half = (self.dimension + order) / 2
        if not 0 < half < self.exponent:
            raise OutsideDomain(
                f"the moment of order {order:g} does not exist: it must lie between "
                f"{-self.dimension} and {2 * self.exponent - self.dimension:g}."
            )
        logs = special.gammaln([half, self.exponent - half])
        base = special.gammaln([self.dimension / 2, self.survival_exponent])
        return float(np.exp(order * np.log(self.scale) + logs.sum() - base.sum()))

    def radius_at(self, ratio: ArrayLike) -> Floats:
        """Return the radius where L = ratio · L*, ratio ≥ 1."""
        excess = at_least("ratio", ratio, 1) - 1
        return np.sqrt(2 * excess * self.minimum_loss / self.curvature)

    def diffusion_at(self, radius: ArrayLike) -> Floats:
        """Return D(r), half the intensity of the radial noise in t = ηk."""
        return self.diffusion * (1 + (finite("radius", radius) / self.scale) ** 2)


@closed_form
def stationary_law(
    minimum_loss: float,
    learning_rate: float,
    batch_size: float,
    curvature: float = 1.0,
    dimension: int = 1,
) -> StationaryLaw:
    """Return the paper's law P ∝ L^{−(1 + B/(ηh))} (Eq. 17), L = L* + ½h|z|².

    Parameters
    ----------
    minimum_loss : float
        L* > 0.
    learning_rate, batch_size : float
        η > 0 and B ≥ 1.
    curvature : float
        h > 0, all n eigenvalues of the Hessian.
    dimension : int
        n.

    Raises
    ------
    OutsideDomain
        If n ≥ n_c (Eq. 16), where nothing is stationary.
    """
    heat = float(temperature(learning_rate, batch_size, curvature))
    scale = float(np.sqrt(2 * minimum_loss / curvature)) if minimum_loss > 0 else 0.0
    return StationaryLaw(
        dimension, 1 + 1 / heat, scale, minimum_loss, curvature, heat * minimum_loss
    )


@closed_form
def regression_law(
    minimum_loss: float,
    learning_rate: float,
    batch_size: float,
    curvature: float = 1.0,
    dimension: int = 1,
) -> StationaryLaw:
    """Return the law under Gaussian noise of regression's exact covariance, in continuous time.

    Inputs are N(0, h1), residuals independent of variance 2L*. Parameters and errors as for
    `stationary_law`, with 3 + 2B/(ηh) as the dimension that it must stay below.
    """
    heat = float(temperature(learning_rate, batch_size, curvature))
    exponent = 1 + 0.5 / heat + (whole("dimension", dimension) - 1) / 4
    scale = float(np.sqrt(minimum_loss / curvature)) if minimum_loss > 0 else 0.0
    return StationaryLaw(dimension, exponent, scale, minimum_loss, curvature, heat * minimum_loss)
