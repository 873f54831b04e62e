"""A claim at several seeds: the verdict of each, and that of all together.

A seed draws data order, initial parameters and every trained net anew. Where a claim stands on one
trained net a seed, the spread over seeds is the one that an interval should have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from soret.claims.finding import IN_DOUBT, MARKS, NOT_TESTED, TestedStatement
from soret.claims.judging import mean_interval, verdict_within
from soret.claims.statement import Origin
from soret.errors import SettingsError
from soret.verdict import Result, Verdict, together

if TYPE_CHECKING:
    from soret.claims.running import Outcome

FEWEST_SEEDS = 3
"""Of fewer, Student's interval over seeds is of no use: 13 standard errors wide at two."""


@dataclass(frozen=True)
class PooledResult:
    """One quantity over seeds.

    Attributes
    ----------
    quantity : str
        In the words of the first seed.
    measured : float
        Mean of the seeds' estimates.
    interval : (float, float)
        Student's 95 % interval of that mean, over seeds; NaN of fewer than three.
    verdict : Verdict
        See `pooled_verdict`.
    verdicts : tuple of Verdict
        Each seed's.
    """

    quantity: str
    measured: float
    interval: tuple[float, float]
    verdict: Verdict
    verdicts: tuple[Verdict, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "quantity": self.quantity,
            "measured": self.measured,
            "interval": list(self.interval),
            "verdict": str(self.verdict),
            "verdicts": [str(verdict) for verdict in self.verdicts],
        }


@dataclass(frozen=True)
class PooledStatement:
    """What became of a statement over seeds.

    Attributes
    ----------
    name, text, origin : str
        As of `Statement`.
    shown : tuple of str
        Each seed's verdict in words, as `TestedStatement.shown`.
    verdict : Verdict or None
        The worst of its pooled results; None where it has none.
    results : tuple of PooledResult
    """

    name: str
    text: str
    origin: str
    shown: tuple[str, ...]
    verdict: Verdict | None
    results: tuple[PooledResult, ...]

    @property
    def flips(self) -> bool:
        """Whether it is supported at one seed and contradicted at another."""
        failed = {str(Verdict.CONTRADICTED), IN_DOUBT} & set(self.shown)
        return bool(failed) and str(Verdict.SUPPORTED) in self.shown

    @property
    def marks(self) -> str:
        """A letter for each seed's verdict."""
        return "".join(MARKS[word] for word in self.shown)

    @property
    def in_words(self) -> str:
        """The pooled verdict; where a restored formula fails, no paper is contradicted."""
        if self.verdict is None:
            return NOT_TESTED
        failed = self.verdict is Verdict.CONTRADICTED and self.origin == Origin.RESTORED
        word = IN_DOUBT if failed else str(self.verdict)
        return f"{word}, flips with the seed" if self.flips else word

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "text": self.text,
            "origin": self.origin,
            "verdicts": list(self.shown),
            "verdict": None if self.verdict is None else str(self.verdict),
            "flips": self.flips,
            "results": [result.as_json() for result in self.results],
        }


@dataclass(frozen=True)
class Pooled:
    """A claim at several seeds.

    Attributes
    ----------
    claim : str
        Its id.
    scale : str
    seeds : tuple of int
    statements : tuple of PooledStatement
    """

    claim: str
    scale: str
    seeds: tuple[int, ...]
    statements: tuple[PooledStatement, ...]

    @property
    def flips(self) -> list[str]:
        """Names of the statements whose verdict flips between seeds."""
        return [statement.name for statement in self.statements if statement.flips]

    def as_json(self) -> dict[str, Any]:
        """Return the object that `soret run --seeds --json` prints last."""
        return {
            "claim": self.claim,
            "scale": self.scale,
            "seeds": list(self.seeds),
            "statements": [statement.as_json() for statement in self.statements],
            "flips": self.flips,
        }


