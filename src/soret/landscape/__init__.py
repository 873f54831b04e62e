"""What can be measured at a point of a loss surface: gradient noise, curvature, spectra.

How products with a matrix are obtained (`curvature`, `noise`) is kept apart from what is done
with them (`operators`, `spectra`).
"""

from soret.landscape.curvature import Curvature, gauss_newton, hessian
from soret.landscape.decoupling import Decoupling, decoupling, output_noise
from soret.landscape.gradients import example_gradients, gradient_variance, noise_strength
from soret.landscape.noise import GradientNoise, gradient_noise
from soret.landscape.operators import SymmetricOperator
from soret.landscape.spectra import Eigenpairs, Estimate, SpectralDensity, effective_dimension

__all__ = [
    "Curvature",
    "Decoupling",
    "Eigenpairs",
    "Estimate",
    "GradientNoise",
    "SpectralDensity",
    "SymmetricOperator",
    "decoupling",
    "effective_dimension",
    "example_gradients",
    "gauss_newton",
    "gradient_noise",
    "gradient_variance",
    "hessian",
    "noise_strength",
    "output_noise",
]
