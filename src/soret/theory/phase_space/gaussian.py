r"""Linear regression on Gaussian inputs: noise that depends on θ, exact at any number of modes.

For x ~ N(0, H), y = θ*·x + e with e of variance σ² independent of x, and u = θ − θ*, the gradient
(xxᵀu − xe) of one fresh example has along eigenvector i the variance

    c_i(θ) = h_i (σ² + Σ_j h_j u_j²) + h_i² u_i²

(Isserlis). So the second moments of all modes are coupled through one number, the excess loss
Σ h_j E u_j², and follow a recursion that costs n a step; its fixed point has a closed form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form, not_negative, positive
from soret.theory.phase_space.discrete import Discrete, whole_steps
from soret.theory.phase_space.modes import Floats, Modes, Moments, product, read_start, sandwich


@closed_form
def gaussian_noise(modes: Modes, residual: float) -> Floats:
    """Return the mean of c_i(θ) over the stationary law, (n,), for `Modes.with_noise`.

    Stationary covariances, correlations, speed and displacements of SGD with the noise of
    linear regression are those of `Discrete` with this noise, exactly: they depend on second
    moments alone.

    Parameters
    ----------
    modes : Modes
        Their noise is not looked at.
    residual : float
        σ² > 0, the variance of e.

    Raises
    ------
    OutsideDomain
        If second moments grow without bound: η/S is too large although each mode is stable, or
        batches are without replacement (fresh examples have no number N).
    """
    variance = float(positive("residual", residual))
    _fresh(modes)
    h = modes.h
    per_noise = Discrete(modes.with_noise(np.where(h > 0, 1.0, 0.0))).stationary[0, 0]
    off = modes.centre - modes._like("minimum", np.asarray(modes.minimum, float))
    left = 1 - per_noise * h**2
    gain = (per_noise * h**2 / np.where(left > 0, left, 1.0)).sum()
    if not (left > 0).all() or not gain < 1:
        raise OutsideDomain(
            "second moments grow without bound, although every mode is stable: the noise grows "
            "faster with the distance than it is damped; lower learning_rate/batch_size."
        )
    excess = (h * (per_noise * h * variance + off**2) / left).sum() / (1 - gain)
    seconds = (per_noise * h * (variance + excess) + off**2) / left
    return np.asarray(h * (variance + excess) + h**2 * seconds)


@closed_form
def gaussian_moments(
    modes: Modes, residual: float, steps: ArrayLike, mean: ArrayLike, covariance: ArrayLike
) -> Moments:
    """Return exact mean and covariance of (θ, v) of every mode after so many steps.

    Step by step: n operations each.

    Parameters
    ----------
    modes : Modes
        Their noise is not looked at.
    residual : float
        σ² ≥ 0.
    steps : array_like, shape (T,)
        Whole numbers of at least 0, rising.
    mean, covariance : array_like
        Of the start, as in `Discrete.moments`; modes uncorrelated.
    """
    variance = float(not_negative("residual", residual))
    _fresh(modes)
    at = whole_steps(steps)
    if (np.diff(at) < 0).any():
        raise OutsideDomain("steps do not rise.")
    first, spread = read_start(modes, mean, covariance)
    centre = np.stack([modes.centre, np.zeros(modes.size)])
    minimum = modes._like("minimum", np.asarray(modes.minimum, float))
    h, matrix = modes.h, Discrete(modes).matrix
    eta = modes.learning_rate
    enters = np.array([[eta**2, -eta], [-eta, 1.0]])
    away, means, spreads = first - centre, [], []
    for step in range(int(at[-1]) + 1):
        for _ in range(int((at == step).sum())):
            means.append(away + centre)
            spreads.append(spread)
        seconds = spread[0, 0] + (away[0] + centre[0] - minimum) ** 2
        noise = h * (variance + (h * seconds).sum()) + h**2 * seconds
        away = product(matrix, away)
        spread = sandwich(matrix, spread) + np.multiply.outer(enters, noise * modes.share)
    return Moments(at.astype(float), np.array(means), np.array(spreads))


def _fresh(modes: Modes) -> None:
    if modes.examples is not None:
        raise OutsideDomain("Gaussian inputs are drawn afresh; leave examples out.")
