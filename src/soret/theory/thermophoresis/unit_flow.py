"""What the paper and Itô's calculus say of (V, b) of hidden units with given V, b and ‖W‖.

Flows of b are means over surfaces b = const, weighted with a window k(b) around 0 of area 1. What
passes them is the change of the mean of ∫k; and by partial integration a flow −∂_b(Dρ) through
them is the mean of D k′(b) over units, so that no density need be estimated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import Floats, closed_form, finite, positive
from soret.theory.thermophoresis.two_layer import amplitudes, as_walk, psi


class UnitFlow(NamedTuple):
    """Rates per step for η = B = 1, means over units.

    Attributes
    ----------
    bias, output_weight : float
        The velocity that the flow of Eq. 27, −ψ along g, would give b and |V| on average.
    thermophoretic : float
        The flow of Eq. 27 through surfaces b = const.
    printed : float
        The flow of Eq. 10, with its diffusive part, through them.
    ito : float
        The exact flow of a walk with steps of variance ¼V²P(a>0), whatever else moves with b.
    """

    bias: float
    output_weight: float
    thermophoretic: float
    printed: float
    ito: float


@closed_form
def unit_flow(units: ArrayLike, half_width: float) -> UnitFlow:
    """Return mean drifts and flows of hidden units on Gaussian inputs and random labels.

    Parameters
    ----------
    units : array_like, shape (replicas, 3, hidden)
        V, b and ‖W‖ > 0.
    half_width : float
        Of the window k(b) = cos²(πb/(2w))/w on |b| < w, above 0.

    Raises
    ------
    OutsideDomain
        If the arguments are not of these shapes and ranges, or a unit is never on.
    """
    V, b, norm = (part.ravel() for part in _parts(units))
    half_width = float(positive("half_width", half_width))
    V = np.abs(V)
    found = amplitudes(b, norm)
    g, _ = as_walk(V, found)
    velocity = -psi(V, found)[:, None] * g / np.linalg.norm(g, axis=-1, keepdims=True)
    inside = (np.abs(b) < half_width).astype(float)
    k = inside * np.cos(np.pi * b / (2 * half_width)) ** 2 / half_width
    slope = -inside * np.pi / (2 * half_width**2) * np.sin(np.pi * b / half_width)
    variance = (V * found.phi2) ** 2
    # −Σ_j g_b g_j ∂_jρ integrated over the window: nothing is left at V = 0, where g_b vanishes.
    diffusive = (
        k * (found.phi1 * found.phi2 + 2 * V**2 * found.phi2 * found.dphi2) + slope * variance
    )
    thermophoretic = float((k * velocity[:, 1]).mean())
    return UnitFlow(
        float(velocity[:, 1].mean()),
        float(velocity[:, 0].mean()),
        thermophoretic,
        thermophoretic + float(diffusive.mean()),
        float(0.5 * (slope * variance).mean()),
    )


@closed_form
def share_above(b: ArrayLike, half_width: float) -> Floats:
    """Return the share of units above a surface b = const, averaged over the window, (...).

    Its change per step is the flow through the surfaces that `unit_flow` predicts.

    Parameters
    ----------
    b : array_like, shape (..., hidden)
    half_width : float
        Of the window, above 0.

    Raises
    ------
    OutsideDomain
        If b is not finite, or the half width not above 0.
    """
    at = np.clip(finite("b", b) / positive("half_width", half_width), -1, 1)
    return np.asarray((0.5 + at / 2 + np.sin(np.pi * at) / (2 * np.pi)).mean(-1))


def _parts(units: ArrayLike) -> Floats:
    """Return V, b and ‖W‖, each (replicas, hidden)."""
    values = finite("units", units)
    if values.ndim != 3 or values.shape[1] != 3:
        raise OutsideDomain(f"units has shape {values.shape}; it must be (replicas, 3, hidden).")
    return values.swapaxes(0, 1)
