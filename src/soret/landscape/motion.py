"""What the limiting dynamics at a point depend on: curvature and noise, direction by direction."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from soret.errors import SettingsError
from soret.landscape.curvature import hessian
from soret.landscape.noise import gradient_noise
from soret.problems import Params, Problem

# Parameters up to which every eigenpair is computed.
_ALL = 2500


@dataclass(frozen=True, eq=False)
class NoisyModes:
    """Eigenpairs of the Hessian, with mean and variance of one example's gradient along each.

    Attributes
    ----------
    curvature : (k,) array
        Eigenvalues, falling in size. Some may be negative.
    vectors : (k, P) array
        One a row.
    noise : (k,) array
        Variance of one example's gradient along each.
    gradient : (k,) array
        The mean gradient along each.
    rest_noise : float
        Variance of the gradient in all other directions together; 0 where there are none.
    rest : int
        Number of other directions: their curvature is taken to be 0.
    """

    curvature: np.ndarray
    vectors: np.ndarray
    noise: np.ndarray
    gradient: np.ndarray
    rest_noise: float
    rest: int


def noisy_modes(
    problem: Problem, params: Params, top: int | None = None, examples: int | None = None
) -> NoisyModes:
    """Measure what `soret.theory.phase_space.Modes` needs at a point of a landscape.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays
    top : int, optional
        Eigenpairs of largest size only. Default: all of them, up to 2,500 parameters.
    examples : int, optional
        As in `soret.landscape.hessian`.

    Raises
    ------
    SettingsError
        If a net is too large for all eigenpairs.
    """
    curvature = hessian(problem, params, examples)
    noise = gradient_noise(problem, params, examples)
    if top is None:
        if curvature.size > _ALL:
            raise SettingsError(
                f"{curvature.size:,} parameters are too many for all eigenpairs; give top."
            )
        values, columns = scipy.linalg.eigh(curvature.operator.dense())
        order = np.argsort(-abs(values))
        values, vectors = values[order], np.ascontiguousarray(columns.T[order])
    else:
        found = curvature.top(top, "magnitude")
        values, vectors = found.values, found.vectors
    along = np.maximum((noise.operator.matmat(vectors) * vectors).sum(1), 0.0)
    rest = curvature.size - len(values)
    return NoisyModes(
        values,
        vectors,
        along,
        vectors @ noise.gradient,
        max(0.0, noise.trace - float(along.sum())) if rest else 0.0,
        rest,
    )
