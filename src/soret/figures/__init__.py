"""Figures fit for a paper: labelled axes, units, intervals, and the verdict to be seen."""

from soret.figures.at_loss import AtLossRow, at_loss_figure
from soret.figures.bound import BoundRow, bound_figure
from soret.figures.collapse import Row, collapse_figure
from soret.figures.noise_loss import NoiseRow, noise_loss_figure
from soret.figures.outliers import outliers_figure
from soret.figures.parts import PartsRow, parts_figure
from soret.figures.passages import Growth, PassageColumn, exponent_figure, passage_figure
from soret.figures.spectra import SpectraColumn, spectra_figure
from soret.figures.style import save, style

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
