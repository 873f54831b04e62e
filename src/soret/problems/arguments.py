"""Checks that the arguments of several problems share: each ends in one sentence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from soret.errors import SettingsError


def first_line(error: Exception) -> str:
    """Return what an error says, as far as it fits into a sentence."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def at_least(key: str, value: object, least: int) -> None:
    """Refuse a setting that is no integer, or too small."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise SettingsError(f"{key} is {value!r}; it must be an integer of at least {least}.")


def flag(key: str, value: object) -> None:
    """Refuse what is not true or false."""
    if not isinstance(value, bool | np.bool_):
        raise SettingsError(f"{key} is {value!r}; it must be True or False.")


def function(key: str, value: object, takes: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise SettingsError(f"{key} is {value!r}; it must be a function of {takes}.")


def number(key: str, value: object, least: float = -math.inf) -> float:
    """Return a finite number of at least `least`."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value < least:  # type: ignore[arg-type, operator]
        limit = "" if least == -math.inf else f" of at least {least:g}"
        raise SettingsError(f"{key} is {value!r}; it must be a finite number{limit}.")
    return float(value)  # type: ignore[arg-type]


def real(**values: object) -> None:
    """Refuse settings that are no numbers; what range they have is checked by whoever knows it."""
    for key, value in values.items():
        known = isinstance(value, int | float | np.integer | np.floating)
        if not known or isinstance(value, bool):
            raise SettingsError(f"{key} is {value!r}; it must be a number.")


def text(key: str, value: object) -> None:
    """Refuse what is no line of text."""
    if not isinstance(value, str) or len(value.splitlines()) > 1:
        raise SettingsError(f"{key} is {value!r}; it must be a line of text.")


def whole_numbers(key: str, value: object) -> tuple[int, ...]:
    """Return integers of at least 1, of a sequence or of one alone.

    Raises
    ------
    SettingsError
        If one is none, or there is something else in their place.
    """
    one = isinstance(value, int | np.integer) and not isinstance(value, bool)
    given: Any = (value,) if one else value
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence | np.ndarray):
        raise SettingsError(f"{key} is {value!r}; it must be a list of integers of at least 1.")
    for entry in given:
        whole = isinstance(entry, int | np.integer) and not isinstance(entry, bool)
        if not whole or entry < 1:
            raise SettingsError(f"{key} is {value!r}; it must be integers of at least 1.")
    return tuple(int(entry) for entry in given)
