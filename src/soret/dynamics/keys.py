"""Where each replica's randomness comes from: keys by meaning, not by place in a queue.

A replica's initial parameters depend on the seed and its number alone, so that all points of
the grid start from the same place. Its noise depends also on the values of the hyperparameters,
so that points are independent, and adding one leaves the others as they were.
"""

import jax
import numpy as np
from jaxtyping import Array, UInt32

from soret.data import generator
from soret.dynamics.algorithm import Point
from soret.errors import SettingsError

_INITIAL, _NOISE, _SPLITTING = 1, 2, 3


def initial_keys(seed: int, replicas: range) -> UInt32[Array, "replicas 2"]:
    """Return the keys that draw the replicas' initial parameters."""
    return _derive(seed, [_INITIAL], replicas)


def noise_keys(seed: int, point: Point, replicas: range) -> UInt32[Array, "replicas 2"]:
    """Return the keys of the replicas' mini-batches at one point of the grid."""
    values = np.array(list(point.values()), np.float32).view(np.uint32)
    return _derive(seed, [_NOISE, *values.tolist()], replicas)


def splitting_keys(
    seed: int, point: Point, stage: int, walkers: range
) -> UInt32[Array, "walkers 2"]:
    """Return the keys of the mini-batches of walkers that start anew at a threshold."""
    values = np.array(list(point.values()), np.float32).view(np.uint32)
    return _derive(seed, [_SPLITTING, stage, *values.tolist()], walkers)


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


def _derive(seed: int, words: list[int], replicas: range) -> UInt32[Array, "replicas 2"]:
    check_seed(seed)
    root = np.array([int(seed) >> 32, int(seed) & 0xFFFFFFFF], np.uint32)
    return _chain(root, np.array(words, np.uint32), np.asarray(replicas, np.uint32))


# Compiled, because many small operations one by one hold the interpreter, which blocks share.
@jax.jit
def _chain(root: Array, words: Array, replicas: Array) -> Array:
    """Fold all words into the root key, then each replica's number."""
    key, _ = jax.lax.scan(lambda key, word: (generator.fold(key, word), None), root, words)
    return jax.vmap(generator.fold, in_axes=(None, 0))(key, replicas)
