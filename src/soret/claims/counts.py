"""Counts of steps and records: how they divide, in a sentence where they do not."""

from __future__ import annotations

import math

from soret.claims.ranges import LARGEST_COUNT
from soret.errors import SettingsError

# So many times the records that are aimed at are still taken; beyond, they would slow a run.
_TOO_MANY = 10
# How far a number of steps may be rounded: what is measured is read off to less than that.
_ROUNDING = 0.01


def largest_divisor(number: int, most: int) -> int:
    """Return the largest divisor of a number that is at most another, at least 1."""
    divisors = {
        divisor
        for low in range(1, math.isqrt(number) + 1)
        if number % low == 0
        for divisor in (low, number // low)
    }
    return max(divisor for divisor in divisors if divisor <= max(1, most))


def record_every(steps: int, records: int) -> int:
    """Return the spacing of about so many records, which divides the steps.

    Raises
    ------
    SettingsError
        If no number near divides them.
    """
    every = largest_divisor(steps, steps // records)
    if steps // every > _TOO_MANY * records:
        near = round(steps, 2 - len(str(steps)))
        raise SettingsError(
            f"steps is {steps:,}, which no number near its {records}th divides: there would be "
            f"{steps // every:,} records; round it to {near:,}."
        )
    return every


def check_divides(name: str, part: int, of: str, whole: int) -> None:
    """Refuse a number that does not divide another.

    Raises
    ------
    SettingsError
    """
    if whole % part:
        raise SettingsError(
            f"{name} must divide {of}, got {name}={part} and {of}={whole}, which leaves "
            f"{whole % part}."
        )


def check_multiple(name: str, value: int, of: int) -> None:
    """Refuse a number that is no multiple of a fixed one.

    Raises
    ------
    SettingsError
    """
    if value % of:
        raise SettingsError(f"{name} must be a multiple of {of}, got {value}.")


def spacing(exact: float, records: int, where: str, what: str = "records") -> int:
    """Return the whole number of steps between records that a time between them stands for.

    Parameters
    ----------
    exact : float
        The number as it follows from the settings.
    records : int
    where : str
        At which setting, for the sentence.
    what : str
        The setting of the number of records.

    Raises
    ------
    SettingsError
        If it is too far from a whole number, or the steps are too many to be counted.
    """
    if not exact * records <= LARGEST_COUNT:
        raise SettingsError(
            f"{where} a run would take {exact * records:.3g} steps, and 2³¹ is the most; use a "
            "shorter time or a larger rate."
        )
    found = max(1, round(exact))
    if abs(found / exact - 1) > _ROUNDING:
        raise SettingsError(
            f"{where} records would be {exact:.3g} steps apart, which is too far from a whole "
            f"number; use fewer {what} than {records}."
        )
    return found
