"""What can be measured at a point of a loss surface: gradient noise, curvature, spectra.

How products with a matrix are obtained (`curvature`, `noise`) is kept apart from what is done
with them (`operators`, `spectra`).
"""

from soret.landscape.curvature import Curvature, gauss_newton, hessian
from soret.landscape.gradients import example_gradients, gradient_variance
from soret.landscape.noise import GradientNoise, gradient_noise
from soret.landscape.operators import SymmetricOperator
from soret.landscape.spectra import Eigenpairs, Estimate, SpectralDensity

__all__ = [
    "Curvature",
    "Eigenpairs",
    "Estimate",
    "GradientNoise",
    "SpectralDensity",
    "SymmetricOperator",
    "example_gradients",
    "gauss_newton",
    "gradient_noise",
    "gradient_variance",
    "hessian",
]
