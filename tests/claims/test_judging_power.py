"""Judging: nothing is supported by a test without power."""

import numpy as np
import pytest

from soret.claims.judging import judged, with_power
from soret.verdict import Verdict

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("interval", "rival", "expected"),
    [
        ((1.0, 1.5), 8.0, S),
        ((1.0, 1.5), 1.9, N),
        ((1.0, 1.5), np.nan, N),
        ((2.5, 3.0), 1.9, C),
        ((1.5, 3.0), 8.0, N),
    ],
)
def test_nothing_is_supported_where_the_rival_would_be(interval, rival, expected):
    """Catches: support from a test without power, or a contradiction lost for want of it."""
    result = judged("factor", 1.2, interval, predicted=1.0, rival=rival, within=(0.0, 2.0))
    assert with_power(result).verdict is expected
