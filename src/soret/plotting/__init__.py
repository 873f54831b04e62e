"""Figures fit for a paper: labelled axes, units, intervals, and the verdict to be seen."""

from soret.plotting.at_loss import AtLossRow, at_loss_figure
from soret.plotting.bound import BoundRow, bound_figure
from soret.plotting.collapse import Row, collapse_figure
from soret.plotting.noise_loss import NoiseRow, noise_loss_figure
from soret.plotting.outliers import outliers_figure
from soret.plotting.parts import PartsRow, parts_figure
from soret.plotting.passages import Growth, PassageColumn, exponent_figure, passage_figure
from soret.plotting.spectra import SpectraColumn, spectra_figure
from soret.plotting.style import save, style

__all__ = [
    "AtLossRow",
    "BoundRow",
    "Growth",
    "NoiseRow",
    "PartsRow",
    "PassageColumn",
    "Row",
    "SpectraColumn",
    "at_loss_figure",
    "bound_figure",
    "collapse_figure",
    "exponent_figure",
    "noise_loss_figure",
    "outliers_figure",
    "parts_figure",
    "passage_figure",
    "save",
    "spectra_figure",
    "style",
]
