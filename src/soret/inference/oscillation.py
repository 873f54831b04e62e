r"""Frequency and damping of one projected motion, and its spectrum.

Along an eigenvector, SGD with momentum on a quadratic surface is
z_{k+1} = a z_k − b z_{k−1} − ηζ_k: an autoregressive process of second order, whatever the noise,
with a = 1 + β − ηk and b = β. Least squares finds a and b (records further apart than a step make
it an ARMA(2, 1) process, and older records are the instruments), and the roots of Λ² − aΛ + b
turn by the frequency and shrink by the damping. No peak has to be picked from a noisy periodogram.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from soret.errors import InferenceError
from soret.inference.checks import answered, back, in_unit, must_vary, numbers, unit, whole_number
from soret.inference.curves import MIN_REPLICAS
from soret.inference.jackknife import jackknife_interval, means_without

Floats = NDArray[np.float64]

# Where the product of the roots is not above 0, both are real.
_LEAST_SQUARE = 1e-12
# Cosines beyond this are as good as one another: nothing turns.
_NO_TURN = 2.0


@dataclass(frozen=True)
class Oscillation:
    """How a mode turns and shrinks, with 95 % intervals over replicas.

    Attributes
    ----------
    frequency : float
        Radians a step; 0 where the roots are real and positive: no oscillation.
    frequency_interval : (float, float)
    damping : float
        Rate at which the slower root shrinks, a step.
    damping_interval : (float, float)
    coefficients : (float, float)
        a and b.
    """

    frequency: float
    frequency_interval: tuple[float, float]
    damping: float
    damping_interval: tuple[float, float]
    coefficients: tuple[float, float]


@answered()
def oscillation(series: ArrayLike, *, every: int = 1) -> Oscillation:
    """Fit the roots of an autoregression of second order to replicas of a stationary motion.

    Intervals are by the jackknife over replicas, that of the frequency through the cosine of the
    turn between two records. Measured with 8 to 64 replicas of 100 records, under normal and skewed
    noise, they cover in 93 to 96 %; a frequency of 0, at the edge of what there is, in all cases.

    Parameters
    ----------
    series : array_like, shape (R, T)
        A projected position, finite and not constant, of at least 8 replicas and 10 records. Its
        mean over everything is taken off.
    every : int
        Steps between records; so few that a mode turns by less than half a circle between two.

    Raises
    ------
    InferenceError
        If the series is not finite, constant, too short, or has too few replicas.
    SettingsError
        If `every` is out of range.
    """
    every = whole_number("every", every, 1)
    x = numbers("series", series, replicas=0)
    if x.ndim != 2 or x.shape[1] < 10 or not np.isfinite(x).all():
        raise InferenceError("a series must be finite, of shape (replicas, at least 10 records).")
    if len(x) < MIN_REPLICAS:
        raise InferenceError(f"an interval needs at least {MIN_REPLICAS} replicas, not {len(x)}.")
    must_vary("series", series, x)
    x = in_unit(x, unit(x))
    x = x - x.mean()
    now, one, two, three = x[:, 3:], x[:, 2:-1], x[:, 1:-2], x[:, :-3]
    # Of records further apart the noise reaches over two: what multiplies must be older.
    first, second = (one, two) if every == 1 else (two, three)
    # Per replica: the sums of products in first·(now − a one + b two) = 0, and the same of second.
    pairs = ((first, one), (first, two), (second, one), (second, two), (first, now), (second, now))
    sums = np.stack([(p * q).mean(1) for p, q in pairs], 1)
    p, q, r, s, g, h = np.vstack([sums.mean(0), means_without(sums)]).T
    determinant = p * s - q * r
    if not (abs(determinant) > 1e-12 * (abs(p * s) + abs(q * r))).all():
        raise InferenceError("the series does not move, or is a straight line.")
    a, b = (s * g - q * h) / determinant, -(p * h - r * g) / determinant
    apart = np.sqrt((a**2 / 4 - b).astype(complex))
    roots = np.stack([a / 2 + apart, a / 2 - apart])
    slowest = np.take_along_axis(roots, abs(roots).argmax(0)[None], 0)[0]
    damping = -np.log(abs(slowest)) / every
    frequency = float(abs(np.angle(slowest[0]))) / every
    low, high = _frequency_interval(a, b, every)
    return Oscillation(
        frequency,
        (min(low, frequency), max(high, frequency)),
        float(damping[0]),
        jackknife_interval(float(damping[0]), damping[1:], 0.95),
        (float(a[0]), float(b[0])),
    )


def _frequency_interval(a: Floats, b: Floats, every: int) -> tuple[float, float]:
    """Return the interval of the frequency, through a/(2√b).

    That is the cosine of the turn between two records, and beyond 1 where nothing turns: it goes
    on smoothly there, where the frequency stays at 0 and has no error that could be read off.
    """
    cosine = np.clip(a / (2 * np.sqrt(np.maximum(b, _LEAST_SQUARE))), -_NO_TURN, _NO_TURN)
    low, high = jackknife_interval(float(cosine[0]), cosine[1:], 0.95)
    slow, fast = np.arccos(np.clip([high, low], -1, 1)) / every
    return float(slow), float(fast)


@answered()
def power_spectrum(
    series: ArrayLike, *, every: int = 1, length: int = 256
) -> tuple[Floats, Floats]:
    """Return frequencies (radians a step) and the power at each, for every replica (Welch).

    Parameters
    ----------
    series : array_like, shape (R, T)
        Finite, of at least 2 records.
    every : int
        Steps between records.
    length : int
        Records in a segment, at least 2: the resolution is 2π/(length·every).

    Returns
    -------
    frequencies : (F,) array
    power : (R, F) array
        Per radian a step.

    Raises
    ------
    InferenceError
        If the series is not finite, or too short; if its squares overflow or underflow.
    SettingsError
        If `every` or `length` is out of range.
    """
    every, length = whole_number("every", every, 1), whole_number("length", length, 2)
    x = numbers("series", series, replicas=0)
    if x.ndim != 2 or not len(x) or x.shape[1] < 2 or not np.isfinite(x).all():
        raise InferenceError("a series must be finite, of shape (replicas, at least 2 records).")
    unity = unit(x)
    x = in_unit(x, unity)
    found, power = signal.welch(x - x.mean(), fs=2 * np.pi / every, nperseg=min(length, x.shape[1]))
    # Whether the largest can be held; powers below it may be 0.
    back(float(power.max()), 2 * unity)
    return np.asarray(found), in_unit(np.asarray(power), -2 * unity)
