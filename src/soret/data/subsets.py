"""Some of a data set's examples, drawn at random."""

import functools
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from soret.data.dataset import Dataset
from soret.errors import SettingsError

# The first word of the seed: what is drawn here is unlike all else that is drawn at this seed.
_KEY = 0x53554253
_MOST_SEED = 2**32 - 1


def random_subset(total: int, n: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return which examples are drawn: n of so many, uniformly at random, none twice.

    Draws are nested: at one seed those of a smaller n are the first of a larger one, in the order
    drawn. So any first part of what is drawn is a random sample too. The bits are those of PCG64,
    which NumPy promises not to change.

    Parameters
    ----------
    total : int
        Number of examples.
    n : int
        How many to draw; all of them, in their own order, where there are no more.
    seed : int
        Between 0 and 2³² − 1.

    Returns
    -------
    (min(n, total),) int64 array
        Read-only.

    Raises
    ------
    SettingsError
        If `n` or `seed` is out of range.
    """
    n = whole_number(n, "n", 1)
    seed = whole_number(seed, "seed", 0, _MOST_SEED)
    if n >= total:
        return np.arange(total)
    return _order(total, seed)[:n]


def subset(data: Dataset, n: int, seed: int = 0) -> Dataset:
    """Return some of the examples, drawn at random, and say so in the description.

    Parameters
    ----------
    data : Dataset
    n, seed : int
        As for `soret.data.random_subset`.

    Raises
    ------
    SettingsError
        If `n` is not between 1 and the number of examples, or the seed is out of range.
    """
    if whole_number(n, "n", 1) > len(data):
        raise SettingsError(
            f"subset({n}) of data set {data.name!r} is out of range; it has {len(data):,} examples."
        )
    if n == len(data):
        return data
    chosen = random_subset(len(data), n, seed)
    about = f"{data.description}, {n:,} of them drawn at random (seed {seed})"
    return data.select(chosen, about)


def whole_number(value: Any, name: str, least: int = 1, most: int | None = None) -> int:
    """Return a setting as an int.

    Raises
    ------
    SettingsError
        If it is no whole number in the range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least or number > (most or number):
        span = f"of at least {least}" if most is None else f"between {least} and {most}"
        raise SettingsError(f"`{name}` must be a whole number {span}, got {value!r}.")
    return number


@functools.lru_cache(maxsize=4)
def _order(total: int, seed: int) -> npt.NDArray[np.int64]:
    words = np.random.PCG64([_KEY, seed]).random_raw(total)
    # 64 bits each, so that equal ones, whose order would not be random, do not occur.
    order = np.argsort(words, kind="stable")
    order.flags.writeable = False
    return order
