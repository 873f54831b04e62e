"""The spectrum of the second moment of random vectors without structure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soret.errors import OutsideDomain

# Nodes of the distribution function: its quantiles are then right to five digits.
_NODES = 20_001


def marchenko_pastur(size: int, examples: int, trace: float) -> NDArray[np.float64]:
    r"""Return the eigenvalues of 1/n Σ g_i g_iᵀ for n independent g_i with equal, independent
    components, as they lie on average.

    These are the quantiles (k − ½)/m, k = 1…m, of the law of Marchenko and Pastur (1967): with
    γ = P/n and σ² = trace/P, of the density √((b − x)(x − a))/(2πσ²γx) between
    a, b = σ²(1 ∓ √γ)², which holds m = min(n, P) eigenvalues; the rest are zero.

    Parameters
    ----------
    size : int
        P, the dimension of the vectors.
    examples : int
        n.
    trace : float
        Sum of the eigenvalues.

    Returns
    -------
    (size,) array
        Falling.

    Raises
    ------
    OutsideDomain
        If a number is not above zero.
    """
    if size < 1 or examples < 1 or not trace > 0:
        raise OutsideDomain(
            f"{size} dimensions, {examples} examples and a trace of {trace:g} must be above zero."
        )
    ratio, variance = size / examples, trace / size
    middle, half = variance * (1 + ratio), 2 * variance * np.sqrt(ratio)
    # In x = middle − half·cos φ the density has no roots at its ends.
    angle = np.linspace(0, np.pi, _NODES)
    x = middle - half * np.cos(angle)
    weight = np.sin(angle) ** 2 / np.maximum(x, np.finfo(float).tiny)
    share = np.concatenate([[0.0], np.cumsum((weight[1:] + weight[:-1]) / 2)])
    count = min(size, examples)
    values = np.interp((np.arange(count) + 0.5) / count, share / share[-1], x)[::-1]
    # Quantiles miss little of the trace, and none of it after this.
    return np.concatenate([values * (trace / values.sum()), np.zeros(size - count)])
