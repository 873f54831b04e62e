"""The exponent as Fig. 3a has it: a straight line through a histogram, in both logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import soret

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# The paper does not say how its histogram is made: numbers of bins of equal width over all
# samples, and how many samples a bin must hold to be used.
BINS = (20, 40, 80)
LEAST = (1, 10)

_RESAMPLES = 500
_SEED = 0xF16


@dataclass(frozen=True)
class LineFit:
    """The exponent of P(θ) ∝ L^−φ by least squares on a histogram.

    Attributes
    ----------
    exponent : float
        The median over six histograms.
    interval : (float, float)
        From the least to the greatest end of their six 95 % intervals, each over resampled chains.
    places : (80,) array
        x in the middle of the finest histogram's bins.
    """

    exponent: float
    interval: tuple[float, float]
    places: Floats


def line_fit(x: Floats) -> LineFit:
    """Fit a straight line to log P against log L, by unweighted least squares, in six ways.

    Parameters
    ----------
    x : (R, n) array
        θ − θ* of R chains in units of √(2L*/h), so that L/L* = 1 + x². NaN is left out.
    """
    reach = _reach(x)
    if not reach[0] < reach[1]:
        return LineFit(np.nan, (np.nan, np.nan), np.full(max(BINS), np.nan))
    chains = len(x)
    finest = _counts(x, reach, max(BINS))
    rng = np.random.default_rng(_SEED)
    shares = soret.inference.bootstrap.resampling_weights(chains, _RESAMPLES, rng)
    every = np.concatenate([finest.sum(0, keepdims=True), chains * (shares @ finest)])
    found, intervals = [], []
    for bins in BINS:
        counts = every.reshape(len(every), bins, -1).sum(-1)
        for least in LEAST:
            slopes = _slopes(np.log1p(_centres(reach, bins) ** 2), counts, least)
            found.append(slopes[0])
            intervals.append(
                soret.inference.bootstrap.expanded_percentile(slopes[1:], 0.95, chains)
            )
    low, high = np.transpose(intervals)
    interval = (float(low.min()), float(high.max()))
    return LineFit(float(np.median(found)), interval, _centres(reach, max(BINS)))


def line_through(x: Floats, log_density: Floats) -> float:
    """Return the exponent of the line through log P at places x; NaN where these are not known."""
    if not np.isfinite(x).all():
        return np.nan
    return float(-np.polyfit(np.log1p(x**2), log_density, 1)[0])


def _reach(x: Floats) -> tuple[float, float]:
    known = x[np.isfinite(x)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)


def _centres(reach: tuple[float, float], bins: int) -> Floats:
    edges = np.linspace(*reach, bins + 1)
    return np.asarray((edges[1:] + edges[:-1]) / 2)


def _counts(x: Floats, reach: tuple[float, float], bins: int) -> Floats:
    """Return the counts of each chain, (R, bins)."""
    row, column = np.nonzero(np.isfinite(x))
    share = (x[row, column] - reach[0]) / (reach[1] - reach[0])
    place = np.minimum((share * bins).astype(int), bins - 1)
    counted = np.bincount(row * bins + place, minlength=len(x) * bins)
    return counted.reshape(len(x), bins).astype(float)


def _slopes(log_loss: Floats, counts: Floats, least: int) -> Floats:
    """Return −d log P/d log L of histograms (m, bins); NaN where fewer than three bins count."""
    # Resampled counts are whole up to rounding.
    used = counts > least - 0.5
    number = np.maximum(used.sum(1), 1)
    y = np.log(np.where(used, counts, 1.0))
    off = np.where(used, log_loss - ((used * log_loss).sum(1) / number)[:, None], 0.0)
    square = (off**2).sum(1)
    known = (used.sum(1) >= 3) & (square > 0)
    return np.where(known, -(off * y).sum(1) / np.where(known, square, 1.0), np.nan)
