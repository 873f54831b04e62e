"""One interval, one ladder of verdicts, one way to make a result: shared by all claims.

A result is supported if its whole interval lies within what the prediction allows, contradicted if
it lies outside, else inconclusive. Nothing is concluded from a number that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import soret
from soret.errors import InferenceError
from soret.verdict import NOMINAL, Result, Verdict

Interval = tuple[float, float]

# A formula taken to leading order in η is within a few per cent of what it stands for at the
# learning rates used, and formulas that differ do so by a factor, ½, 3/2 or 2. Chosen before any
# run.
RATIO_TOLERANCE = 0.1
# An exponent may be off by a quarter of the way to the rival: it is then three times nearer to
# the prediction. Chosen before any run; the papers give their exponents as whole numbers read
# off overlapping lines, and four times the hyperparameter shows such a shift at a glance.
EXPONENT_TOLERANCE = 0.25

_NOWHERE = (np.nan, np.nan)


def judged(
    quantity: str,
    measured: float,
    interval: Sequence[float],
    *,
    predicted: float | str,
    rival: float | str,
    within: Interval | None = None,
    outside: Interval | None = None,
    statement: str = "",
    note: str = "",
    evidence: Any = None,
    interval_is: str = NOMINAL,
) -> Result:
    """Judge a number by its interval.

    Parameters
    ----------
    quantity : str
        What was measured, in words.
    measured : float
    interval : (float, float)
        95 %, or what `interval_is` says.
    predicted, rival : float or str
    within : (float, float)
        What the prediction allows. An infinite bound is none: ``(0.0, math.inf)`` is "above 0",
        which an interval that reaches down to 0 is not.
    outside : (float, float)
        In place of `within`: what the prediction excludes. Supported is an interval that lies
        wholly outside, contradicted one that lies within.
    statement : str
        Name of the statement that the result belongs to; needed where a claim has several.
    note : str
    evidence : object, optional
        For the figure.
    interval_is : str
        As of `Result`: what the interval is if it is none of 95 %.

    Raises
    ------
    TypeError
        If not just one of `within` and `outside` is given.
    """
    if (within is None) == (outside is None):
        raise TypeError("judged() takes one of within and outside")
    low, high = (float(bound) for bound in interval)
    if within is not None:
        verdict = verdict_within((low, high), *within)
    else:
        assert outside is not None
        verdict = _TURNED[verdict_within((low, high), *outside)]
    return Result(
        quantity,
        predicted,
        float(measured),
        (low, high),
        rival,
        verdict,
        note,
        evidence,
        statement,
        within,
        interval_is,
    )


def unmeasured(
    quantity: str,
    why: str,
    *,
    predicted: float | str,
    rival: float | str,
    within: Interval | None = None,
    statement: str = "",
) -> Result:
    """Return what is said of a quantity that could not be measured: inconclusive, and why."""
    return Result(
        quantity,
        predicted,
        np.nan,
        _NOWHERE,
        rival,
        Verdict.INCONCLUSIVE,
        why,
        statement=statement,
        within=within,
    )


def near(predicted: float, tolerance: float) -> Interval:
    """Return what lies within an absolute tolerance of a prediction."""
    return predicted - tolerance, predicted + tolerance


def with_power(result: Result) -> Result:
    """Return a result; inconclusive if what supports it would support its rival's number too."""
    assert result.within is not None
    assert not isinstance(result.rival, str)
    low, high = result.within
    told_apart = result.rival < low or high < result.rival
    if result.verdict is not Verdict.SUPPORTED or told_apart:
        return result
    note = f"{result.note}; the rival's number is allowed too"
    return replace(result, verdict=Verdict.INCONCLUSIVE, note=note)


def verdict_within(interval: Interval, low: float, high: float) -> Verdict:
    """Supported if the interval is inside a range, contradicted if outside, else inconclusive.

    A range without one of its bounds is open at the other: of "above 0" an interval that ends at
    0 says nothing.
    """
    if np.isinf([low, high]).any():
        inside = low < interval[0] and interval[1] < high
    else:
        inside = low <= interval[0] and interval[1] <= high
    if inside:
        return Verdict.SUPPORTED
    outside = interval[1] < low or high < interval[0]
    return Verdict.CONTRADICTED if outside else Verdict.INCONCLUSIVE


