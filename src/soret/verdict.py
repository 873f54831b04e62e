"""Results and verdicts: what was predicted, what was measured, and whether they agree."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from soret.wording import Written, written

NOMINAL = "95 %"
"""What an interval is unless said otherwise."""


class Verdict(StrEnum):
    """What a test says of a statement."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Result:
    """One quantity of a claim, measured against a prediction and its rival.

    `soret.claims.judging` makes results from samples and intervals. Saved ones are read into the
    same type; NaN is what was not known.

    Attributes
    ----------
    quantity : str
        What was measured, in words.
    predicted, rival : float or str
        What the paper and its rival say: a number, or words such as "below 0".
    measured : float
        The estimate.
    interval : (float, float)
        Its 95 % interval, unless `interval_is` says what else.
    verdict : Verdict
    note : str
        What else a reader should know: what is left of the mismatch, why the verdict.
    evidence : object, optional
        What the estimate came from, such as a `soret.inference.Collapse`, for the figure.
    statement : str
        Name of the statement that it belongs to; may be left out where the claim has only one.
    within : (float, float), optional
        The interval supports if it lies in there, and contradicts if it lies outside.
    interval_is : str
        "95 %"; or in words what else the interval is, such as "last order"; empty where the
        number has none, as the p of a test, and both ends are the number.
    """

    quantity: str
    predicted: float | str
    measured: float
    interval: tuple[float, float]
    rival: float | str
    verdict: Verdict
    note: str = ""
    evidence: Any = field(default=None, repr=False, compare=False)
    statement: str = ""
    within: tuple[float, float] | None = None
    interval_is: str = NOMINAL

    @cached_property
    def written(self) -> Written:
        """Its numbers, with the digits that tell them apart."""
        return written(self.measured, self.interval, self.predicted, self.rival, self.within)

    @property
    def in_words(self) -> str:
        """The estimate with its interval."""
        if math.isnan(self.measured):
            return "could not be measured"
        if not self.interval_is:
            return self.written.measured
        return (
            f"{self.written.measured} ({self.interval_is}: {self.written.low} to "
            f"{self.written.high})"
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "quantity": self.quantity,
            "statement": self.statement,
            "predicted": self.predicted,
            "measured": self.measured,
            "interval": list(self.interval),
            "interval_is": self.interval_is,
            "rival": self.rival,
            "within": None if self.within is None else list(self.within),
            "verdict": str(self.verdict),
            "note": self.note,
        }


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on a whole from those on its parts: no better than the worst.

    What is stated without conditions is contradicted by one counterexample.
    """
    found = set(verdicts)
    for verdict in (Verdict.CONTRADICTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED):
        if verdict in found:
            return verdict
    return Verdict.INCONCLUSIVE
