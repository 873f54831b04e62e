"""Results in words: the same numbers on the terminal, in the table, on the page and read aloud."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from soret.claims.verdict import Verdict

_READ_ALOUD = 6


def number(value: Any) -> str:
    """Return a number to three digits, a word as it is, "none" where there is neither."""
    if value is None:
        return "none"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.3g}".replace("-", "−")
    return str(value)


def measured(value: Any, interval: Sequence[Any]) -> str:
    """Return an estimate with its 95 % interval."""
    if value is None:
        return "could not be measured"
    return f"{number(value)} (95 %: {bounds(interval)})"


def bounds(interval: Sequence[Any]) -> str:
    """Return an interval."""
    low, high = (number(bound) for bound in interval)
    return f"{low} to {high}"


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


def tested(results: Iterable[Any]) -> str:
    """Return what was predicted and measured, the first few results in a sentence each."""
    told = [
        f"{result.quantity}: measured {measured(result.measured, result.interval)}, predicted "
        f"{number(result.predicted)}, rival {number(result.rival)}, {result.verdict}."
        for result in results
    ]
    more = len(told) - _READ_ALOUD
    also = [f"And {more} more, in the table of results."] if more > 0 else []
    return " ".join([*told[:_READ_ALOUD], *also])


def counted(words: Iterable[str]) -> str:
    """Return "3 supported, 1 contradicted" for a list of verdicts."""
    every = list(words)
    return ", ".join(f"{every.count(word)} {word}" for word in Verdict if word in every)
