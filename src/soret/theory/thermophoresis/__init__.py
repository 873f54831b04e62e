"""Flows of inhomogeneous random walks, after the thermophoresis paper."""

from soret.theory.thermophoresis.circle import power_shares, walk_shares
from soret.theory.thermophoresis.hessian import hessian_trace_bound
from soret.theory.thermophoresis.two_layer import (
    Amplitudes,
    Moments,
    amplitudes,
    amplitudes_by_quadrature,
    as_walk,
    gradient_moments,
    gradient_moments_of,
    psi,
)
from soret.theory.thermophoresis.unit_flow import UnitFlow, share_above, unit_flow
from soret.theory.thermophoresis.walk import (
    Flow,
    ItoParts,
    differentiate,
    flow_density,
    ito_flux,
    ito_parts,
    soret_coefficient,
    soret_coefficient_1d,
)

__all__ = [
    "Amplitudes",
    "Flow",
    "ItoParts",
    "Moments",
    "UnitFlow",
    "amplitudes",
    "amplitudes_by_quadrature",
    "as_walk",
    "differentiate",
    "flow_density",
    "gradient_moments",
    "gradient_moments_of",
    "hessian_trace_bound",
    "ito_flux",
    "ito_parts",
    "power_shares",
    "psi",
    "share_above",
    "soret_coefficient",
    "soret_coefficient_1d",
    "unit_flow",
    "walk_shares",
]
