"""Figures fit for a paper: labelled axes, units, intervals, and the verdict to be seen.

Here is what several claims draw; a figure that only one claim draws stands beside it.
"""

from soret.plotting.collapse import Row, collapse_figure
from soret.plotting.forest import draw_forest
from soret.plotting.noise_loss import NoiseRow, noise_loss_figure
from soret.plotting.passages import PassageColumn, passage_figure
from soret.plotting.scan import ScanRow, scan_figure
from soret.plotting.style import save, style

__all__ = [
    "NoiseRow",
    "PassageColumn",
    "Row",
    "ScanRow",
    "collapse_figure",
    "draw_forest",
    "noise_loss_figure",
    "passage_figure",
    "save",
    "scan_figure",
    "style",
]
