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

__all__ = [
    "SDE",
    "FirstPassage",
    "frozen_noise",
    "hessian_noise",
    "integrate",
    "isotropic_noise",
    "log_loss",
    "loss_noise",
    "overdamped",
]
