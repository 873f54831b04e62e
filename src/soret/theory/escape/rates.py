r"""Escape rates through a saddle, and the exponents of first-passage times.

Eq. 15 is Kramers' argument on U = log L, in the time τ where the noise is additive. Along the
escape direction and across it, with T = η/B and noise of intensity 2Th_i along i,

    per unit of τ:  √(h_e|h_s|/(L*Lˢ))/2π · (Lˢ/L*)^{−1/(Th_e)} · Π_⊥ √(Lˢh_i*/(L*h_iˢ)),

and L* of it per unit of t. With h_iˢ = h_i* across, this is Eq. 15. Its derivation (Eq. 19) takes
log L to be a sum of functions of one coordinate each because L's Hessian is diagonal, which does
not follow: ∂_i∂_j log L = −∂_iL ∂_jL/L². What is needed is less, that the noise be isotropic,
H ∝ 1 among the outliers; then L^{−1−1/(Th)} is stationary on any surface. Where h_i differs from
h_e, a factor of order 1, the same at every T, is missing: `anisotropy_factor`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import Floats, at_least, finite, positive, temperature


@closed_form
def escape_exponent(
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    curvature: ArrayLike = 1.0,
    dimension: ArrayLike = 1,
) -> Floats:
    """Return B/(ηh) + 1 − n/2: the rate falls, a first-passage time grows, as that power of Lˢ/L*.

    Parameters
    ----------
    learning_rate, batch_size : array_like, shape (...)
        η > 0 and B ≥ 1.
    curvature : array_like, shape (...)
        h > 0, the Hessian's eigenvalue at the minimum along the escape path.
    dimension : array_like, shape (...)
        n ≥ 1, the number of outlier eigenvalues.

    Raises
    ------
    OutsideDomain
        If the minimum is not stable, n ≥ n_c (Eq. 16).
    """
    n = at_least("dimension", dimension, 1)
    exponent = 1 / temperature(learning_rate, batch_size, curvature) + 1 - n / 2
    if not (exponent > 0).all():
        raise OutsideDomain(
            f"a minimum of dimension {n.max():g} is not stable at this noise: n must be below "
            "2(B/(ηh) + 1)."
        )
    return exponent


@closed_form
def regression_escape_exponent(
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    curvature: ArrayLike = 1.0,
    dimension: ArrayLike = 1,
) -> Floats:
    """Return B/(2ηh) + 3/4 − n/4: the same for Gaussian noise of the exact covariance.

    For linear regression on inputs N(0, h1), see `regression_law`. Arguments as for
    `escape_exponent`; the stable dimensions are those below 3 + 2B/(ηh).
    """
    n = at_least("dimension", dimension, 1)
    exponent = 0.5 / temperature(learning_rate, batch_size, curvature) + 0.75 - n / 4
    if not (exponent > 0).all():
        raise OutsideDomain(
            f"regression in dimension {n.max():g} is not stable at this noise: n must be below "
            "2B/(ηh) + 3."
        )
    return exponent


@closed_form
def critical_dimension(
    learning_rate: ArrayLike, batch_size: ArrayLike, curvature: ArrayLike = 1.0
) -> Floats:
    """Return n_c = 2(B/(ηh) + 1) (Eq. 16).

    There the law (17) can no longer be normalized, and far from the minimum, where L ∝ |z|²,
    d⟨log|z|⟩/dt = −h + (ηh²/B)(n − 2)/2 changes its sign.

    Parameters
    ----------
    learning_rate, batch_size, curvature : array_like
        η, B and h, above 0; broadcast.
    """
    return 2 / temperature(learning_rate, batch_size, curvature) + 2


@closed_form
def regression_critical_dimension(
    learning_rate: ArrayLike, batch_size: ArrayLike, curvature: ArrayLike = 1.0
) -> Floats:
    """Return 3 + 2B/(ηh), the critical dimension under Gaussian noise of the exact covariance.

    Where the law of `regression_law` can no longer be normalized. Parameters as for
    `critical_dimension`.
    """
    return 2 / temperature(learning_rate, batch_size, curvature) + 3


@closed_form
def escape_rate(
    minimum_loss: ArrayLike,
    saddle_loss: ArrayLike,
    minimum_curvature: ArrayLike,
    saddle_curvature: ArrayLike,
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    dimension: ArrayLike = 1,
    widening: ArrayLike = 1.0,
) -> Floats:
    r"""Return √(h_e|h_s|)/2π · (Lˢ/L*)^{−(B/(ηh_e) + 1 − n/2)}, the escape rate (Eq. 15).

    For weak noise, ηh_e/B → 0; the relative error is of order ηh_e/B in one dimension. See the
    top of this file for what it supposes when n > 1.

    Parameters
    ----------
    minimum_loss, saddle_loss : array_like, shape (...)
        0 < L* < Lˢ.
    minimum_curvature, saddle_curvature : array_like, shape (...)
        h_e > 0 along the escape path and h_s < 0.
    learning_rate, batch_size, dimension : array_like, shape (...)
        As for `escape_exponent`.
    widening : array_like, shape (...)
        Π_⊥ √(h_i*/h_iˢ) > 0, should the valley be wider or narrower across at the saddle; the
        paper takes it to be 1.

    Returns
    -------
    ndarray, shape (...)
        Per unit of t = ηk; times η, per step.

    Raises
    ------
    OutsideDomain
        If there is no barrier or the minimum is not stable. At L* = 0 there is no noise at the
        minimum and nothing escapes: the formula's limit is 0, but it is no asymptotic any more.
    """
    low, high = positive("minimum_loss", minimum_loss), positive("saddle_loss", saddle_loss)
    if not (high > low).all():
        raise OutsideDomain("the loss at the saddle must be above that at the minimum.")
    exponent = escape_exponent(learning_rate, batch_size, minimum_curvature, dimension)
    return (
        _attempts(minimum_curvature, saddle_curvature)
        * positive("widening", widening)
        * (high / low) ** -exponent
    )


@closed_form
def kramers_rate(
    barrier: ArrayLike,
    minimum_curvature: ArrayLike,
    saddle_curvature: ArrayLike,
    diffusion: ArrayLike,
    widening: ArrayLike = 1.0,
) -> Floats:
    r"""Return √(h_e|h_s|)/2π · exp(−ΔL/D), the rate under constant noise of intensity 2D.

    The rival of Eq. 15: dθ = −∇L dt + √(2D) dW (Eq. 5), for D ≪ ΔL.

    Parameters
    ----------
    barrier : array_like, shape (...)
        ΔL = Lˢ − L* > 0.
    minimum_curvature, saddle_curvature, widening
        As for `escape_rate`.
    diffusion : array_like, shape (...)
        D > 0; `frozen_diffusion` gives that of SGD's noise at the minimum.
    """
    exponent = positive("barrier", barrier) / positive("diffusion", diffusion)
    attempts = _attempts(minimum_curvature, saddle_curvature)
    return attempts * positive("widening", widening) * np.exp(-exponent)


@closed_form
def frozen_diffusion(
    minimum_loss: ArrayLike,
    curvature: ArrayLike,
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
) -> Floats:
    """Return D = ηL*h/B, half the intensity of the noise of Eq. 6 where the loss is L*.

    Parameters
    ----------
    minimum_loss, curvature, learning_rate, batch_size : array_like
        L*, h, η and B, above 0; broadcast.
    """
    heat = temperature(learning_rate, batch_size, curvature)
    return heat * positive("minimum_loss", minimum_loss)


def _attempts(minimum: ArrayLike, saddle: ArrayLike) -> Floats:
    minimum, saddle = positive("minimum_curvature", minimum), finite("saddle_curvature", saddle)
    if not (saddle < 0).all():
        raise OutsideDomain(
            f"saddle_curvature goes up to {saddle.max():g}; along the escape path it is below 0."
        )
    return np.sqrt(minimum * -saddle) / (2 * np.pi)
