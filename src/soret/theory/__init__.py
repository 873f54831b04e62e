"""What should happen: closed forms, quadratures, paths. Arrays in, arrays out; knows no model."""

import importlib
from typing import Any

from soret.theory import equilibrium, escape, fokker_planck, phase_space, thermophoresis

__all__ = ["equilibrium", "escape", "fokker_planck", "langevin", "phase_space", "thermophoresis"]


def __getattr__(name: str) -> Any:
    # JAX and diffrax take seconds to import, and nothing else here needs them.
    if name == "langevin":
        return importlib.import_module("soret.theory.langevin")
    raise AttributeError(f"module 'soret.theory' has no attribute {name!r}")
