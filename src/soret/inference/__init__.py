"""From numbers to exponents with intervals."""

from soret.inference.collapse import Collapse, collapse

__all__ = ["Collapse", "collapse"]
