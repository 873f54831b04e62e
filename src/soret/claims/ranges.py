"""Ranges of settings, declared with the setting: ``Annotated[float, "meaning", In(above=0)]``.

A range says in words what it allows, and of a value what is wrong with it. It is checked wherever a
claim gets its settings: from the command line, by `configure`, and from Python.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

LARGEST_COUNT = 2**31 - 1
"""Steps, replicas and sizes are counted in 32 bits."""


@runtime_checkable
class Range(Protocol):
    """What a setting may be; `str` of it are the words for it."""

    def fault(self, value: Any) -> str:
        """Return what a value must be and is not ("must be above 0"), or nothing."""


@dataclass(frozen=True)
class In:
    """A range of numbers.

    Every number must be finite. One that is no integer must be 0 or have a size that float32 can
    hold, for ensembles run in that; an integer must be below 2³¹.

    Attributes
    ----------
    above, at_least : float, optional
        The lower limit, itself left out or allowed.
    below, at_most : float, optional
        The upper limit.
    why : str
        The reason for a limit, as it reads after "for": "an interval over replicas".
    """

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    why: str = ""

    def fault(self, value: Any) -> str:
        """Return what a number must be and is not, or nothing."""
        if isinstance(value, float):
            if not math.isfinite(value):
                return "must be a finite number"
            if not _in_float32(value):
                return "must be 0 or have a size from 1.2e-38 to 3.4e38, which float32 can hold"
        elif value > LARGEST_COUNT:
            return f"must be below 2³¹ = {LARGEST_COUNT + 1:,}"
        inside = (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )
        return "" if inside else f"must be {self}"

    def __str__(self) -> str:
        limits = (
            ("above", self.above),
            ("at least", self.at_least),
            ("below", self.below),
            ("at most", self.at_most),
        )
        said = " and ".join(f"{word} {limit:,.12g}" for word, limit in limits if limit is not None)
        return (said or "any finite number") + (f", for {self.why}" if self.why else "")


_KINDS = ("pytorch", "glorot", "lecun", "he", "normal")


@dataclass(frozen=True)
class Initialization:
    """The name of an initialization, as `soret.problems` knows them."""

    def fault(self, value: Any) -> str:
        """Return what a name must be and is not, or nothing."""
        kind, colon, scale = str(value).partition(":")
        if not colon:
            return "" if kind in _KINDS else f"must be {self}"
        try:
            number = float(scale)
        except ValueError:
            return f"must be {self}"
        fits = kind == "normal" and number > 0 and math.isfinite(number) and _in_float32(number)
        return "" if fits else f"must be {self}"

    def __str__(self) -> str:
        return f"{', '.join(_KINDS)} or normal:<scale above 0>"


@dataclass(frozen=True)
class Several:
    """A list of values.

    Attributes
    ----------
    each : range, optional
        Of every value.
    fewest, most : int
        How many there are.
    distinct : bool
        Whether no value may stand twice. Numbers that agree in six digits are the same: experiments
        are named by that many.
    order : {"", "rising", "falling"}
    why : str
        The reason for the number of values, as it reads after "for".
    """

    each: Range | None = None
    fewest: int = 1
    most: int | None = None
    distinct: bool = True
    order: Literal["", "rising", "falling"] = ""
    why: str = ""

    def fault(self, value: Sequence[Any]) -> str:
        """Return what a list must be and is not, or nothing."""
        if self.each is not None:
            for item in value:
                fault = self.each.fault(item)
                if fault:
                    return f"{fault}, in all its values"
        if len(value) < self.fewest or (self.most is not None and len(value) > self.most):
            return f"must have {self._count()}{f', for {self.why}' if self.why else ''}"
        named = [f"{item:g}" if isinstance(item, float) else str(item) for item in value]
        if self.distinct and len(set(named)) < len(named):
            digits = " (in six digits)" if isinstance(value[0], float) else ""
            return f"must have no value twice{digits}"
        pairs = itertools.pairwise(value)
        up = self.order == "rising"
        if self.order and not all((a < b) if up else (a > b) for a, b in pairs):
            return f"must be {self.order}"
        return ""

    def __str__(self) -> str:
        said = [self._count() + (f", for {self.why}" if self.why else "")]
        if self.each is not None:
            said.append(f"each {self.each}")
        if self.order:
            said.append(self.order)
        elif self.distinct:
            said.append("none twice")
        return "; ".join(said)

    def _count(self) -> str:
        values = "value" if self.fewest == 1 else "values"
        if self.most == self.fewest:
            return f"{self.fewest} {values}"
        if self.most is not None:
            return f"{self.fewest} to {self.most} values"
        return f"at least {self.fewest} {values}"


def _in_float32(value: float) -> bool:
    try:
        single: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return False
    # What is smaller is a subnormal number, which processors may take for 0.
    return value == 0 or abs(single) >= 2.0**-126


COUNT = In(at_least=1)
NOISY = In(at_least=2, why="gradient noise")
"""Examples that mini-batches are drawn from: of one alone, all are the same."""
POSITIVE = In(above=0)
NOT_NEGATIVE = In(at_least=0)
REPLICAS = In(at_least=2, why="an interval over replicas")
# A number, since the inference it is from takes a second to import, and a list answers at once.
ENOUGH_REPLICAS = In(at_least=8, why="an interval of an exponent")
"""Where curves are to collapse: `soret.inference.collapse` takes no fewer."""
MOMENTUM = In(at_least=0, below=1)
SHARE = In(above=0, below=1)

SIZES = Several(COUNT, distinct=False)
"""Of layers, one after the other."""
INITIALIZATIONS = Several(Initialization())
RATES = Several(POSITIVE, fewest=2, why="a power of it")
"""Values of a hyperparameter whose power is asked for."""
BATCH_SIZES = Several(COUNT, fewest=2, why="a power of it")
