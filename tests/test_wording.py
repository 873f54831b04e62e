"""Numbers with the digits that matter."""

import math

import pytest

from soret.wording import digits_apart, number, written


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.0, "2"),
        (1.9149, "1.91"),
        (-0.5, "−0.5"),
        (0.0, "0"),
        (0.00755, "0.00755"),
        (5649.3, "5,649"),
        (4.4e-23, "4.4×10⁻²³"),
        (-1e12, "−1×10¹²"),
        (math.nan, "none"),
        (math.inf, "∞"),
        (None, "none"),
        ("below 0", "below 0"),
        (3, "3"),
        (10**30, "1×10³⁰"),
    ],
)
def test_a_number(value, said):
    """Catches: 5.65e+03, or 4.4e-23, on a page."""
    assert number(value) == said


@pytest.mark.parametrize(
    ("pairs", "digits"),
    [
        ([(1.0, 2.0)], 3),
        ([(11.02, 11.01)], 4),
        ([(1.0, 1.0)], 3),
        ([(1.0, 1.0 + 1e-12)], 3),
        ([(1.0, 1.00003)], 6),
        ([(None, 1.0), (math.nan, 1.0), ("x", 1.0)], 3),
    ],
)
def test_digits_that_tell_apart(pairs, digits):
    """Catches: "1 (1 to 1)", "predicted 11, rival 11"."""
    assert digits_apart(pairs) == digits


def test_rounding_hides_no_verdict():
    """Catches: an interval that seems to hold what it excludes."""
    told = written(0.9986, (0.9981, 0.9991), 1.0, 1.0004)
    assert (told.measured, told.low, told.high) == ("0.9986", "0.9981", "0.9991")
    assert (told.predicted, told.rival) == ("1", "1.0004")
    assert written(1.0, (0.9, 1.1), 1.0, 2.0, (0.75, 1.25)).within == "0.75 to 1.25"
    assert written(1.0, (0.9, 1.1), "above 0", 0.0, (0.0, math.inf)).within == "above 0"
    assert written(None, (None, None), 1.0, None).measured == "none"
