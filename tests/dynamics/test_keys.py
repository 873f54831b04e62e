"""Keys: a replica's randomness follows from what it is, not from its place in a queue."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soret
from soret.dynamics.algorithm import points
from soret.dynamics.keys import initial_keys, noise_keys, splitting_keys
from soret.errors import SettingsError

seeds = st.integers(0, 2**64 - 1)
POINT = {"learning_rate": 0.1, "batch_size": 1, "momentum": 0.0, "weight_decay": 0.0}


def rows(keys: object) -> list[tuple[int, int]]:
    return [tuple(int(word) for word in row) for row in np.asarray(keys)]


@settings(max_examples=3, deadline=None)
@given(seed=seeds)
def test_all_keys_of_an_ensemble_differ(seed: int) -> None:
    """Noise shared by two replicas, two points, or by the noise and the start."""
    grid = soret.SGD([0.1, 0.2], momentum=[0.1, 0.2])
    keys = rows(initial_keys(seed, range(8)))
    for point in points(grid):
        keys += rows(noise_keys(seed, point, range(8)))
    assert len(set(keys)) == len(keys) == 8 * 5


def folded(seed: int, words: list[int], replica: int) -> tuple[int, int]:
    """Return a key as JAX itself derives it, word after word."""
    key = jax.random.wrap_key_data(
        np.array([seed >> 32, seed & 0xFFFFFFFF], np.uint32), impl="threefry2x32"
    )
    for word in (*words, replica):
        key = jax.random.fold_in(key, np.uint32(word))
    return rows([jax.random.key_data(key)])[0]


@settings(max_examples=20, deadline=None)
@given(
    seed=seeds,
    values=st.lists(st.floats(0, 100, width=32), min_size=1, max_size=4),
    replica=st.integers(0, 2**32 - 1),
    stage=st.integers(0, 50),
)
def test_keys_are_those_of_jax(seed: int, values: list[float], replica: int, stage: int) -> None:
    """Catches: a rotation, an order of words, or a carry of Threefry that is not JAX's."""
    bits = [int(np.float32(value).view(np.uint32)) for value in values]
    point = {str(number): value for number, value in enumerate(values)}
    lanes = np.array([replica, 0])
    assert rows(initial_keys(seed, lanes))[0] == folded(seed, [1], replica)
    assert rows(noise_keys(seed, point, lanes))[0] == folded(seed, [2, *bits], replica)
    chosen = range(replica, replica + 1)
    assert rows(splitting_keys(seed, point, stage, chosen)) == [
        folded(seed, [3, stage, *bits], replica)
    ]


def test_lanes_at_other_values_have_keys_of_their_own_values() -> None:
    """Catches: one lane's value folded into all of a block's keys."""
    rates = np.array([0.1, 0.2, 0.1], np.float32)
    together = rows(noise_keys(5, {"learning_rate": rates}, np.array([4, 4, 5])))
    alone = [
        rows(noise_keys(5, {"learning_rate": rate}, range(r, r + 1)))[0]
        for rate, r in zip(rates, (4, 4, 5), strict=True)
    ]
    assert together == alone


@settings(max_examples=4, deadline=None)
@given(one=seeds, other=seeds)
def test_seeds_give_different_keys(one: int, other: int) -> None:
    """Seeds cut to 32 bits, or halves of them mixed up."""
    if one != other:
        assert not set(rows(initial_keys(one, range(4)))) & set(rows(initial_keys(other, range(4))))
        assert not set(rows(noise_keys(one, POINT, range(4)))) & set(
            rows(noise_keys(other, POINT, range(4)))
        )


@settings(max_examples=4, deadline=None)
@given(first=st.integers(0, 2**31), seed=seeds)
def test_key_depends_on_the_number_of_the_replica_alone(first: int, seed: int) -> None:
    """Keys that depend on the block a replica is in."""
    whole = rows(noise_keys(seed, POINT, range(first, first + 8)))
    assert rows(noise_keys(seed, POINT, range(first + 4, first + 8))) == whole[4:]
    whole = rows(initial_keys(seed, range(first, first + 8)))
    assert rows(initial_keys(seed, range(first + 4, first + 8))) == whole[4:]


def test_integer_and_float_of_the_same_value_are_the_same_point() -> None:
    """A grid [1, 0.5] whose 1 became 1.0, with other noise than the number 1 alone."""
    one, other = ({**POINT, "learning_rate": value} for value in (1, 1.0))
    assert rows(noise_keys(0, one, range(3))) == rows(noise_keys(0, other, range(3)))


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_bad_seeds_are_refused(seed: int) -> None:
    """A seed silently taken for another one."""
    with pytest.raises(SettingsError, match=r"seed is .* must be an integer from 0 to"):
        initial_keys(seed, range(2))
