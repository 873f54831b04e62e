"""Dynamics: SGD, and the engine that runs ensembles of it."""

from soret.dynamics.arguments import check
from soret.dynamics.experiment import Experiment
from soret.dynamics.optax_optimizer import Optax
from soret.dynamics.passage import FirstPassage
from soret.dynamics.results import DivergenceWarning
from soret.dynamics.rounding import RoundingWarning
from soret.dynamics.sgd import SGD
from soret.dynamics.simulate import run, simulate
from soret.dynamics.splitting import rare_passages
from soret.dynamics.undefined import UndefinedWarning

__all__ = [
    "SGD",
    "DivergenceWarning",
    "Experiment",
    "FirstPassage",
    "Optax",
    "RoundingWarning",
    "UndefinedWarning",
    "check",
    "rare_passages",
    "run",
    "simulate",
]
