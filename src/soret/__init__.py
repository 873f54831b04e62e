"""Soret: a laboratory for the statistical physics of stochastic gradient descent."""

import importlib
from typing import TYPE_CHECKING, Any

from soret.errors import SoretError

if TYPE_CHECKING:
    from soret import data, dynamics, inference, landscape, observables, problems, runs, theory
    from soret.data import Dataset
    from soret.dynamics import SGD, DivergenceWarning, Experiment, FirstPassage, Optax, simulate
    from soret.problems import Problem
    from soret.runs import load

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Dataset",
    "DivergenceWarning",
    "Experiment",
    "FirstPassage",
    "Optax",
    "Problem",
    "RoundingWarning",
    "SoretError",
    "data",
    "dynamics",
    "inference",
    "landscape",
    "load",
    "observables",
    "problems",
    "runs",
    "simulate",
    "theory",
]

# JAX alone takes seconds to import, so rooms are opened when they are first asked for.
_ROOMS = {
    "data",
    "dynamics",
    "inference",
    "landscape",
    "observables",
    "problems",
    "runs",
    "theory",
}
_HOMES = {
    "SGD": "soret.dynamics",
    "Optax": "soret.dynamics",
    "DivergenceWarning": "soret.dynamics",
    "RoundingWarning": "soret.dynamics",
    "Experiment": "soret.dynamics",
    "FirstPassage": "soret.dynamics",
    "simulate": "soret.dynamics",
    "Problem": "soret.problems",
    "Dataset": "soret.data",
    "load": "soret.runs",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"soret.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'soret' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
