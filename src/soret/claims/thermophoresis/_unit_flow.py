"""What the paper and Itô's calculus say of (V, b) of hidden units with given V, b and ‖W‖.

Flows of b are means over surfaces b = const, weighted with a window k(b) around 0 of area 1. What
passes them is the change of the mean of ∫k; and by partial integration a flow −∂_b(Dρ) through
them is the mean of D k′(b) over units, so that no density need be estimated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import soret

# The window's half width as a share of the largest |b| at the start: far enough inside that
# what happens at the edge of the density is not seen.
WINDOW = 0.6


class Rates(NamedTuple):
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


def predicted(units: np.ndarray, half_width: float) -> Rates:
    """Return the rates for units (replicas, 3, hidden) of V, b and ‖W‖."""
    theory = soret.theory.thermophoresis
    V, b, norm = (np.asarray(units[:, i], dtype=float).ravel() for i in range(3))
    V = np.abs(V)
    found = theory.amplitudes(b, norm)
    g, _ = theory.as_walk(V, found)
    velocity = -theory.psi(V, found)[:, None] * g / np.linalg.norm(g, axis=-1, keepdims=True)
    inside = (np.abs(b) < half_width).astype(float)
    k = inside * np.cos(np.pi * b / (2 * half_width)) ** 2 / half_width
    slope = -inside * np.pi / (2 * half_width**2) * np.sin(np.pi * b / half_width)
    variance = (V * found.phi2) ** 2
    # −Σ_j g_b g_j ∂_jρ integrated over the window: nothing is left at V = 0, where g_b vanishes.
    diffusive = (
        k * (found.phi1 * found.phi2 + 2 * V**2 * found.phi2 * found.dphi2) + slope * variance
    )
    thermophoretic = float((k * velocity[:, 1]).mean())
    return Rates(
        float(velocity[:, 1].mean()),
        float(velocity[:, 0].mean()),
        thermophoretic,
        thermophoretic + float(diffusive.mean()),
        float(0.5 * (slope * variance).mean()),
    )


def beyond(units: np.ndarray, half_width: float) -> np.ndarray:
    """Return the share of units above a surface, averaged over the window, (...).

    Its change per step is the flow through the surfaces.
    """
    b = np.clip(units[..., 1, :].astype(float) / half_width, -1, 1)
    return (0.5 + b / 2 + np.sin(np.pi * b) / (2 * np.pi)).mean(-1)
