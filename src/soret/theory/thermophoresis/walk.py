r"""The mass flow of a walk q ← q − ηζg(q), one fair sign ζ = ±1 for all coordinates.

The paper's flow density (Eq. 10) is a scalar, along g. The exact flow of the walk, to order η²,
is the vector J_i = −½η² Σ_j ∂_j(g_i g_j ρ). With u = g/|g| it splits into

    J = −½η²|g|²(u·∇ρ) u − η²|g|(u·∇|g|)ρ u − ½η²|g|²(∇·u)ρ u − ½η²|g|²ρ (u·∇)u
         diffusive          thermophoretic      spreading          bending

so Eq. 10 has the thermophoretic part, twice the diffusive part, and neither of the others, which
vanish where the lines of g are parallel: in one dimension, for instance. The factor of two comes
in App. A.3, where the mass that crosses q from one side in a step, which lies between q and
q ± Δ, is given the density at its far end instead of halfway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import Floats, closed_form, finite, not_negative, positive


class Flow(NamedTuple):
    """The paper's flow density along g (Eq. 10), mass per step and area; each of shape (...)."""

    diffusive: Floats
    thermophoretic: Floats

    @property
    def total(self) -> Floats:
        """Both parts together."""
        return self.diffusive + self.thermophoretic


class ItoParts(NamedTuple):
    """The exact flow in parts that add up to it; vectors of shape (..., n).

    Of −½η² Σ_j ∂_j(g_i g_j ρ). Eq. 10 has the thermophoretic part and twice the diffusive one."""

    diffusive: Floats
    thermophoretic: Floats
    spreading: Floats
    bending: Floats


@closed_form
def flow_density(
    g: ArrayLike,
    jacobian: ArrayLike,
    density: ArrayLike,
    gradient: ArrayLike,
    learning_rate: ArrayLike = 1.0,
) -> Flow:
    r"""Return the flow density as printed in Eq. 10 and App. A.3.

    −η² |g| Σ_i g_i ∂_iρ, and −η² Σ_ij g_i g_j ∂_j g_i / |g| · ρ. The first is twice what a walk
    does (see `ito_parts`); the formula is given as it stands so that it can be compared.

    Parameters
    ----------
    g : array_like, shape (..., n)
        ηg_i is the size of a step along q_i.
    jacobian : array_like, shape (..., n, n)
        ∂_j g_i at [..., i, j].
    density : array_like, shape (...)
        ρ ≥ 0, mass per volume.
    gradient : array_like, shape (..., n)
        ∂_i ρ.
    learning_rate : array_like, shape (...)
        η > 0.

    Returns
    -------
    Flow

    Raises
    ------
    OutsideDomain
        If ρ < 0, η ≤ 0, g vanishes or shapes do not fit.
    """
    g, _, density, gradient, rate = _fields(g, jacobian, density, gradient, learning_rate)
    size = np.linalg.norm(g, axis=-1)
    diffusive = -(rate**2) * size * (g * gradient).sum(-1)
    return Flow(diffusive, soret_coefficient(g, jacobian, rate) * density)


@closed_form
def soret_coefficient(g: ArrayLike, jacobian: ArrayLike, learning_rate: ArrayLike = 1.0) -> Floats:
    """Return the Soret coefficient −η² Σ_ij g_i g_j ∂_j g_i / |g| (Eq. 11 and 12).

    Parameters and errors as for `flow_density`; shape (...).
    """
    g, jacobian = _walk(g, jacobian)
    rate = positive("learning_rate", learning_rate)
    along = np.einsum("...i,...ij,...j->...", g, jacobian, g)
    return -(rate**2) * along / _size(g)


@closed_form
def soret_coefficient_1d(g: ArrayLike, slope: ArrayLike, learning_rate: ArrayLike = 1.0) -> Floats:
    """Return the one-dimensional limit −η²gg′ = −½η²(g²)′ (Eq. 34 and 35).

    Parameters
    ----------
    g, slope : array_like, shape (...)
        g > 0 and g′.
    learning_rate : array_like, shape (...)
        η > 0.
    """
    rate = positive("learning_rate", learning_rate)
    return -(rate**2) * positive("g", g) * finite("slope", slope)


