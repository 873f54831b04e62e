r"""SGD near a minimum as linear dynamics: momentum, preconditioning, noise of any covariance.

θ' = θ − ηP(Hθ + ζ), ζ ~ N(0, C/S), and with momentum v' = βv + (Hθ + ζ), θ' = θ − ηPv'. Time is
t = ηk, so that an entropy production per unit of t is 1/η times that per step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form, positive
from soret.theory.equilibrium.linear import LinearSDE, covariance_matrix, square
from soret.theory.equilibrium.recursion import LinearRecursion

Floats = NDArray[np.float64]

# Frequencies of the integral over the spectrum; it is smooth and periodic, so that the trapezoidal
# rule's error falls exponentially, and doubling stops when nothing changes.
_FREQUENCIES = 256
_MOST_FREQUENCIES = 2**20


@closed_form
def sgd_sde(
    hessian: ArrayLike,
    covariance: ArrayLike,
    learning_rate: float,
    batch_size: float,
    preconditioner: ArrayLike | None = None,
) -> LinearSDE:
    """Return dθ = −PHθ dt + √(η/S) P√C dW (slides, "Continuum limit", in t = ηk).

    Parameters
    ----------
    hessian, covariance : array_like, shape (n, n)
        H, and C of one example's gradient.
    learning_rate, batch_size : float
        η and S, above 0.
    preconditioner : array_like, shape (n, n), optional
        P; the natural gradient has the inverse of C or of H.
    """
    curvature, noise, scale = _read(hessian, covariance, preconditioner)
    rate = _ratio(learning_rate, batch_size)
    return LinearSDE(scale @ curvature, rate * scale @ noise @ scale.T)


@closed_form
def sgd_recursion(
    hessian: ArrayLike,
    covariance: ArrayLike,
    learning_rate: float,
    batch_size: float,
    preconditioner: ArrayLike | None = None,
) -> LinearRecursion:
    """Return θ' = (1 − ηPH)θ − ηPζ: SGD itself on a quadratic surface. As for `sgd_sde`."""
    curvature, noise, scale = _read(hessian, covariance, preconditioner)
    rate = _ratio(learning_rate, batch_size) * learning_rate
    return LinearRecursion(
        np.eye(len(curvature)) - learning_rate * scale @ curvature, rate * scale @ noise @ scale.T
    )


@closed_form
def underdamped(
    hessian: ArrayLike,
    covariance: ArrayLike,
    learning_rate: float,
    batch_size: float,
    momentum: float,
) -> LinearSDE:
    """Return momentum in continuous time: mθ̈ + (1 − β)θ̇ + Hθ = √(η/S) √C Ẇ, m = η(1 + β)/2.

    Variables are (θ, θ̇), 2n of them, and θ̇ changes sign under time reversal.

    Parameters
    ----------
    hessian, covariance, learning_rate, batch_size
        As for `sgd_sde`.
    momentum : float
        0 ≤ β < 1.
    """
    curvature, noise, _ = _read(hessian, covariance, None)
    n, one = len(curvature), np.eye(len(curvature))
    mass = learning_rate * (1 + _momentum(momentum)) / 2
    drift = np.block([[0 * one, -one], [curvature / mass, (1 - momentum) / mass * one]])
    diffusion = np.zeros((2 * n, 2 * n))
    diffusion[n:, n:] = _ratio(learning_rate, batch_size) * noise / mass**2
    return LinearSDE(drift, diffusion, np.repeat([1.0, -1.0], n))


@closed_form
def heavy_ball(
    hessian: ArrayLike,
    covariance: ArrayLike,
    learning_rate: float,
    batch_size: float,
    momentum: float,
) -> LinearRecursion:
    """Return SGD with momentum itself: v' = βv + Hθ + ζ, θ' = θ − ηv', Cov ζ = C/S.

    A recursion of (θ, v), 2n variables, as `soret.SGD` steps. Parameters and errors as for
    `underdamped`.
    """
    curvature, noise, _ = _read(hessian, covariance, None)
    one, rate = np.eye(len(curvature)), learning_rate
    keep = _momentum(momentum)
    matrix = np.block([[one - rate * curvature, -rate * keep * one], [curvature, keep * one]])
    enters = np.vstack([-rate * one, one])
    per_batch = noise / float(positive("batch_size", batch_size))
    return LinearRecursion(matrix, enters @ per_batch @ enters.T)


