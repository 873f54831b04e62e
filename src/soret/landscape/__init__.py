"""What can be measured at a point of a loss surface: gradient noise, curvature, spectra.

How products with a matrix are obtained (`curvature`, `noise`) is kept apart from what is done
with them (`operators`, `spectra`).
"""

from soret.landscape.curvature import Curvature, gauss_newton, hessian
from soret.landscape.decoupling import Decoupling, decoupling, output_noise
from soret.landscape.evaluation import Evaluation, evaluate
from soret.landscape.flatness import Flatness, flatness
from soret.landscape.gradients import example_gradients, gradient_variance, noise_strength
from soret.landscape.interpolation import Line, Plane, filter_normalize, line, plane
from soret.landscape.motion import NoisyModes, noisy_modes
from soret.landscape.noise import GradientNoise, gradient_noise
from soret.landscape.operators import SymmetricOperator
from soret.landscape.spectra import Eigenpairs, Estimate, SpectralDensity, effective_dimension

__all__ = [
    "Curvature",
    "Decoupling",
    "Eigenpairs",
    "Estimate",
    "Evaluation",
    "Flatness",
    "GradientNoise",
    "Line",
    "NoisyModes",
    "Plane",
    "SpectralDensity",
    "SymmetricOperator",
    "decoupling",
    "effective_dimension",
    "evaluate",
    "example_gradients",
    "filter_normalize",
    "flatness",
    "gauss_newton",
    "gradient_noise",
    "gradient_variance",
    "hessian",
    "line",
    "noise_strength",
    "noisy_modes",
    "output_noise",
    "plane",
]
