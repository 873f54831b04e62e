r"""Gradient noise of one hidden unit of a two-layer net, and its flow (Sec. 4 and 5).

The unit has weights W, bias b and output weight V; its input is a = W·x + b. The paper replaces
its noise in (V, b) by a walk of step η(φ1, Vφ2)/√B with one shared sign, where
φ1² = E[(p−y)² a₊²] and φ2² = E[(p−y)² 1(a>0)] (Eq. 23 to 26). V is taken as positive: for V < 0
the paper mirrors V.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from soret.errors import OutsideDomain
from soret.theory.checks import Floats, closed_form, finite, not_negative, positive


class Amplitudes(NamedTuple):
    """φ1 and φ2 (Eq. 23 to 26) and their derivatives by the bias, each of shape (...)."""

    phi1: Floats
    phi2: Floats
    dphi1: Floats
    dphi2: Floats


class Moments(NamedTuple):
    """h_V, h_W (..., inputs) and h_b of Sec. 4.2, in this order, and the activation rate."""

    output_weight: Floats
    weights: Floats
    bias: Floats
    rate: Floats


@closed_form
def amplitudes(b: ArrayLike, norm_W: ArrayLike, residual: ArrayLike = 0.25) -> Amplitudes:
    r"""Return φ1, φ2 and ∂_bφ1, ∂_bφ2 in closed form for inputs x ~ N(0, I) (Eq. 23 to 26).

    With s = ‖W‖ and t = b/s, a ~ N(b, s²): E[a₊²] = (b²+s²)Φ(t) + bsϕ(t), E[a₊] = bΦ(t) + sϕ(t),
    P(a>0) = Φ(t). The factor (p−y)² is taken as independent of a.

    Parameters
    ----------
    b : array_like, shape (...)
    norm_W : array_like, shape (...)
        ‖W‖ > 0.
    residual : array_like, shape (...)
        E(p−y)² ≥ 0; ¼ where the net has learned nothing and p = ½.

    Raises
    ------
    OutsideDomain
        If ‖W‖ ≤ 0, the residual is not above 0, or b is so far below 0 that the unit is never on.
    """
    b, s = finite("b", b), positive("norm_W", norm_W)
    r = positive("residual", residual)
    t = b / s
    on, bell = special.ndtr(t), _bell(t)
    phi1 = np.sqrt(r * positive("P(a > 0)", _second_moment(b, s)))
    phi2 = np.sqrt(r * positive("P(a > 0)", on))
    return Amplitudes(phi1, phi2, r * (b * on + s * bell) / phi1, r * bell / (2 * s * phi2))


@closed_form
def amplitudes_by_quadrature(
    b: ArrayLike,
    density: Callable[[Floats], ArrayLike],
    support: tuple[float, float],
    residual: Callable[[Floats], ArrayLike] | float = 0.25,
    *,
    panels: int = 64,
) -> Amplitudes:
    r"""Return φ1, φ2 and their derivatives for any distribution of W·x, by quadrature.

    φ1² = ∫ r(a) a₊² π(a−b) da and φ2² = ∫ r(a) 1(a>0) π(a−b) da, with π the density of W·x and
    r(a) = E[(p−y)² | a]. For balanced random labels E_y(p−y)² = ¼ + (p−½)², so for a net of one
    unit r(a) = ¼ + (σ(Va₊) − ½)². Derivatives are those of the whole integrals.

    Parameters
    ----------
    b : array_like, shape (...)
    density : callable
        π(u), vectorized; smooth inside `support`.
    support : (float, float)
        Where π is not zero.
    residual : callable or float
        r(a), vectorized and smooth for a > 0; or a constant.
    panels : int
        Panels of ten Gauss–Legendre points each.

    Raises
    ------
    OutsideDomain
        If the support is empty, π or r is negative, or a unit is never on.
    """
    low, high = (float(end) for end in finite("support", support))
    if not low < high:
        raise OutsideDomain(f"the support runs from {low:g} to {high:g}; it is empty.")
    b = finite("b", b)
    never = b + high <= 0
    if never.any():
        raise OutsideDomain("b is so low that the unit is never on.")
    kind = residual if callable(residual) else (lambda a: np.full_like(a, residual))
    x, w = np.polynomial.legendre.leggauss(10)
    left = np.arange(panels)[:, None] / panels
    nodes, weights = (left + (x + 1) / (2 * panels)).ravel(), np.tile(w / (2 * panels), panels)

    def integrals(bias: Floats) -> tuple[Floats, Floats]:
        start, end = np.maximum(bias + low, 0.0), bias + high
        a = start[..., None] + (end - start)[..., None] * nodes
        values = not_negative("residual", kind(a)) * not_negative(
            "density", density(a - bias[..., None])
        )
        values = values * weights * (end - start)[..., None]
        return (values * a**2).sum(-1), values.sum(-1)

    first, second = integrals(b)
    phi1, phi2 = np.sqrt(positive("φ1²", first)), np.sqrt(positive("φ2²", second))
    # Differences of fourth order: the step is small against the support, and large enough that
    # the rounding of the integrals does not show.
    step = 1e-4 * (high - low)
    around = [integrals(b + k * step) for k in (-2, -1, 1, 2)]
    slope1, slope2 = (
        (far[0] - 8 * near[0] + 8 * near[1] - far[1]) / (12 * step)
        for far, near in (((f[0], f[3]), (f[1], f[2])) for f in zip(*around, strict=True))
    )
    return Amplitudes(phi1, phi2, slope1 / (2 * phi1), slope2 / (2 * phi2))


@closed_form
def as_walk(V: ArrayLike, found: Amplitudes, batch_size: ArrayLike = 1) -> tuple[Floats, Floats]:
    """Return g = (φ1, Vφ2)/√B and its derivatives, for the formulas of `walk` (Eq. 23 to 26).

    Parameters
    ----------
    V : array_like, shape (...)
        At least 0: mirrored where it is negative.
    found : Amplitudes
    batch_size : array_like, shape (...)

    Returns
    -------
    g : ndarray, shape (..., 2)
        Along V and b.
    jacobian : ndarray, shape (..., 2, 2)
        ∂_j g_i at [..., i, j].
    """
    V, root = not_negative("V", V), np.sqrt(positive("batch_size", batch_size))
    phi1, phi2, dphi1, dphi2 = found
    V, phi1, phi2, dphi1, dphi2, root = np.broadcast_arrays(V, phi1, phi2, dphi1, dphi2, root)
    g = np.stack([phi1, V * phi2], axis=-1) / root[..., None]
    rows = [
        np.stack([np.zeros_like(V), dphi1], axis=-1),
        np.stack([phi2, V * dphi2], axis=-1),
    ]
    return g, np.stack(rows, axis=-2) / root[..., None, None]


@closed_form
def psi(V: ArrayLike, found: Amplitudes, density: ArrayLike = 1.0) -> Floats:
    r"""Return ψ of Eq. 27: the thermophoretic flow of (V, b) is −(η²/B) ψ, along g.

    ψ = [Vφ1φ2² + Vφ1φ2 ∂_bφ1 + V³φ2² ∂_bφ2] / √(φ1² + V²φ2²) · ρ. It is of second degree in
    the residual p−y, so bounded by a function times E(p−y)². For balanced random labels
    E(p−y)² = ¼ + E(p−½)² never falls below ¼.

    Parameters
    ----------
    V : array_like, shape (...)
        At least 0: mirrored where it is negative.
    found : Amplitudes
    density : array_like, shape (...)
        ρ ≥ 0.
    """
    V, density = not_negative("V", V), not_negative("density", density)
    phi1, phi2, dphi1, dphi2 = found
    force = V * phi1 * phi2**2 + V * phi1 * phi2 * dphi1 + V**3 * phi2**2 * dphi2
    return force / np.sqrt(phi1**2 + V**2 * phi2**2) * density


@closed_form
def gradient_moments(V: ArrayLike, W: ArrayLike, b: ArrayLike) -> Moments:
    r"""Return h_V, h_W, h_b and the activation rate of a unit for x ~ N(0, I), in closed form.

    h_V = E[a₊²], h_W,i = V² E[x_i² 1(a>0)] = V²[Φ(t) − (W_i/s)² tϕ(t)], h_b = V²Φ(t), rate Φ(t),
    with s = ‖W‖ and t = b/s (Sec. 4.2). W = 0 is outside the domain.

    Parameters
    ----------
    V, b : array_like, shape (...)
    W : array_like, shape (..., inputs)
    """
    V, W, b = finite("V", V), finite("W", W), finite("b", b)
    s = positive("the norm of W", np.linalg.norm(W, axis=-1))
    t = b / s
    on = special.ndtr(t)
    along = (W / s[..., None]) ** 2 * (t * _bell(t))[..., None]
    return Moments(_second_moment(b, s), (V**2)[..., None] * (on[..., None] - along), V**2 * on, on)


@closed_form
def gradient_moments_of(V: ArrayLike, W: ArrayLike, b: ArrayLike, inputs: ArrayLike) -> Moments:
    """Return h_V, h_W, h_b and the activation rate of a unit over given inputs.

    Parameters
    ----------
    V, b : array_like, shape (...)
    W : array_like, shape (..., features)
    inputs : array_like, shape (examples, features)
    """
    V, W, b = finite("V", V), finite("W", W), finite("b", b)
    x = finite("inputs", inputs)
    if x.ndim != 2 or x.shape[1] != W.shape[-1] or not len(x):
        raise OutsideDomain(f"inputs have shape {x.shape}; (examples, {W.shape[-1]}) is needed.")
    a = W @ x.T + b[..., None]
    on = (a > 0).astype(np.float64)
    rate = on.mean(-1)
    return Moments(
        (np.maximum(a, 0) ** 2).mean(-1),
        (V**2)[..., None] * (on @ x**2) / len(x),
        V**2 * rate,
        rate,
    )


def _bell(t: Floats) -> Floats:
    return np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)


def _second_moment(b: Floats, s: Floats) -> Floats:
    """Return E[a₊²] of a ~ N(b, s²). Its terms cancel to t⁻⁴, 10⁻⁶ at t = −30: digits enough."""
    t = b / s
    return s**2 * ((1 + t**2) * special.ndtr(t) + t * _bell(t))
