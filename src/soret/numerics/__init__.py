"""How Soret computes, whatever the user's own settings are."""

from soret.numerics.configuration import default_semantics, double_precision, single_precision

__all__ = ["default_semantics", "double_precision", "single_precision"]
