"""The interval is honest: over independent data sets it covers the truth as often as it says.

Misses of the 95 % interval in 600 to 800 data sets each, measured once, ran from 2.7 to 6.5 % over
five shapes, 16 to 128 replicas, noise up to the range of the curve itself, starts shared or not,
white noise on top, two to five curves, records from step 0 or later, and curves that no exponent
collapses (where the truth is the exponent that the expected curves would give).
"""

import numpy as np
import pytest
from scipy import stats

from soret.inference import collapse

CASES = {
    "few replicas": {"replicas": 32},
    "no shared starts": {
        "replicas": 32,
        "exponent": -1.0,
        "scales": (1, 2, 3),
        "shared_start": False,
        "noise": 0.1,
        "offset": 0.1,
    },
    "no collapse": {"replicas": 32, "drift": 0.2, "noise": 0.2, "offset": 0.1},
    "much noise": {"replicas": 64, "shape": "exponential", "noise": 1.0},
    "early change": {"replicas": 128, "shape": "stretched", "noise": 0.1, "offset": 0.1},
    "five curves": {"replicas": 64, "scales": (0.1, 0.07, 0.05, 0.035, 0.025), "shape": "hump"},
}


def repeat(trajectories, case, sets):
    """Exponents and intervals found in independent data sets, and the exponent to be found."""
    truth = case.get("exponent", 2.0)
    if "drift" in case:
        clean = {**case, "noise": 0, "offset": 0, "replicas": 8}
        truth = collapse(trajectories(0, **clean), "learning_rate").exponent
    rng = np.random.default_rng(2024)
    found = [collapse(trajectories(rng, **case), "learning_rate", seed=i) for i in range(sets)]
    return truth, np.array([f.exponent for f in found]), np.array([f.interval for f in found])


@pytest.mark.parametrize("name", ["few replicas", "no shared starts", "no collapse"])
@pytest.mark.slow
def test_coverage(trajectories, name):
    sets = 120
    truth, exponents, intervals = repeat(trajectories, CASES[name], sets)
    misses = np.sum((truth < intervals[:, 0]) | (intervals[:, 1] < truth))
    # An interval that misses at the largest rate ever measured fails here once in a million.
    assert misses <= stats.binom.isf(1e-6, sets, 0.065)
    # Nor is it honest by being wide: a normal one would be 3.92 standard deviations.
    assert 3.0 < np.median(np.diff(intervals)) / exponents.std(ddof=1) < 5.5
    assert abs(exponents.mean() - truth) < 0.5 * exponents.std(ddof=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_coverage_over_many_data_sets(trajectories, name):
    truth, _, intervals = repeat(trajectories, CASES[name], 800)
    covered = np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))
    assert 0.90 <= covered <= 0.99
