"""Figures fit for a paper: labelled axes, units, intervals, and the verdict to be seen."""

from soret.figures.collapse import Row, collapse_figure
from soret.figures.parts import PartsRow, parts_figure
from soret.figures.style import save, style

__all__ = ["PartsRow", "Row", "collapse_figure", "parts_figure", "save", "style"]
