"""From numbers to exponents with intervals."""

from soret.inference.collapse import Collapse, collapse
from soret.inference.slope import LocalSlope, Slope, local_slope, loglog_slope

__all__ = ["Collapse", "LocalSlope", "Slope", "collapse", "local_slope", "loglog_slope"]
