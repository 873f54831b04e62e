"""Stationary laws of SGD with constant noise: Boltzmann's, and what linear dynamics have instead.

References
----------
Jastrzębski et al., "Three Factors Influencing Minima in SGD", arXiv:1711.04623 (2017).
Risken, "The Fokker–Planck Equation", 2nd ed. (1989), Sec. 6.4 and 6.5.
"""

from soret.theory.equilibrium.boltzmann import (
    boltzmann,
    finite_rate_ratio,
    log_minima_ratio,
    minima_ratio,
    modified_loss,
    occupation,
    temperature,
)
from soret.theory.equilibrium.linear import Equilibrium, LinearSDE
from soret.theory.equilibrium.recursion import LinearRecursion, stationary_density
from soret.theory.equilibrium.sgd import (
    heavy_ball,
    heavy_ball_entropy,
    momentum_variance,
    sgd_recursion,
    sgd_sde,
    underdamped,
)

__all__ = [
    "Equilibrium",
    "LinearRecursion",
    "LinearSDE",
    "boltzmann",
    "finite_rate_ratio",
    "heavy_ball",
    "heavy_ball_entropy",
    "log_minima_ratio",
    "minima_ratio",
    "modified_loss",
    "momentum_variance",
    "occupation",
    "sgd_recursion",
    "sgd_sde",
    "stationary_density",
    "temperature",
    "underdamped",
]
