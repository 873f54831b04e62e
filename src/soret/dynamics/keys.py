"""Where each replica's randomness comes from: keys by meaning, not by place in a queue.

A replica's initial parameters depend on the seed and its number alone, so that all points of
the grid start from the same place. Its noise depends also on the values of the hyperparameters,
so that points are independent, and adding one leaves the others as they were.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soret.dynamics.algorithm import Point
from soret.errors import SettingsError

_INITIAL, _NOISE, _SPLITTING = 1, 2, 3

# Threefry-2x32.
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA

Replicas: TypeAlias = range | NDArray[np.integer[Any]]
Keys: TypeAlias = NDArray[np.uint32]
"""A key for each replica, (replicas, 2): what `jax.random.key_data` shows of one."""


def initial_keys(seed: int, replicas: Replicas) -> Keys:
    """Return the keys that draw the replicas' initial parameters."""
    return _derive(seed, [_INITIAL], replicas)


def noise_keys(seed: int, values: Mapping[str, Any], replicas: Replicas) -> Keys:
    """Return the keys of the replicas' mini-batches.

    Parameters
    ----------
    seed : int
    values : mapping
        Every hyperparameter's value: one for all the replicas, or one for each.
    replicas : range, or (replicas,) array of int
    """
    return _derive(seed, [_NOISE, *map(_bits, values.values())], replicas)


def splitting_keys(seed: int, point: Point, stage: int, walkers: range) -> Keys:
    """Return the keys of the mini-batches of walkers that start anew at a threshold."""
    return _derive(seed, [_SPLITTING, stage, *map(_bits, point.values())], walkers)


def check_seed(seed: object) -> None:
    """Refuse what is no seed.

    Raises
    ------
    SettingsError
        If it is no integer of 64 bits.
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= int(seed) < 2**64:  # type: ignore[call-overload]
        raise SettingsError(f"seed is {seed!r}; it must be an integer from 0 to 2⁶⁴ − 1.")


def _bits(values: Any) -> NDArray[np.uint32]:
    """Return the bits of numbers in float32."""
    return np.asarray(values, np.float32).view(np.uint32)


def _derive(seed: int, words: Sequence[Any], replicas: Replicas) -> Keys:
    """Fold words, each of them one for all or one a replica, and the replica's number into a key.

    In NumPy, for there are few: as a compiled program they would take longer to compile, anew for
    every length, than all of them take here.
    """
    check_seed(seed)
    numbers = np.asarray(replicas, np.uint32)
    keys = np.empty((len(numbers), 2), np.uint32)
    keys[:] = int(seed) >> 32, int(seed) & 0xFFFFFFFF
    for word in (*words, numbers):
        keys = _fold(keys, np.broadcast_to(np.asarray(word, np.uint32), numbers.shape))
    return keys


def _fold(keys: Keys, words: NDArray[np.uint32]) -> Keys:
    """Do what `soret.data.generator.fold` does, to as many keys as there are words."""
    schedule = keys[:, 0], keys[:, 1], keys[:, 0] ^ keys[:, 1] ^ np.uint32(_PARITY)
    x, y = schedule[0], words + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = x ^ ((y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation)))
        x = x + schedule[(group + 1) % 3]
        y = y + (schedule[(group + 2) % 3] + np.uint32(group + 1))
    return np.stack([x, y], axis=1)