@closed_form
def ito_flux(
    g: ArrayLike,
    jacobian: ArrayLike,
    density: ArrayLike,
    gradient: ArrayLike,
    learning_rate: ArrayLike = 1.0,
) -> Floats:
    """Return the exact flow −½η² Σ_j ∂_j(g_i g_j ρ), up to order η⁴; shape (..., n).

    Odd orders vanish: the walk is the same under ζ → −ζ. Parameters and errors as for
    `flow_density`.
    """
    g, jacobian, density, gradient, rate = _fields(g, jacobian, density, gradient, learning_rate)
    divergence = np.trace(jacobian, axis1=-2, axis2=-1)[..., None]
    advected = np.einsum("...ij,...j->...i", jacobian, g)
    tilt = (g * gradient).sum(-1)[..., None]
    inner = density[..., None] * (g * divergence + advected) + g * tilt
    return -0.5 * rate[..., None] ** 2 * inner


@closed_form
def ito_parts(
    g: ArrayLike,
    jacobian: ArrayLike,
    density: ArrayLike,
    gradient: ArrayLike,
    learning_rate: ArrayLike = 1.0,
) -> ItoParts:
    """Split `ito_flux` into diffusive, thermophoretic, spreading and bending parts.

    Parameters and errors as for `flow_density`.
    """
    g, jacobian, density, gradient, rate = _fields(g, jacobian, density, gradient, learning_rate)
    size = _size(g)
    unit = g / size[..., None]
    advected = np.einsum("...ij,...j->...i", jacobian, unit)
    # u·∇|g|, and with it the derivatives of u along itself and across.
    growth = (advected * unit).sum(-1)
    spread = (np.trace(jacobian, axis1=-2, axis2=-1) - growth) / size
    bend = (advected - growth[..., None] * unit) / size[..., None]
    scale = -0.5 * rate**2 * size**2
    return ItoParts(
        (scale * (unit * gradient).sum(-1))[..., None] * unit,
        (2 * scale / size * growth * density)[..., None] * unit,
        (scale * spread * density)[..., None] * unit,
        (scale * density)[..., None] * bend,
    )


@closed_form
def differentiate(
    function: Callable[[Floats], ArrayLike], q: ArrayLike, step: float = 1e-5
) -> Floats:
    """Return the derivatives ∂_j of a field at points, by central differences.

    Parameters
    ----------
    function : callable
        Maps points (..., n) to values (..., m) or (...).
    q : array_like, shape (..., n)
    step : float
        Absolute distance; the error is of order step² and 10⁻¹⁶ / step.

    Returns
    -------
    ndarray, shape (..., m, n) or (..., n)
    """
    q = finite("q", q)
    if not step > 0:
        raise OutsideDomain(f"step is {step:g}; it must be above 0.")
    columns = [
        (np.asarray(function(q + shift)) - np.asarray(function(q - shift))) / (2 * step)
        for shift in step * np.eye(q.shape[-1])
    ]
    return np.stack(columns, axis=-1)


def _walk(g: ArrayLike, jacobian: ArrayLike) -> tuple[Floats, Floats]:
    g, jacobian = finite("g", g), finite("jacobian", jacobian)
    if g.ndim < 1 or jacobian.shape[-2:] != 2 * g.shape[-1:]:
        raise OutsideDomain(
            f"g has shape {g.shape} and its jacobian {jacobian.shape}; they must be (..., n) and "
            "(..., n, n)."
        )
    return g, jacobian


def _fields(
    g: ArrayLike,
    jacobian: ArrayLike,
    density: ArrayLike,
    gradient: ArrayLike,
    learning_rate: ArrayLike,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    g, jacobian = _walk(g, jacobian)
    gradient = finite("gradient", gradient)
    if gradient.shape[-1:] != g.shape[-1:]:
        raise OutsideDomain(
            f"the gradient of the density has shape {gradient.shape} where g has {g.shape}."
        )
    rate = positive("learning_rate", learning_rate)
    return g, jacobian, not_negative("density", density), gradient, rate


def _size(g: Floats) -> Floats:
    size = np.linalg.norm(g, axis=-1)
    if not (size > 0).all():
        raise OutsideDomain("g vanishes somewhere; along nothing there is no flow density.")
    return size
