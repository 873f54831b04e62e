"""Dynamics: SGD, and the engine that runs ensembles of it."""

from soret.dynamics.sgd import SGD, Optax
from soret.dynamics.simulate import DivergenceWarning, check, simulate

__all__ = ["SGD", "DivergenceWarning", "Optax", "check", "simulate"]
