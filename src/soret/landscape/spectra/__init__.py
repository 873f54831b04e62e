"""What is done with a symmetric operator: eigenpairs, traces, norms, densities of eigenvalues.

Every answer says how good it is, and one that did not converge is a `ConvergenceError`.
"""

from soret.landscape.spectra.density import SpectralDensity, spectral_density
from soret.landscape.spectra.dimension import effective_dimension
from soret.landscape.spectra.eigenpairs import Eigenpairs, Which, top
from soret.landscape.spectra.estimates import DENSE, Estimate, frobenius_norm, trace

__all__ = [
    "DENSE",
    "Eigenpairs",
    "Estimate",
    "SpectralDensity",
    "Which",
    "effective_dimension",
    "frobenius_norm",
    "spectral_density",
    "top",
    "trace",
]
