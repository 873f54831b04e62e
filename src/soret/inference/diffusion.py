"""Diffusion: squared displacement by lag, and the power of the lag that it follows.

Displacements of one trajectory at different lags and times are correlated, so intervals come from
what is independent: replicas, or blocks of time much longer than the longest lag.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError, SettingsError
from soret.inference.checks import answered, numbers, whole_number
from soret.inference.points import positive
from soret.inference.slope import Slope, loglog_slope

Floats = NDArray[np.float64]


@answered()
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
        If a lag does not fit into a block, positions are not finite, or their squares overflow or
        underflow.
    SettingsError
        If `blocks` or `start` is out of range.
    """
    blocks, start = whole_number("blocks", blocks, 1), whole_number("start", start, 0)
    x = numbers("positions", positions, replicas=0)
    spans = np.atleast_1d(np.asarray(lags))
    if x.ndim != 3 or not np.isfinite(x).all():
        raise InferenceError("positions must be finite, of shape (replicas, records, directions).")
    if spans.dtype.kind not in "iu" or spans.ndim != 1 or not (spans >= 1).all() or not spans.size:
        raise InferenceError("lags must be whole numbers of records, at least 1.")
    if not len(x) or not x.shape[2]:
        raise InferenceError(f"positions of shape {x.shape} hold none.")
    length = max(x.shape[1] - start, 0) // blocks
    if not length > spans.max():
        raise InferenceError(
            f"a lag of {spans.max()} records does not fit into {blocks} blocks of {length}."
        )
    kept = x[:, start : start + blocks * length].reshape(-1, length, x.shape[2])
    found = []
    for lag in spans.tolist():
        moved = kept[:, lag:] - kept[:, :-lag]
        found.append(_squares(moved).mean(-1))
    return np.stack(found, axis=1)


def _squares(moved: Floats) -> Floats:
    """Return |moved|² over the last axis; refuse what is lost in it."""
    with np.errstate(over="ignore", under="ignore"):
        squares = np.asarray((moved**2).sum(-1))
    largest = float(np.abs(moved).max(initial=0.0))
    # Of displacements below 1e-150 the square keeps few digits, or none.
    if not np.isfinite(squares).all() or 0 < largest < 1e-150:
        raise InferenceError(
            f"the square of a displacement of {largest:g} is out of reach of floating point; "
            "give positions in a unit in which they are closer to 1."
        )
    return squares


class LagDisplacement:
    """The same from positions that come one record at a time, in memory that does not grow.

    Of every second record at the first lags' double, of every fourth at their fourfold, …, a few
    are remembered (the "multiple-tau" scheme of correlators): displacements are exact, only that
    longer ones are taken from fewer starts.

    Parameters
    ----------
    longest : int
        The largest lag of interest, in records.
    points : int
        Records remembered at each distance, even: lags 1, …, points, then points/2 + 1, …, points
        times 2, 4, 8, … up to `longest`.

    Attributes
    ----------
    lags : (L,) array of int
        In records, rising.
    records : int
        Records seen.

    Raises
    ------
    SettingsError
        If no lag is asked for.
    InferenceError
        When positions are added, if they are not finite or change shape.

    Examples
    --------
    >>> moved = LagDisplacement(longest=10_000)
    >>> for batch in batches:                          # any training loop
    ...     theta = update(theta, batch)
    ...     moved.add(directions @ theta)              # `soret.observables.random_directions`
    >>> diffusion_exponent(*moved.read())
    """

    def __init__(self, longest: int, points: int = 16) -> None:
        longest, points = whole_number("longest", longest, 1), whole_number("points", points, 2)
        if points % 2:
            raise SettingsError(f"points must be even, not {points}.")
        strides = [1]
        while strides[-1] * points < longest:
            strides.append(2 * strides[-1])
        self._spans = {
            stride: np.arange(1 if stride == 1 else points // 2 + 1, points + 1)
            for stride in strides
        }
        lags = np.concatenate([span * stride for stride, span in self._spans.items()])
        self.lags = lags[lags <= longest]
        self.records = 0
        self._kept: dict[int, deque[Floats]] = {s: deque(maxlen=points) for s in strides}
        self._sums: dict[int, Floats] = {}
        self._counts = dict.fromkeys(self.lags.tolist(), 0)

    def add(self, positions: ArrayLike) -> None:
        """Take the next record, of shape (d,), or (R, d) for replicas."""
        x = np.atleast_2d(numbers("positions", positions))
        last = self._kept[1][-1] if self._kept[1] else x
        if x.ndim != 2 or x.shape != last.shape or not np.isfinite(x).all():
            raise InferenceError(
                f"positions must be finite, of one shape (replicas, directions): got {x.shape} "
                f"where {last.shape} came before."
            )
        for stride, kept in self._kept.items():
            if self.records % stride:
                break
            for back in self._spans[stride].tolist():
                lag = back * stride
                if back <= len(kept) and lag in self._counts:
                    squares = _squares(x - kept[-back])
                    self._sums[lag] = self._sums.get(lag, 0.0) + squares
                    self._counts[lag] += 1
            kept.append(x)
        self.records += 1

    def read(self) -> tuple[NDArray[np.int64], Floats]:
        """Return the lags that have been seen so far, (L,), and mean squares at each, (R, L).

        Raises
        ------
        InferenceError
            If fewer than two records were added.
        """
        seen = np.array([lag for lag in self.lags.tolist() if self._counts[lag]], dtype=np.int64)
        if not seen.size:
            raise InferenceError("a displacement takes two records.")
        return seen, np.stack([self._sums[lag] / self._counts[lag] for lag in seen.tolist()], 1)


@answered()
def diffusion_exponent(
    lags: ArrayLike, displacement: ArrayLike, *, within: tuple[float, float] | None = None
) -> Slope:
    """Return the power of the lag that the mean squared displacement follows.

    The interval is from rows left out in turn, so that nothing is assumed of correlations in time
    (`soret.inference.loglog_slope`); see `soret.inference.local_slope` for the exponent as a
    function of the lag. Of walks of 64 steps, normal and skewed ones, and lags up to 16, it covers
    in 92 to 95 % with 8 to 64 rows, and the test of the line rejects at 5 % in 4 to 7 %.

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
    at = positive("lags", lags)
    chosen = (float(at.min()), float(at.max())) if within is None else within
    return loglog_slope(at, displacement, average="mean", within=chosen)
