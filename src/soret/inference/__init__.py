"""From numbers to exponents with intervals."""

from soret.inference.collapse import Collapse, collapse
from soret.inference.slope import LocalSlope, Slope, local_slope, loglog_slope
from soret.inference.survival import (
    MeanPassage,
    Survival,
    mean_passage,
    mean_passages,
    survival_curve,
)

__all__ = [
    "Collapse",
    "LocalSlope",
    "MeanPassage",
    "Slope",
    "Survival",
    "collapse",
    "local_slope",
    "loglog_slope",
    "mean_passage",
    "mean_passages",
    "survival_curve",
]
