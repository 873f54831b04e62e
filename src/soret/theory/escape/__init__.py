"""Noise that follows the loss: heavy tails, passages and escape, after the power-law paper.

Equations are that paper's where no other source is named. What is said of linear regression's exact
covariance and of the recursion itself is derived in the files of this folder.

References
----------
Mori, Ziyin, Liu and Ueda, "Power-law escape rate of SGD", arXiv:2105.09557 (2021).
Kesten, "Random difference equations and renewal theory for products of random matrices" (1973)."""

from soret.theory.escape.anisotropy import anisotropy_factor
from soret.theory.escape.kesten import (
    kesten_exponent,
    kesten_exponent_of,
    lyapunov_exponent,
    multiplier_moment,
)
from soret.theory.escape.noise import noise_covariance, regression_noise_covariance
from soret.theory.escape.passage import (
    ZeroFlux,
    mean_first_passage_time,
    radial_passage_time,
    zero_flux_density,
)
from soret.theory.escape.radial import radial_recursion_steps
from soret.theory.escape.rates import (
    critical_dimension,
    escape_exponent,
    escape_rate,
    frozen_diffusion,
    kramers_rate,
    regression_critical_dimension,
    regression_escape_exponent,
)
from soret.theory.escape.recursion import RecursionLaw, recursion_law, recursion_passage_steps
from soret.theory.escape.stationary import StationaryLaw, regression_law, stationary_law
from soret.theory.escape.time_change import (
    changed_time,
    density_in_changed_time,
    density_in_time,
    log_loss_drift,
    original_time,
)

__all__ = [
    "RecursionLaw",
    "StationaryLaw",
    "ZeroFlux",
    "anisotropy_factor",
    "changed_time",
    "critical_dimension",
    "density_in_changed_time",
    "density_in_time",
    "escape_exponent",
    "escape_rate",
    "frozen_diffusion",
    "kesten_exponent",
    "kesten_exponent_of",
    "kramers_rate",
    "log_loss_drift",
    "lyapunov_exponent",
    "mean_first_passage_time",
    "multiplier_moment",
    "noise_covariance",
    "original_time",
    "radial_passage_time",
    "radial_recursion_steps",
    "recursion_law",
    "recursion_passage_steps",
    "regression_critical_dimension",
    "regression_escape_exponent",
    "regression_law",
    "regression_noise_covariance",
    "stationary_law",
    "zero_flux_density",
]
