"""Results and verdicts: what was predicted, what was measured, and whether they agree."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a test says of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Result:
    """One quantity of a claim, measured against a prediction and its rival.

    Attributes
    ----------
    quantity : str
        What was measured, in words.
    predicted, rival : float or str
        What the paper and its rival say: a number, or words such as "below 0".
    measured : float
        The estimate.
    interval : (float, float)
        Its 95 % interval.
    verdict : Verdict
    note : str
        What else a reader should know: what is left of the mismatch, why the verdict.
    evidence : object, optional
        What the estimate came from, such as a `soret.inference.Collapse`, for the figure.
    """

    quantity: str
    predicted: float | str
    measured: float
    interval: tuple[float, float]
    rival: float | str
    verdict: Verdict
    note: str = ""
    evidence: Any = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "quantity": self.quantity,
            "predicted": self.predicted,
            "measured": self.measured,
            "interval": list(self.interval),
            "rival": self.rival,
            "verdict": str(self.verdict),
            "note": self.note,
        }


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on a claim from those on its results: no better than the worst.

    A claim made without conditions is contradicted by one counterexample.
    """
    found = set(verdicts)
    for verdict in (Verdict.CONTRADICTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED):
        if verdict in found:
            return verdict
    return Verdict.INCONCLUSIVE
