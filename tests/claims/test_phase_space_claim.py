"""How the claim on phase space tells a wrong theory from bad luck."""

import numpy as np
import pytest
from scipy import stats

from soret.claims.limiting_dynamics._grid import in_errors, largest


@pytest.mark.parametrize("replicas", [12, 40])
def test_the_largest_deviation_of_a_right_theory_is_within_its_bound(replicas):
    """A bound for normal numbers: of means of squares, five times too many lie beyond it.

    False alarms: 1e-7, by the binomial law.
    """
    chance, trials = 0.01, 20_000
    random = np.random.default_rng(0)
    found = in_errors(random.standard_normal((replicas, trials, 5)) ** 2 - 1).ravel()
    beyond = (abs(found) > largest(replicas, 1, chance)).sum()
    low, high = stats.binom.interval(1 - 1e-7, found.size, chance)
    # The bound's average over spreads is itself from 4,000 draws: good to some per cent.
    assert 0.9 * low < beyond < 1.1 * high
    normal = stats.norm.isf(chance / 2)
    assert (abs(found) > normal).sum() > 2 * high


def test_the_bound_of_many_is_near_that_of_normal_numbers_only_with_many_replicas():
    """A bound that does not know how many are compared, or how many replicas there are."""
    normal = stats.norm.isf(1e-4 / 2 / 1000)
    few, many, single = largest(100, 1000, 1e-4), largest(20_000, 1000, 1e-4), largest(100, 1, 0.05)
    assert single < many < few
    assert normal < many < 1.1 * normal