def pool(outcomes: Sequence[Outcome]) -> Pooled:
    """Put a claim's runs at several seeds together, statement by statement.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of one claim with the same settings, at different seeds.

    Raises
    ------
    SettingsError
        If they are of different claims or scales, or there is none, or a seed comes twice.
    """
    kinds = {(outcome.about.id, outcome.scale) for outcome in outcomes}
    seeds = tuple(outcome.seed for outcome in outcomes)
    if len(kinds) != 1 or len(set(seeds)) != len(seeds):
        raise SettingsError("only runs of one claim at one scale, at different seeds, are pooled.")
    first = outcomes[0]
    statements = [
        _pooled(statement.name, [outcome.statements[i] for outcome in outcomes], outcomes)
        for i, statement in enumerate(first.statements)
    ]
    return Pooled(first.about.id, first.scale, seeds, tuple(statements))


def _pooled(
    name: str, tested: Sequence[TestedStatement], outcomes: Sequence[Outcome]
) -> PooledStatement:
    own = [[r for r in outcome.results if r.statement == name] for outcome in outcomes]
    # A statement may have other results at another seed: what can be matched is matched by place.
    matched = list(zip(*own, strict=False)) if len({len(results) for results in own}) == 1 else []
    results = tuple(pool_results(together_) for together_ in matched)
    verdict = together(result.verdict for result in results) if results else None
    if not results and any(one.verdict is not None for one in tested):
        verdict = _agreed([one.verdict for one in tested])
    shown = tuple(one.shown for one in tested)
    return PooledStatement(name, tested[0].text, tested[0].origin, shown, verdict, results)


def pool_results(results: Sequence[Result]) -> PooledResult:
    """Pool one quantity over seeds.

    Parameters
    ----------
    results : sequence of Result
        One a seed.
    """
    measured = np.array([result.measured for result in results], float)
    mean, interval = _student(measured)
    return PooledResult(
        results[0].quantity,
        mean,
        interval,
        pooled_verdict(results),
        tuple(result.verdict for result in results),
    )


def pooled_verdict(results: Sequence[Result]) -> Verdict:
    """Judge a quantity over seeds by what the prediction allows.

    Each seed's estimate is put on the scale of its own tolerance, −1 and 1 at its bounds, for the
    prediction may differ from net to net; the interval of the mean over seeds is judged there. A
    one-sided bound is judged as it is. Where a seed's verdict is not that of its interval (a test
    without power, too narrow a range), a number is missing, there are fewer than three seeds, or
    nothing says what is allowed, seeds have one verdict only if all agree.

    Parameters
    ----------
    results : sequence of Result
        One a seed.
    """
    verdicts = [result.verdict for result in results]
    scaled = [_scaled(result) for result in results]
    if None in scaled or len(results) < FEWEST_SEEDS:
        return _agreed(verdicts)
    bounds = {(low, high) for _, low, high in scaled}  # type: ignore[misc]
    if len(bounds) != 1:
        return _agreed(verdicts)
    _, interval = _student(np.array([value for value, _, _ in scaled]))  # type: ignore[misc]
    return verdict_within(interval, *bounds.pop())


def _scaled(result: Result) -> tuple[float, float, float] | None:
    """Return an estimate and its bounds on the scale of the tolerance; None where there is none."""
    if result.within is None or not np.isfinite([result.measured, *result.interval]).all():
        return None
    low, high = result.within
    if verdict_within(result.interval, low, high) is not result.verdict:
        return None
    if not np.isfinite([low, high]).all():
        return result.measured, low, high
    return (2 * result.measured - low - high) / (high - low), -1.0, 1.0


def _agreed(verdicts: Sequence[Verdict | None]) -> Verdict:
    found = set(verdicts)
    only = found.pop() if len(found) == 1 else None
    return Verdict.INCONCLUSIVE if only is None else only


def _student(values: np.ndarray) -> tuple[float, tuple[float, float]]:
    mean, interval = mean_interval(values)
    return mean, interval if len(values) >= FEWEST_SEEDS else (np.nan, np.nan)
