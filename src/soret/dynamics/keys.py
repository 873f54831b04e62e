"""Where each replica's randomness comes from: keys by meaning, not by place in a queue.

A replica's initial parameters depend on the seed and its number alone, so that all points of
the grid start from the same place. Its noise depends also on the values of the hyperparameters,
so that points are independent, and adding one leaves the others as they were.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32
from numpy.typing import NDArray

from soret.data import generator
from soret.dynamics.algorithm import Point
from soret.errors import SettingsError

_INITIAL, _NOISE, _SPLITTING = 1, 2, 3


Replicas: TypeAlias = range | NDArray[np.integer[Any]]


def initial_keys(seed: int, replicas: Replicas) -> UInt32[Array, "replicas 2"]:
    """Return the keys that draw the replicas' initial parameters."""
    return _derive(seed, [_INITIAL], replicas)


def noise_keys(
    seed: int, values: Mapping[str, Any], replicas: Replicas
) -> UInt32[Array, "replicas 2"]:
    """Return the keys of the replicas' mini-batches.

    Parameters
    ----------
    seed : int
    values : mapping
        Every hyperparameter's value: one for all the replicas, or one for each.
    replicas : range, or (replicas,) array of int
    """
    return _derive(seed, [_NOISE, *map(_bits, values.values())], replicas)


def splitting_keys(
    seed: int, point: Point, stage: int, walkers: range
) -> UInt32[Array, "walkers 2"]:
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


def _derive(seed: int, words: Sequence[Any], replicas: Replicas) -> UInt32[Array, "replicas 2"]:
    check_seed(seed)
    root = np.array([int(seed) >> 32, int(seed) & 0xFFFFFFFF], np.uint32)
    numbers = np.asarray(replicas, np.uint32)
    each = [np.broadcast_to(np.asarray(word, np.uint32), numbers.shape) for word in words]
    return _chain(root, np.stack(each), numbers)


# Compiled, because many small operations one by one hold the interpreter, which blocks share.
@jax.jit
def _chain(root: Array, words: Array, replicas: Array) -> Array:
    """Fold each replica's words, (words, replicas), into the root key, then its number."""
    fold = jax.vmap(generator.fold)
    keys = jnp.broadcast_to(root, (*replicas.shape, 2))
    keys, _ = jax.lax.scan(lambda keys, word: (fold(keys, word), None), keys, words)
    return fold(keys, replicas)
