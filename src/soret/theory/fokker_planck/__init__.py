"""Densities under drift and state-dependent noise: the Fokker–Planck equation in Itô form."""

from soret.theory.fokker_planck.grid import Grid
from soret.theory.fokker_planck.operator import FokkerPlanck

__all__ = ["FokkerPlanck", "Grid"]
