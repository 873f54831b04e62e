"""Entropy production from paths, against closed forms."""

import numpy as np
import pytest
from scipy import stats

from soret.errors import InferenceError
from soret.inference.entropy import pair_entropy
from soret.theory.equilibrium import LinearRecursion


def paths_of(chain, replicas, steps, seed):
    rng = np.random.default_rng(seed)
    n = len(chain.matrix)
    x = rng.multivariate_normal(np.zeros(n), chain.covariance, size=replicas)
    found = [x]
    for _ in range(steps - 1):
        x = x @ chain.matrix.T + rng.multivariate_normal(np.zeros(n), chain.noise, size=replicas)
        found.append(x)
    return np.stack(found, 1)


@pytest.mark.parametrize("turn", [0.0, 0.15])
def test_entropy_is_that_of_the_chain(turn):
    """A bias upwards that is not taken out, or a factor: 0 where nothing turns.

    A t of 24 degrees of freedom is beyond 7 with a chance of 3·10⁻⁷.
    """
    chain = LinearRecursion([[0.8, -turn], [turn, 0.85]], np.diag([1.0, 0.5] if turn else [1, 1]))
    found = pair_entropy(paths_of(chain, 2000, 20, 4))
    error = stats.sem(found)
    assert abs(found.mean() - chain.entropy_production) < 7 * error
    if turn:
        assert error < 0.1 * chain.entropy_production


def test_what_is_no_ensemble_of_paths_is_refused():
    good = np.random.default_rng(0).normal(size=(60, 5, 2))
    bad = good.copy()
    bad[3, 2, 1] = np.nan
    for paths in (good[:, :1], good[:40], good[0], bad):
        with pytest.raises(InferenceError):
            pair_entropy(paths)
