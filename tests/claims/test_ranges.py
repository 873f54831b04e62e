"""Ranges: what they let pass, what they say of the rest."""

import pytest

from soret.claims.counts import largest_divisor, record_every, spacing
from soret.claims.ranges import In, Initialization, Several
from soret.errors import SettingsError


@pytest.mark.parametrize("value", [1, 3, 2**31 - 1])
def test_counts_pass(value):
    assert In(at_least=1).fault(value) == ""


@pytest.mark.parametrize(
    ("allowed", "value", "fault"),
    [
        (In(at_least=1), 0, "must be at least 1"),
        (In(at_least=2, why="an interval"), 1, "must be at least 2, for an interval"),
        (In(above=0), 0.0, "must be above 0"),
        (In(above=0, below=1), 1.0, "must be above 0 and below 1"),
        (In(), float("nan"), "must be a finite number"),
        (In(), float("-inf"), "must be a finite number"),
        (In(), 1e39, "float32"),
        (In(), 1e-39, "float32"),
        (In(), 2**31, "below 2³¹"),
        (Several(In(above=0), fewest=2, why="a power"), (0.1,), "at least 2 values, for a power"),
        (Several(In(above=0), fewest=2), (0.1, -1.0), "above 0, in all its values"),
        (Several(fewest=3, most=3), (1, 2), "must have 3 values"),
        (Several(), (0.1, 0.1 + 1e-9), "no value twice (in six digits)"),
        (Several(order="rising"), (1, 3, 2), "must be rising"),
        (Several(order="falling"), (3, 1, 2), "must be falling"),
        (Initialization(), "zeros", "pytorch, glorot"),
        (Initialization(), "normal:-1", "scale above 0"),
        (Initialization(), "normal:nan", "scale above 0"),
        (Initialization(), "he:2", "scale above 0"),
    ],
)
def test_faults(allowed, value, fault):
    assert fault in allowed.fault(value)


def test_what_is_inside_has_no_fault():
    assert In(at_least=0, below=1).fault(0.0) == ""
    assert Several(In(above=0), distinct=False).fault((0.1, 0.1)) == ""
    assert Initialization().fault("normal:0.5") == ""
    assert str(Several(In(above=0), fewest=2)) == "at least 2 values; each above 0; none twice"


def test_divisors():
    """Catches: a search through millions of numbers, and records without number for a prime."""
    assert largest_divisor(12, 5) == 4
    assert record_every(8000, 200) == 40
    assert record_every(2**30, 200) == 2**22
    assert record_every(1009, 200) == 1  # five times as many, as ever
    with pytest.raises(SettingsError, match="round it to 1,000,000,000"):
        record_every(999_999_937, 200)


def test_times_are_whole_numbers_of_steps():
    """Catches: runs that are longer than asked for, where steps were rounded up to one."""
    assert spacing(40.0, 50, "at η = 0.2") == 40
    for exact, words in ((0.4, "fewer records"), (2.4, "fewer records"), (1e18, "2³¹")):
        with pytest.raises(SettingsError, match=words):
            spacing(exact, 50, "at η = 0.2")


def test_a_collapse_is_asked_of_as_many_replicas_as_it_takes() -> None:
    """Catches: a claim that is simulated, and then has too few replicas for its interval."""
    from soret.claims.ranges import ENOUGH_REPLICAS
    from soret.inference.curves import MIN_REPLICAS

    assert ENOUGH_REPLICAS.at_least == MIN_REPLICAS
