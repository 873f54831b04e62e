"""Phase space of SGD with momentum on least squares: laws of (θ, v), in continuous time and exact.

`Modes` says what is known: eigenvalues of the Hessian, gradient noise along each eigenvector, and
the hyperparameters. `Continuous` is the paper's Langevin equation, `Discrete` SGD itself; both
have the same methods. `gaussian_noise` and `Regression` replace noise frozen at the minimum by
that of linear regression, which grows with the distance from it, exactly.

References
----------
Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli and Yamins, "Rethinking the limiting
dynamics of SGD: modified loss, phase space oscillations, and anomalous diffusion",
arXiv:2107.09133 (2021).
"""

from soret.theory.phase_space.continuous import Continuous
from soret.theory.phase_space.discrete import Discrete
from soret.theory.phase_space.gaussian import gaussian_moments, gaussian_noise
from soret.theory.phase_space.law import Law
from soret.theory.phase_space.modes import Modes, Moments
from soret.theory.phase_space.regression import Regression

__all__ = [
    "Continuous",
    "Discrete",
    "Law",
    "Modes",
    "Moments",
    "Regression",
    "gaussian_moments",
    "gaussian_noise",
]
