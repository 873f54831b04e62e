r"""The covariance of SGD's noise for the mean-square loss, as the paper has it and exactly.

One example's gradient is (f − y)∇f. The paper keeps the second moment of it and drops ∇L∇Lᵀ
(Eq. 8), takes the loss of an example to be independent of ∇f∇fᵀ (Eq. 7) and arrives at 2LH.
For linear regression on Gaussian inputs, x ~ N(0, H), both steps can be done exactly: Wick's
theorem gives a second moment of 2LH + 2∇L∇Lᵀ, and a covariance of 2LH + ∇L∇Lᵀ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import Floats, at_least, finite, not_negative, positive


@closed_form
def noise_covariance(
    loss: ArrayLike,
    hessian: ArrayLike,
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    examples: int | None = None,
) -> Floats:
    r"""Return the covariance 2η²L H/B of the noise of one step (Eq. 6).

    Parameters
    ----------
    loss : array_like, shape (...)
        L ≥ 0, the mean of ½(f − y)².
    hessian : array_like, shape (..., n, n)
        H at the minimum, symmetric, without negative eigenvalues.
    learning_rate, batch_size : array_like, shape (...)
        η > 0 and B ≥ 1.
    examples : int, optional
        N, when batches are drawn without replacement: a factor (N − B)/(N − 1). Without it
        N ≫ B is taken, as in Eq. 8.

    Returns
    -------
    ndarray, shape (..., n, n)
        In the square of the parameters' unit; in the time t = ηk of Eq. 4 the noise has the
        intensity Σ/η.

    Raises
    ------
    OutsideDomain
        If an argument is out of its range or the Hessian is not positive semidefinite.
    """
    scale = _scale(learning_rate, batch_size, examples)
    return (2 * scale * not_negative("loss", loss))[..., None, None] * _hessian(hessian)


@closed_form
def regression_noise_covariance(
    displacement: ArrayLike,
    hessian: ArrayLike,
    minimum_loss: ArrayLike,
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    examples: int | None = None,
) -> Floats:
    r"""Return the exact noise covariance (η²/B)(2LH + ∇L∇Lᵀ) of regression on Gaussian inputs.

    For x ~ N(0, H) and labels with an independent residual of variance 2L*. With H = 1 and
    σ² = 2L* it is (η²/B)[(|z|² + σ²)1 + zzᵀ]: along z twice as steep in |z|² as Eq. 6.

    Parameters
    ----------
    displacement : array_like, shape (..., n)
        z = θ − θ*.
    hessian : array_like, shape (..., n, n)
        H, the covariance of the inputs.
    minimum_loss : array_like, shape (...)
        L* ≥ 0.
    learning_rate, batch_size, examples
        As for `noise_covariance`.

    Returns
    -------
    ndarray, shape (..., n, n)
    """
    scale = _scale(learning_rate, batch_size, examples)
    z, hessian = finite("displacement", displacement), _hessian(hessian)
    if z.ndim < 1 or z.shape[-1] != hessian.shape[-1]:
        raise OutsideDomain(
            f"the displacement has shape {z.shape} and the Hessian {hessian.shape}; they must be "
            "(..., n) and (..., n, n)."
        )
    gradient = np.einsum("...ij,...j->...i", hessian, z)
    twice_loss = 2 * not_negative("minimum_loss", minimum_loss) + (z * gradient).sum(-1)
    aligned = twice_loss[..., None, None] * hessian
    return scale[..., None, None] * (aligned + gradient[..., :, None] * gradient[..., None, :])


def _scale(learning_rate: ArrayLike, batch_size: ArrayLike, examples: int | None) -> Floats:
    rate = positive("learning_rate", learning_rate)
    size = at_least("batch_size", batch_size, 1)
    scale = np.asarray(rate**2 / size)
    if examples is None:
        return scale
    if not examples > 1 or not (size <= examples).all():
        raise OutsideDomain(f"{examples} examples do not make a batch of {size.max():g}.")
    return np.asarray(scale * (examples - size) / (examples - 1))


def _hessian(hessian: ArrayLike) -> Floats:
    matrix = finite("hessian", hessian)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise OutsideDomain(f"the Hessian has shape {matrix.shape}; it must be (..., n, n).")
    size = max(float(np.abs(matrix).max()), np.finfo(float).tiny)
    if not np.allclose(matrix, np.swapaxes(matrix, -1, -2), rtol=0, atol=1e-10 * size):
        raise OutsideDomain("the Hessian is not symmetric.")
    # Rounding leaves an eigenvalue of 0 a little below it.
    if np.linalg.eigvalsh(matrix).min() < -1e-10 * size * matrix.shape[-1]:
        raise OutsideDomain("the Hessian has a negative eigenvalue; at a minimum it has none.")
    return matrix
