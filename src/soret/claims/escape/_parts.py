"""What claims on trained networks share: their images, and a look at what a test can refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import soret
from soret.claims import Result, Verdict, images

if TYPE_CHECKING:
    from soret.data import Dataset


def even_odd(claim: Any) -> Dataset:
    """Return the first so many of a claim's images in two classes."""
    return soret.data.even_odd(images.first(claim, images.load(claim)))


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