@closed_form
def momentum_variance(
    curvature: ArrayLike,
    variance: ArrayLike,
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    momentum: ArrayLike,
) -> Floats:
    """Return Var θ of one direction under SGD with momentum, exact at any η.

    Var θ = T_β/h / (1 − ηh/(2(1 + β))) with T_β = ησ²/(2S(1 − β)), stationary for ηh < 2(1 + β):
    the temperature is 1/(1 − β) times that without momentum, but for what is of order η.

    Parameters
    ----------
    curvature, variance, learning_rate, batch_size, momentum : array_like
        h, σ², η, S and β; broadcast.

    Raises
    ------
    OutsideDomain
        If an argument is out of range, or ηh is not below 2(1 + β).
    """
    h, noise = positive("curvature", curvature), positive("variance", variance)
    rate, size = positive("learning_rate", learning_rate), positive("batch_size", batch_size)
    keep = np.asarray(momentum, dtype=np.float64)
    if not ((keep >= 0) & (keep < 1)).all():
        raise OutsideDomain("momentum must be at least 0 and below 1.")
    left = 1 - rate * h / (2 * (1 + keep))
    if not (left > 0).all():
        raise OutsideDomain("learning_rate times curvature must be below 2(1 + momentum).")
    return np.asarray(rate * noise / (2 * size * (1 - keep)) / h / left)


@closed_form
def heavy_ball_entropy(
    hessian: ArrayLike, covariance: ArrayLike, learning_rate: float, momentum: float
) -> float:
    r"""Return the entropy that the positions θ_k of SGD with momentum make per step, in nats.

    (θ, v) has noise of rank n only, and no divergence from its reversal is finite. The positions
    alone are a stationary Gaussian process with the spectrum f(ω) ∝ G C Gᴴ,
    G⁻¹ = e^{iω} − (1 + β) + βe^{−iω} + ηH. It is f(−ω) = f(ω)ᵀ backwards, and the divergence per
    step is ½∫tr[f(−ω)⁻¹f(ω) − 1] dω/2π (Pinsker). It does not depend on S.

    Parameters
    ----------
    hessian, covariance : array_like, shape (n, n)
        H, and C: positive definite.
    learning_rate, momentum : float
        η > 0 and 0 ≤ β < 1.

    Raises
    ------
    OutsideDomain
        If arguments are out of range, or SGD has no stationary law.
    """
    curvature, noise, _ = _read(hessian, covariance, None)
    heavy_ball(curvature, noise, learning_rate, 1.0, momentum)  # refuses what has no law
    lowest = np.linalg.eigvalsh(noise)
    if not lowest[0] > 1e-13 * lowest[-1]:
        raise OutsideDomain("covariance has directions without noise; none is infinitely unlikely.")
    n, inverse = len(curvature), np.linalg.inv(noise)
    last, count = np.inf, _FREQUENCIES
    while count <= _MOST_FREQUENCIES:
        # Both halves of the circle give the same; midpoints stay clear of 0, where G is largest.
        turn = np.exp(1j * np.pi * (np.arange(count) + 0.5) / count)
        scalar = turn - (1 + momentum) + momentum / turn
        total = 0.0
        for part in np.array_split(scalar, max(1, count * n * n // 2**20)):
            ahead = part[:, None, None] * np.eye(n) + learning_rate * curvature
            back = ahead.conj()
            there = np.linalg.inv(ahead)
            spectrum = there @ noise @ there.conj().transpose(0, 2, 1)
            precision = back.conj().transpose(0, 2, 1) @ inverse @ back
            total += float(np.einsum("kij,kji->k", precision, spectrum).real.sum())
        made = (total / count - n) / 2
        if abs(made - last) <= 1e-10 * n + 1e-8 * abs(made):
            return max(0.0, float(made))
        last, count = made, 2 * count
    raise OutsideDomain("relaxation is too slow for the integral over frequencies.")


def _read(
    hessian: ArrayLike, covariance: ArrayLike, preconditioner: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    curvature = square("hessian", hessian)
    noise = covariance_matrix("covariance", covariance, len(curvature))
    if abs(curvature - curvature.T).max() > 1e-9 * abs(curvature).max():
        raise OutsideDomain("the Hessian is not symmetric.")
    if preconditioner is None:
        return curvature, noise, np.eye(len(curvature))
    scale = square("preconditioner", preconditioner)
    if scale.shape != curvature.shape:
        raise OutsideDomain(
            f"the preconditioner has shape {scale.shape}; it must be {curvature.shape}."
        )
    return curvature, noise, scale


def _ratio(learning_rate: float, batch_size: float) -> float:
    rate = positive("learning_rate", learning_rate) / positive("batch_size", batch_size)
    return float(rate)


def _momentum(momentum: float) -> float:
    if not 0 <= momentum < 1:
        raise OutsideDomain(f"momentum is {momentum:g}; it must be at least 0 and below 1.")
    return float(momentum)