_TURNED = {
    Verdict.SUPPORTED: Verdict.CONTRADICTED,
    Verdict.CONTRADICTED: Verdict.SUPPORTED,
    Verdict.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}


def mean_interval(samples: NDArray[np.floating]) -> tuple[float, Interval]:
    """Return a mean over replicas and its 95 % interval (`soret.inference.student_interval`).

    NaN where there are fewer than two, or where one is not finite: a replica that diverged is not
    a missing one. Who wants it left out leaves it out. Of fewer than five the interval is that of
    normal values.
    """
    if len(samples) < 2 or not np.isfinite(samples).all():
        return float(np.mean(samples)) if len(samples) else np.nan, _NOWHERE
    return soret.inference.student_interval(samples)


def judge_number(
    quantity: str,
    samples: NDArray[np.float64],
    *,
    predicted: float,
    rival: float | str,
    tolerance: float = RATIO_TOLERANCE,
    note: str = "",
    statement: str = "",
) -> Result:
    """Test that a mean over replicas is the number predicted, to within a tolerance.

    Parameters
    ----------
    quantity : str
    samples : (R,) array
        One estimate a replica.
    predicted : float
    rival : float or str
    tolerance : float
        Absolute, around the prediction.
    note, statement : str
    """
    return judged(
        quantity,
        *mean_interval(samples),
        predicted=predicted,
        rival=rival,
        within=near(predicted, tolerance),
        note=note,
        statement=statement,
    )


def judge_factor(
    quantity: str,
    ratios: NDArray[np.float64],
    *,
    rival: float | str,
    tolerance: float,
    note: str = "",
    statement: str = "",
) -> Result:
    """Test that what was measured is what was predicted: that their ratio's typical value is 1.

    The geometric mean, with Student's 95 % interval of the mean of logarithms: half and twice the
    prediction are the same distance from it.

    Parameters
    ----------
    quantity : str
    ratios : (n,) array
        Above 0, of independent samples; of one that is not there is no interval.
    rival : float or str
    tolerance : float
        Absolute, around 1.
    note, statement : str
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, (low, high) = mean_interval(np.log(ratios))
    return judged(
        quantity,
        float(np.exp(mean)),
        (float(np.exp(low)), float(np.exp(high))),
        predicted=1.0,
        rival=rival,
        within=near(1.0, tolerance),
        note=note,
        statement=statement,
    )


def judge_power(
    quantity: str,
    values: NDArray[np.float64],
    samples: NDArray[np.float64],
    *,
    predicted: float,
    rival: float,
    note: str = "",
    statement: str = "",
) -> Result:
    """Test that |mean over replicas| goes as a power of a hyperparameter.

    The exponent and its interval are those of `soret.inference.mean_power`. The tolerance is that
    of the collapse: a quarter of the way to the rival. Inconclusive where a mean cannot be told
    from zero, means differ in sign, there is one value, or fewer than eight replicas.

    Parameters
    ----------
    quantity : str
    values : (H,) array
        The hyperparameter.
    samples : (H, R) array
        One estimate for every value and replica.
    predicted, rival : float
    note, statement : str
    """
    within = near(predicted, EXPONENT_TOLERANCE * abs(predicted - rival))
    told: Any = {
        "predicted": predicted,
        "rival": rival,
        "within": within,
        "statement": statement,
    }
    try:
        measured, interval = soret.inference.mean_power(values, samples.T)
    except InferenceError as error:
        return unmeasured(quantity, f"{note}; {error}" if note else str(error), **told)
    return judged(quantity, measured, interval, note=note, **told)


def judge_sign(
    quantity: str,
    samples: NDArray[np.float64],
    *,
    below: bool = True,
    note: str = "",
    statement: str = "",
) -> Result:
    """Test that a mean over replicas is below zero, or above.

    Parameters
    ----------
    quantity : str
    samples : (R,) array
    below : bool
    note, statement : str
    """
    side = "below 0" if below else "above 0"
    return judged(
        quantity,
        *mean_interval(samples),
        predicted=side,
        rival=f"not {side}",
        within=(-np.inf, 0.0) if below else (0.0, np.inf),
        note=note,
        statement=statement,
    )
