r"""What Eq. 15 lacks when the outlier eigenvalues differ: a factor for each direction across.

The paper's proof takes the stationary law of Eq. 14 near the escape path to be Gibbs' in each
coordinate (Eq. 19). It is that only if the noise is isotropic. In general, weak noise T = η/B has
P^τ ≈ C(x) exp[−(φ(x) + ½w(x)y²)/T] at a distance y across the path x. The Hamilton–Jacobi equation
Σ h_i(∂_iΦ)² = Σ ∂_iΦ ∂_i log L leaves φ′ = L′/(Lh_e), which is the paper's exponent, and, where
L = V(x) + ½h_⊥y², for w = a/V and the next order in T

    ½V′(a′ − aV′/V) + h_⊥(a² − a) + h_⊥V′²/(2h_eV) = 0,      C′/C = h_⊥(1 − a)/V′.

At the minimum and at the saddle a = 1: the valley has the paper's width there. In between a ≡ 1
solves it only if h_⊥ = h_e, and C changes on the way, by a factor that does not depend on T.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy import integrate

from soret.errors import ConvergenceError, OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import positive

_EDGE = 1e-5
# Evaluations; a factor takes some hundred.
_MOST_STEPS = 20_000
"""Fraction of the path left out at either end, where the equation is singular."""


@closed_form
def anisotropy_factor(
    loss: Callable[[float], float],
    slope: Callable[[float], float],
    minimum: float,
    saddle: float,
    along: float,
    across: float,
) -> float:
    r"""Return exp ∫h_⊥(1 − a)/V′ dx, by which one direction across multiplies Eq. 15.

    Parameters
    ----------
    loss, slope : callable
        V and V′ on the escape path, which is straight.
    minimum, saddle : float
        Its ends, where V′ = 0; in between V rises from one to the other.
    along, across : float
        h_e and h_⊥ > 0, eigenvalues of the Hessian at the minimum and so those of the noise. h_⊥
        is the curvature across all along the path (Assumption 4.6).

    Returns
    -------
    float
        1 if h_⊥ = h_e; above it if h_⊥ > h_e. Directions across multiply.

    Raises
    ------
    OutsideDomain
        If V ≤ 0 or V does not rise along the path.
    """
    along, across = float(positive("along", along)), float(positive("across", across))
    reach = saddle - minimum
    if not (np.isfinite(reach) and reach != 0):
        raise OutsideDomain(f"the minimum {minimum:g} and the saddle {saddle:g} make no path.")

    def path(s: float) -> tuple[float, float]:
        x = minimum + s * reach
        height, rise = float(positive("loss", loss(x))), float(slope(x)) * reach
        if not rise > 0:
            raise OutsideDomain(f"the loss does not rise at {x:g}, between minimum and saddle.")
        return height, rise / abs(reach)

    steps = itertools.count()

    def change(s: float, state: np.ndarray) -> list[float]:
        a = state[0]
        if next(steps) > _MOST_STEPS:
            raise ConvergenceError(
                f"curvatures of {along:g} along and {across:g} across the path are too different "
                "to integrate over it."
            )
        height, rise = path(s)
        bend = across * (a**2 - a) + across * rise**2 / (2 * along * height)
        growth = a * rise / height - 2 * bend / rise
        return [abs(reach) * growth, abs(reach) * across * (1 - a) / rise]

    # Deviations from a = 1 die out from the minimum on, so where they start does not matter.
    found = integrate.solve_ivp(
        change, (_EDGE, 1 - _EDGE), [1.0, 0.0], method="LSODA", rtol=1e-9, atol=1e-12
    )
    if not found.success:
        raise ConvergenceError(f"the width along the path was not found: {found.message}")
    return float(np.exp(found.y[1, -1]))
