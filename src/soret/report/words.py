"""Results in words: the same numbers on the terminal, in the table, on the page and read aloud."""

from collections.abc import Iterable, Mapping
from typing import Any

from soret.verdict import NOMINAL, Result, Verdict

_READ_ALOUD = 6


def held_to(result: Result) -> str:
    """Return what a result is held to: "predicted 2, allowed 1.75 to 2.25, rival 1"."""
    written = result.written
    allowed = f", allowed {written.within}" if written.within not in ("", written.predicted) else ""
    return f"predicted {written.predicted}{allowed}, rival {written.rival}"


def brief(result: Result) -> str:
    """Return an estimate and its interval, without saying so if it is of 95 %."""
    return result.in_words.replace(f" ({NOMINAL}: ", " (")


def setting(value: Any) -> str:
    """Return a setting's value as `--set` takes it; a function or a part as it would be called."""
    if isinstance(value, Mapping):
        given = [f"{k}={setting(v)}" for k, v in value.items() if k not in ("name", "sha256")]
        source = f", source {str(value['sha256'])[:12]}" if "sha256" in value else ""
        named = str(value.get("name", ""))
        return (f"{named}({', '.join(given)})" if given or not named else named) + source
    return ",".join(map(setting, value)) if isinstance(value, list | tuple) else str(value)


def duration(seconds: float | None) -> str:
    """Return seconds as a table has them."""
    if seconds is None:
        return "unknown"
    return f"{seconds:,.1f}" if seconds < 10 else f"{seconds:,.0f}"


def tested(results: Iterable[Result]) -> str:
    """Return what was predicted and measured, the first few results in a sentence each."""
    told = [
        f"{result.quantity}: measured {result.in_words}, predicted {result.written.predicted}, "
        f"rival {result.written.rival}, {result.verdict}."
        for result in results
    ]
    more = len(told) - _READ_ALOUD
    also = [f"And {more} more, in the table of results."] if more > 0 else []
    return " ".join([*told[:_READ_ALOUD], *also])


def counted(words: Iterable[str]) -> str:
    """Return "3 supported, 1 contradicted" for a list of verdicts."""
    every = list(words)
    return ", ".join(f"{every.count(word)} {word}" for word in Verdict if word in every)
