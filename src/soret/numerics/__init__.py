"""How Soret computes, whatever the user's own settings are."""

from soret.numerics.configuration import default_semantics, double_precision, single_precision
from soret.numerics.device import default_device

__all__ = ["default_device", "default_semantics", "double_precision", "single_precision"]
