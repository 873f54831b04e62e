"""Every interval of the room covers as often as it says, and every test has its level.

The cases are in `tests/helpers/calibrations.py`; `make calibration` puts the whole table into
docs/calibration.md.
"""

import inspect

import pytest
from calibrations import CASES, REPLICAS, WITHOUT, Case, measure
from scipy import stats

from soret import inference

# Of all bounds of one run together less than 1e-6, since there are fewer than 1,000.
ALARM = 1e-9
FAST_SETS = 30


def test_every_function_has_a_case():
    """Catches: an interval that nobody has seen cover anything."""
    public = {name for name in inference.__all__ if inspect.isfunction(getattr(inference, name))}
    assert public == {one.function for one in CASES} | WITHOUT


def check(one: Case, replicas: int, sets: int) -> int:
    hits, answered = measure(one, replicas, sets)
    wrong = []
    for quantity, count in hits.items():
        low, high = one.allowed(quantity, replicas)
        least = stats.binom.ppf(ALARM, answered, low) if low else 0
        most = stats.binom.isf(ALARM, answered, high) if high < 1 else answered
        if not least <= count <= most:
            wrong.append(f"{quantity}: {count} of {answered}, where {low} to {high} is said")
    assert wrong == []
    return answered


@pytest.mark.parametrize("one", [one for one in CASES if one.fast], ids=lambda one: one.name)
def test_what_is_said_holds(one):
    """Catches: an interval far too narrow, a test that rejects what is true."""
    assert check(one, one.fast, FAST_SETS)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", REPLICAS)
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_the_table_is_what_is_said(one, replicas):
    """Catches: a coverage below 92 % or above 97 %, a level above 8 %, at any size."""
    check(one, replicas, one.sets)
