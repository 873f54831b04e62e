"""Fewer points of a long curve, without losing what it does between them."""

import itertools

import numpy as np
from numpy.typing import NDArray


def decimate(values: NDArray[np.float64], points: int) -> NDArray[np.int64]:
    """Return at most `points` indices of a curve: the least and greatest of every stretch.

    Taking every k-th record instead would turn a fast oscillation into a slow one.

    Parameters
    ----------
    values : (T,) array
        NaN where there is no value.
    points : int
        At least four.

    Returns
    -------
    (N,) array
        Ascending; the first and the last index are always among them.
    """
    total = len(values)
    if total <= points:
        return np.arange(total)
    edges = np.linspace(0, total, points // 2).astype(int)
    kept = {0, total - 1}
    for start, stop in itertools.pairwise(edges):
        part = values[start:stop]
        if np.isfinite(part).any():
            kept |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
        else:
            kept.add(int(start))
    return np.array(sorted(kept))
