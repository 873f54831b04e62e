"""What should happen: closed forms and quadratures. Arrays in, arrays out; knows no model."""

from soret.theory import thermophoresis

__all__ = ["thermophoresis"]
