r"""The jackknife: leave each replica out in turn, and read the error off what that changes.

Of n replicas, the pseudo-value of replica i is :math:`n\hat\theta - (n-1)\hat\theta_{-i}` [1]_:
what it adds to the estimate. Pseudo-values are nearly independent, their mean is the estimate less
its bias of order 1/n, and Student's interval of them, with n − 1 degrees of freedom, is the
interval. It needs no random numbers, and in small samples it covers better than percentiles of a
bootstrap, which knows nothing of the error of its own width.

References
----------
.. [1] J. W. Tukey, "Bias and confidence in not quite large samples", Annals of Mathematical
   Statistics 29, 614 (1958); B. Efron and R. J. Tibshirani, *An Introduction to the Bootstrap*
   (1993), Ch. 11.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from soret.errors import InferenceError

Floats = NDArray[np.float64]


def means_without(values: Floats) -> Floats:
    """Return the means over all replicas but one.

    What is positive stays so: nothing is subtracted.

    Parameters
    ----------
    values : ndarray, shape (R, ...)

    Returns
    -------
    ndarray, shape (R, ...)
        In row i, the mean over all replicas but i.
    """
    shares = values / (len(values) - 1)
    nothing = np.zeros_like(shares[:1])
    before = np.concatenate([nothing, np.cumsum(shares[:-1], axis=0)])
    after = np.concatenate([np.cumsum(shares[:0:-1], axis=0)[::-1], nothing])
    return np.asarray(before + after)


def pseudo_values(whole: Floats | float, without: Floats) -> Floats:
    """Return the pseudo-values of an estimate.

    Parameters
    ----------
    whole : ndarray, shape (...), or float
        The estimate from all replicas.
    without : ndarray, shape (R, ...)
        From all but each.
    """
    return np.asarray(whole + (len(without) - 1) * (whole - without))


def jackknife_interval(whole: float, without: Floats, confidence: float) -> tuple[float, float]:
    """Return Student's interval of the pseudo-values, with n − 1 degrees of freedom.

    It is about the estimate less its bias, and is made to hold the estimate, too: they differ by
    more than the half-width only where a replica is unlike all others.

    Parameters
    ----------
    whole : float
        The estimate from all replicas.
    without : ndarray, shape (R,)
        From all but each.
    confidence : float
        Nominal coverage, between 0 and 1.
    """
    values = pseudo_values(whole, without)
    middle = float(values.mean())
    half = float(stats.t.isf((1 - confidence) / 2, len(values) - 1) * stats.sem(values))
    return min(middle - half, whole), max(middle + half, whole)


def hotelling_p(rows: Floats) -> float:
    r"""Return how probable a mean as far from 0 is if the rows' mean is 0.

    :math:`T^2 = n\,\bar x^{\mathsf T} S^{-1} \bar x` of n independent rows of k numbers with the
    covariance S is, times (n − k)/(k(n − 1)), distributed as F with k and n − k degrees of
    freedom if they are normal [1]_. A χ² would know nothing of the error of S.

    Parameters
    ----------
    rows : ndarray, shape (n, k)

    Raises
    ------
    InferenceError
        If the rows do not vary independently in all k directions.

    References
    ----------
    .. [1] H. Hotelling, "The generalization of Student's ratio", Annals of Mathematical
       Statistics 2, 360 (1931).
    """
    n, free = rows.shape
    mean = rows.mean(0)
    covariance = np.atleast_2d(np.cov(rows.T))
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 0).all() or not np.linalg.cond(covariance / np.outer(scale, scale)) < 1e13:
        raise InferenceError(
            "what is tested does not vary independently between replicas; give more of them, or "
            "fewer points."
        )
    square = n * mean @ np.linalg.solve(covariance, mean)
    left = n - free
    return float(stats.f.sf(square * left / (free * (n - 1)), free, left))
