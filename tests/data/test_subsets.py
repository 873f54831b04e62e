"""Parts of a data set that are drawn at random."""

import numpy as np
import pytest
from scipy import stats

import soret
from soret.data import random_subset, subset
from soret.errors import SettingsError


@pytest.mark.parametrize(("total", "n"), [(2, 1), (10, 3), (1000, 999), (60_000, 2048)])
def test_no_example_twice_and_none_outside(total: int, n: int) -> None:
    """Catches: drawing with replacement, and an index past the end."""
    chosen = random_subset(total, n)
    assert len(set(chosen.tolist())) == n
    assert 0 <= chosen.min() <= chosen.max() < total


def test_every_example_is_as_likely() -> None:
    """Catches: a draw that prefers the front of a data set, or goes on in stretches.

    Both p-values are below 1e-7 by chance in fewer than one of ten million.
    """
    counts = np.bincount(np.concatenate([random_subset(20, 5, seed) for seed in range(4000)]))
    assert stats.chisquare(counts).pvalue > 1e-7
    first = [random_subset(20, 2, seed) for seed in range(4000)]
    pairs = np.bincount([20 * int(a) + int(b) for a, b in first], minlength=400).reshape(20, 20)
    assert stats.chisquare(pairs[~np.eye(20, dtype=bool)]).pvalue > 1e-7


def test_draws_are_nested_and_seeds_differ() -> None:
    """Catches: a smaller batch that is no part of the larger one; seeds without effect."""
    many = random_subset(500, 300, 7)
    np.testing.assert_array_equal(random_subset(500, 20, 7), many[:20])
    assert not np.array_equal(random_subset(500, 300, 8), many)
    # The same on every machine and with every version of NumPy.
    assert random_subset(100, 5).tolist() == GOLDEN


GOLDEN = [61, 9, 83, 16, 15]


@pytest.mark.parametrize("n", [10, 11, 10**9])
def test_all_of_them_stay_in_their_order(n: int) -> None:
    """Catches: a whole data set shuffled, or more examples than there are."""
    np.testing.assert_array_equal(random_subset(10, n), np.arange(10))


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"n": 1.5}, {"n": True}, {"seed": -1}, {"seed": 2**32}]
)
def test_what_is_out_of_range_is_refused(wrong: dict) -> None:
    """Catches: an empty batch, whose mean is NaN."""
    with pytest.raises(SettingsError, match=f"`{next(iter(wrong))}` must be a whole number"):
        random_subset(**{"total": 10, "n": 3} | wrong)


def test_a_part_of_sorted_data_has_every_class() -> None:
    """Catches: a part that is of one class, since the data are sorted by class."""
    labels = np.repeat(np.arange(4), 250)
    whole = soret.Dataset("sorted", labels[:, None].astype(float), labels, tuple("abcd"))
    part = subset(whole, 200, seed=3)
    # Hypergeometric: 50 ± 5.5 of each.
    assert (abs(np.bincount(part.labels) - 50) < 6 * 5.5).all()
    np.testing.assert_array_equal(part.inputs[:, 0], part.labels)
    assert part.description == "sorted (1,000 examples), 200 of them drawn at random (seed 3)"
    assert subset(whole, 1000) is whole
    with pytest.raises(SettingsError, match="it has 1,000 examples"):
        subset(whole, 1001)
