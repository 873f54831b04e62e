"""Stochastic differential equations for SGD, in Itô form, and ensembles of their paths."""

from soret.theory.langevin.equations import (
    SDE,
    frozen_noise,
    hessian_noise,
    isotropic_noise,
    log_loss,
    loss_noise,
    overdamped,
)
from soret.theory.langevin.paths import FirstPassage, integrate
from soret.theory.langevin.weak_noise import ORDERS, quadratic_moments, weak_noise_moments

__all__ = [
    "ORDERS",
    "SDE",
    "FirstPassage",
    "frozen_noise",
    "hessian_noise",
    "integrate",
    "isotropic_noise",
    "log_loss",
    "loss_noise",
    "overdamped",
    "quadratic_moments",
    "weak_noise_moments",
]
