"""The JAX settings under which ensembles are traced and run, whatever the user's own are."""

from soret.numerics import single_precision as ensemble_settings

__all__ = ["ensemble_settings"]
