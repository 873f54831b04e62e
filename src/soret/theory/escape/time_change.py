r"""The random time in which loss-proportional noise becomes additive (Eq. 13 and 14, App. C).

With τ = ∫L dt, dW_τ = √L dW_t and (12) dθ = −∇L dt + √(2ηLH/B) dW_t becomes
(14) dθ = −∇log L dτ + √(2ηH/B) dW_τ. A path spends dt = dτ/L where it spends dτ, hence
P_st ∝ P_st^τ/L.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import Floats, finite, not_negative, positive


@closed_form
def changed_time(times: ArrayLike, losses: ArrayLike) -> Floats:
    """Return τ = ∫L dt along paths that are constant between their times (Eq. 13).

    That is the sum an Euler–Maruyama path obeys exactly: over a step, √L ΔW_t has the variance
    L(t_k)Δt = Δτ.

    Parameters
    ----------
    times : array_like, shape (k,)
        Increasing.
    losses : array_like, shape (..., k)
        L > 0 along paths; at L = 0 a path's τ stands still and the change is ill-defined.

    Returns
    -------
    ndarray, shape (..., k)
        0 at the first time.
    """
    times, losses = _clock(times), positive("losses", losses)
    if losses.shape[-1:] != times.shape:
        raise OutsideDomain(f"losses have shape {losses.shape} for {times.size} times.")
    tau = np.zeros(losses.shape)
    np.cumsum(losses[..., :-1] * np.diff(times), axis=-1, out=tau[..., 1:])
    return tau


@closed_form
def original_time(tau: ArrayLike, losses: ArrayLike) -> Floats:
    """Return t = ∫dτ/L, the inverse of `changed_time`, along paths given in τ, shape (..., k)."""
    tau, losses = _clock(tau), positive("losses", losses)
    return changed_time(tau, 1 / losses)


@closed_form
def log_loss_drift(loss: ArrayLike, gradient: ArrayLike) -> Floats:
    """Return −∇log L = −∇L/L, the drift of Eq. 14; shapes (...), (..., n) and (..., n)."""
    return -finite("gradient", gradient) / positive("loss", loss)[..., None]


@closed_form
def density_in_time(density: ArrayLike, loss: ArrayLike, weights: ArrayLike) -> Floats:
    """Return P_st ∝ P_st^τ/L, normalized (App. C).

    Parameters
    ----------
    density : array_like, shape (m,)
        P_st^τ ≥ 0 at points, up to a factor.
    loss : array_like, shape (m,)
        L > 0 there.
    weights : array_like, shape (m,)
        Of the quadrature at the points: Σ weights·P = 1 in the end.
    """
    return _normalized(not_negative("density", density) / positive("loss", loss), weights)


@closed_form
def density_in_changed_time(density: ArrayLike, loss: ArrayLike, weights: ArrayLike) -> Floats:
    """Return P_st^τ ∝ L P_st, normalized; the inverse of `density_in_time` (App. C).

    Parameters as for `density_in_time`, with P_st given.
    """
    return _normalized(not_negative("density", density) * positive("loss", loss), weights)


def _clock(times: ArrayLike) -> Floats:
    times = finite("times", times)
    if times.ndim != 1 or times.size < 1 or not (np.diff(times) > 0).all():
        raise OutsideDomain("times must be increasing, in one dimension.")
    return times


def _normalized(density: Floats, weights: ArrayLike) -> Floats:
    total = (density * positive("weights", weights)).sum()
    if not total > 0:
        raise OutsideDomain("the density vanishes everywhere.")
    return np.asarray(density / total)
