"""Resampling of replicas, and intervals read off the resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats


def resampling_weights(
    replicas: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw bootstrap resamples of replicas, as the weights that their means give each replica.

    Parameters
    ----------
    replicas, resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (resamples, replicas)
        Multinomial counts divided by `replicas`: rows add up to one.
    """
    counts = rng.multinomial(replicas, np.full(replicas, 1 / replicas), size=resamples)
    return counts / replicas


def expanded_percentile(
    estimates: ArrayLike, confidence: float, replicas: int
) -> tuple[float, float]:
    r"""Percentile interval, widened for what the bootstrap underestimates in small samples.

    A resample of n values varies by :math:`\sqrt{(n-1)/n}` too little and knows nothing of the
    spread of Student's t. The tail probability α/2 is therefore replaced by
    :math:`\Phi\bigl(-\sqrt{n/(n-1)}\; t_{1-\alpha/2,\,n-1}\bigr)`, which makes the interval of a
    mean the classical t interval [1]_.

    Parameters
    ----------
    estimates : array_like, shape (B,)
        The estimate in each resample.
    confidence : float
        Nominal coverage, between 0 and 1.
    replicas : int
        Number n of independent values resampled.

    Returns
    -------
    low, high : float

    References
    ----------
    .. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American
       Statistician 69, 371 (2015), arXiv:1411.5279.
    """
    quantile = stats.t.isf((1 - confidence) / 2, replicas - 1)
    tail = special.ndtr(-quantile * np.sqrt(replicas / (replicas - 1)))
    low, high = np.quantile(np.asarray(estimates), [tail, 1 - tail])
    return float(low), float(high)
