"""Diffusion: squared displacement by lag, and the power of the lag that it follows.

Displacements of one trajectory at different lags and times are correlated, so intervals come from
what is independent: replicas, or blocks of time much longer than the longest lag.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError
from soret.inference.slope import Slope, loglog_slope

Floats = NDArray[np.float64]


def squared_displacement(
    positions: ArrayLike, lags: ArrayLike, *, blocks: int = 1, start: int = 0
) -> Floats:
    """Return the mean of |θ_{k+l} − θ_k|² over times k, for every replica and lag l.

    Parameters
    ----------
    positions : array_like, shape (R, T, d)
        Recorded at equal distances, in all directions that count, or along
        `soret.observables.random_directions`.
    lags : array_like, shape (L,)
        In records, at least 1.
    blocks : int
        Cut every trajectory into so many blocks of time, each then a row of its own: what to
        resample where there is one trajectory only. Displacements stay within a block.
    start : int
        First record to use: what comes before is not yet stationary.

    Returns
    -------
    ndarray, shape (R·blocks, L)

    Raises
    ------
    InferenceError
        If a lag does not fit into a block, or positions are not finite.
    """
    x = np.asarray(positions, dtype=np.float64)
    spans = np.atleast_1d(np.asarray(lags))
    if x.ndim != 3 or not np.isfinite(x).all():
        raise InferenceError("positions must be finite, of shape (replicas, records, directions).")
    if spans.dtype.kind not in "iu" or not (spans >= 1).all():
        raise InferenceError("lags must be whole numbers of records, at least 1.")
    length = (x.shape[1] - start) // max(blocks, 1)
    if blocks < 1 or not length > spans.max():
        raise InferenceError(
            f"a lag of {spans.max()} records does not fit into {blocks} blocks of {length}."
        )
    kept = x[:, start : start + blocks * length].reshape(-1, length, x.shape[2])
    return np.stack(
        [((kept[:, lag:] - kept[:, :-lag]) ** 2).sum(-1).mean(-1) for lag in spans], axis=1
    )


def diffusion_exponent(
    lags: ArrayLike, displacement: ArrayLike, *, within: tuple[float, float] | None = None
) -> Slope:
    """Return the power of the lag that the mean squared displacement follows.

    The interval is from resampled rows, so that nothing is assumed of correlations in time; see
    `soret.inference.local_slope` for the exponent as a function of the lag.

    Parameters
    ----------
    lags : array_like, shape (L,)
    displacement : array_like, shape (R, L)
        One row a replica or block, as `squared_displacement` returns it.
    within : (float, float), optional
        Lags to use; default all of them, whether the line is straight or not.

    Raises
    ------
    InferenceError
        If there are fewer than 5 lags, too few rows, or values that are not positive.
    """
    at = np.asarray(lags, dtype=np.float64)
    chosen = (float(at.min()), float(at.max())) if within is None else within
    return loglog_slope(at, displacement, average="mean", within=chosen)
