"""The share of walkers in every cell of a circle, against NumPy's histogram."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.observables import State, occupancy


def test_counts_like_a_histogram_of_the_fractional_part():
    """Catches: walkers left of 0, which a remainder towards 0 puts into the wrong cell."""
    q = np.random.default_rng(3).normal(0, 3, (2, 500, 1)).astype(np.float32)
    problem = soret.problems.random_walk(lambda q: 1 + 0 * q, 1, pairs=500)
    state = State({"q": jnp.asarray(q), "start": jnp.asarray(q[0])}, (), jnp.int32(0))
    found = jax.jit(lambda state: occupancy(7)(problem, state))(state)
    expected = np.histogram(q.astype(float) % 1, 7, (0, 1))[0] / 1000
    assert np.abs(np.asarray(found) - expected).max() < 2.5e-3
    assert found.sum() == pytest.approx(1)


def test_too_few_cells():
    with pytest.raises(SettingsError, match="cells"):
        occupancy(1)
