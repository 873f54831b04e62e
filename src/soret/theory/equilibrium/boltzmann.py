r"""Boltzmann's law for n = η/S and the odds of two minima, and their first correction in η.

All hold for gradient noise of constant covariance C = σ²1. In units of the loss the temperature is
T = nσ²/2, and P ∝ exp(−L/T).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form, finite, positive

Floats = NDArray[np.float64]


@closed_form
def temperature(learning_rate: ArrayLike, batch_size: ArrayLike, variance: ArrayLike) -> Floats:
    """Return T = nσ²/2, n = η/S, in units of the loss.

    Slides, "Equilibrium solution is Boltzmann".

    Parameters
    ----------
    learning_rate, batch_size, variance : array_like
        η, S and σ², the variance of one component of one example's gradient; above 0, broadcast.
    """
    rate, size = positive("learning_rate", learning_rate), positive("batch_size", batch_size)
    return np.asarray(rate / size * positive("variance", variance) / 2)


@closed_form
def boltzmann(loss: ArrayLike, temperature: float, volume: float) -> Floats:
    """Return P = exp(−L/T)/Z on cells of a grid (slides: "Equilibrium solution is Boltzmann").

    Parameters
    ----------
    loss : array_like
        L at the cells' centres, any shape.
    temperature : float
        T = nσ²/2 > 0.
    volume : float
        Of a cell, so that ΣP·volume = 1.
    """
    exponent = -finite("loss", loss) / float(positive("temperature", temperature))
    weights = np.exp(exponent - exponent.max())
    return np.asarray(weights / (weights.sum() * float(positive("volume", volume))))


@closed_form
def log_minima_ratio(
    losses: tuple[float, float],
    hessians: tuple[ArrayLike, ArrayLike],
    temperature: ArrayLike,
) -> Floats:
    """Return ln(p_A/p_B) = ½ ln(det H_B/det H_A) + (L_B − L_A)/T (slides, "Flat vs. sharp").

    Laplace's method at either minimum: wells much deeper than T, C = σ²1, and η → 0.

    Parameters
    ----------
    losses : (L_A, L_B)
    hessians : (H_A, H_B), arrays (n, n)
        Symmetric, positive definite.
    temperature : array_like
        T = nσ²/2 > 0.

    Raises
    ------
    OutsideDomain
        If a Hessian is not that of a minimum, or a number is out of range.
    """
    heat = positive("temperature", temperature)
    low = finite("losses", losses)
    dets = [_log_det(f"the Hessian of {name}", h) for name, h in zip("AB", hessians, strict=True)]
    return np.asarray((dets[1] - dets[0]) / 2 + (low[1] - low[0]) / heat)


@closed_form
def minima_ratio(
    losses: tuple[float, float],
    hessians: tuple[ArrayLike, ArrayLike],
    temperature: ArrayLike,
) -> Floats:
    """Return p_A/p_B = √(det H_B/det H_A)·exp[(L_B − L_A)/T]; see `log_minima_ratio`.

    Slides, "Flat vs. sharp". Parameters and errors as for `log_minima_ratio`.
    """
    return np.exp(log_minima_ratio(losses, hessians, temperature))


@closed_form
def finite_rate_ratio(
    losses: tuple[float, float],
    hessians: tuple[ArrayLike, ArrayLike],
    temperature: ArrayLike,
    learning_rate: ArrayLike,
) -> Floats:
    """Return p_A/p_B with its first correction in η: times exp[(η/4)(tr H_B − tr H_A)].

    Laplace's method on `modified_loss`: at a finite step SGD likes flat minima better than
    Boltzmann's law does, by a factor in which S and σ² do not occur. It knows the minima alone, and
    holds as long as a step is short beside all that the loss has between them: η|h| ≪ 1 on the
    barrier too. Across a nearly kinked one, η|h| = 10, odds gain 1.48 where it says 1.03.

    Parameters
    ----------
    losses, hessians, temperature
        As for `log_minima_ratio`.
    learning_rate : array_like
        η > 0; ηH must be small beside 1 at the minima, and η|h| on the barrier between them.
    """
    rate = positive("learning_rate", learning_rate)
    traces = [float(np.trace(np.atleast_2d(finite("hessians", h)))) for h in hessians]
    flatter = rate * (traces[1] - traces[0]) / 4
    return np.exp(log_minima_ratio(losses, hessians, temperature) + flatter)


@closed_form
def modified_loss(
    loss: ArrayLike,
    squared_gradient: ArrayLike,
    laplacian: ArrayLike,
    temperature: float,
    learning_rate: float,
) -> Floats:
    r"""Return L − (η/4)|∇L|² + (ηT/2)ΔL, whose Boltzmann law SGD has to first order in η.

    With θ' = θ − η∇L + √(2Tη)ξ, ξ ~ N(0, 1), the stationary P = (1 + ηf) exp(−L/T) obeys
    ∂_i(P∂_iL + T∂_iP) + (ηT/2)∂_i∂_j(P∂_i∂_jL) + O(η²) = 0. It is solved, without any current, by
    f = |∇L|²/(4T) − ΔL/2.

    Parameters
    ----------
    loss, squared_gradient, laplacian : array_like
        L, |∇L|² and ΔL at the same points.
    temperature, learning_rate : float
        T and η, above 0.
    """
    heat = float(positive("temperature", temperature))
    rate = float(positive("learning_rate", learning_rate))
    curved = heat / 2 * finite("laplacian", laplacian)
    return np.asarray(
        finite("loss", loss) + rate * (curved - finite("squared_gradient", squared_gradient) / 4)
    )


@closed_form
def occupation(ratio: ArrayLike) -> Floats:
    """Return p_A = r/(1 + r), the share of A among the two, from r = p_A/p_B.

    Parameters
    ----------
    ratio : array_like
        r ≥ 0, as from `minima_ratio`.

    Raises
    ------
    OutsideDomain
        If a ratio is below 0.
    """
    odds = finite("ratio", ratio)
    if (odds < 0).any():
        raise OutsideDomain(f"ratio goes down to {odds.min():g}; it must be at least 0.")
    return np.asarray(odds / (1 + odds))


def _log_det(name: str, matrix: ArrayLike) -> float:
    values = np.atleast_2d(finite(name, matrix))
    if values.shape[0] != values.shape[1] or not np.allclose(values, values.T, rtol=1e-9, atol=0):
        raise OutsideDomain(f"{name} is not a symmetric matrix.")
    lowest = np.linalg.eigvalsh(values)
    if not lowest[0] > 0:
        raise OutsideDomain(
            f"{name} has the eigenvalue {lowest[0]:g}; at a minimum that the formula holds for all "
            "are above 0."
        )
    return float(np.log(lowest).sum())
