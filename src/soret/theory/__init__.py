"""What should happen: closed forms and quadratures. Arrays in, arrays out; knows no model."""

from soret.theory import escape, fokker_planck, thermophoresis

__all__ = ["escape", "fokker_planck", "thermophoresis"]
