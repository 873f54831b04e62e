"""Random keys that an optimizer keeps in its state, given anew to every replica.

An optimizer that is made once starts with one key, and an ensemble of it would draw the same noise
in every replica, at every point of the grid and at every seed.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, UInt32

from soret.data import generator
from soret.errors import SettingsError

# What a field that holds a key without a type of its own (two words of 32 bits) is called.
_NAMES = {"key", "rng", "rng_key", "prng_key", "random_key", "rng_state", "prng"}
# Apart from all other words that keys are derived with: see soret.dynamics.keys.
_OPTIMIZER = 4


class KeyPlace(NamedTuple):
    """A leaf of an optimizer's state that is a random key.

    Attributes
    ----------
    place : int
        Its number among the leaves.
    words : tuple of int
        The shape of its words.
    impl : str, or None
        The generator that a typed key is of; None where the leaf is the words themselves.
    """

    place: int
    words: tuple[int, ...]
    impl: Any


def places(state: Any) -> list[KeyPlace]:
    """Return where an optimizer's initial state, or its shapes, has random keys.

    Raises
    ------
    SettingsError
        If words may be a key or not.
    """
    found = []
    for index, (path, leaf) in enumerate(jax.tree_util.tree_leaves_with_path(state)):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            found.append(_typed(index, leaf))
        elif leaf.dtype == jnp.uint32 and leaf.shape in ((2,), (4,)):
            if _name(path) not in _NAMES:
                raise SettingsError(
                    f"the optimizer's state has {leaf.shape[0]} words at "
                    f"{jax.tree_util.keystr(path)}, which may be a random key; call the field "
                    "rng_key, or make it a typed key (jax.random.key), so that every replica gets "
                    "its own."
                )
            found.append(KeyPlace(index, leaf.shape, None))
    return found


def as_words(state: Any) -> Any:
    """Return a state with typed keys as their words, which can be saved."""
    return jax.tree.map(
        lambda leaf: (
            jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        ),
        state,
    )


def as_keys(state: Any, where: list[KeyPlace]) -> Any:
    """Return a state with words as typed keys, as the optimizer knows it."""
    leaves, structure = jax.tree.flatten(state)
    for one in where:
        if one.impl is not None:
            leaves[one.place] = jax.random.wrap_key_data(leaves[one.place], impl=one.impl)
    return jax.tree.unflatten(structure, leaves)


def replaced(
    state: Any, where: list[KeyPlace], key: UInt32[Array, "2"], point: Mapping[str, Array]
) -> Any:
    """Return a state, keys as words, with keys of one replica at one point of the grid.

    Parameters
    ----------
    state : pytree
        As `as_words` returns it.
    where : list of KeyPlace
    key : (2,) uint32
        The replica's own key.
    point : mapping
        The hyperparameters' values, float32.
    """
    leaves, structure = jax.tree.flatten(state)
    own = generator.fold(key, _OPTIMIZER)
    for value in point.values():
        word = jax.lax.bitcast_convert_type(jnp.asarray(value, jnp.float32), jnp.uint32)
        own = generator.fold(own, word)
    for one in where:
        drawn = generator.bits(generator.fold(own, one.place), 0, math.prod(one.words))
        leaves[one.place] = drawn.reshape(one.words)
    return jax.tree.unflatten(structure, leaves)


def _typed(index: int, leaf: Any) -> KeyPlace:
    kinds = []

    def words(key: Array) -> Array:
        kinds.append(jax.random.key_impl(key))  # of a traced key: a shape alone does not tell
        return jax.random.key_data(key)

    return KeyPlace(index, jax.eval_shape(words, leaf).shape, kinds[0])


def _name(path: tuple[Any, ...]) -> str:
    last = path[-1] if path else None
    return str(getattr(last, "name", getattr(last, "key", "")))
