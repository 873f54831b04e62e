"""Counter-based random numbers for the inner loop: Threefry-2x32 with 20 rounds, written out flat.

The same generator as JAX's default, so a key of one is a key of the other. JAX rolls the rounds
into a loop; on a CPU that costs a factor of four to compile and as much at run time, and at ten
units random numbers are most of a step. Here the rounds are unrolled and normals come by
Box–Muller: every operation is elementwise and vectorizes.

A stream is a key (two 32-bit words). A number's place in its stream is a counter of two words:
the step it is used in and its index within the step. Nothing is carried from step to step, so
a number depends on its key and place alone, never on how the work was cut up.

References
----------
Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl
from jaxtyping import Array, Float, Float32, Int, UInt32

from soret.errors import SettingsError

Key = UInt32[Array, "2"]
"""A key: two 32-bit words."""

Count = int | Int[Array, ""] | UInt32[Array, ""]
Steps = Count | UInt32[Array, "*steps"]
"""One step, or several."""

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(
    key: Key, first: UInt32[Array, "*n"], second: UInt32[Array, "*n"]
) -> tuple[UInt32[Array, "*n"], UInt32[Array, "*n"]]:
    """Encrypt pairs of counter words: two independent random words for each.

    Parameters
    ----------
    key : (2,) uint32
    first, second : (\\*n) uint32
        The words of the counter.
    """
    return _encrypt((key[0], key[1]), first, second)


def _encrypt(key: tuple[Array, Array], first: Array, second: Array) -> tuple[Array, Array]:
    """Do what `threefry` does with keys of any shape that broadcasts against the counter's."""
    schedule = (*key, key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    x, y = first + schedule[0], second + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = (y << jnp.uint32(rotation)) | (y >> jnp.uint32(32 - rotation))
            y = x ^ y
        x = x + schedule[(group + 1) % 3]
        y = y + schedule[(group + 2) % 3] + jnp.uint32(group + 1)
    return x, y


def fold(key: Key, word: Count) -> Key:
    """Derive a new key from a key and a 32-bit word (`jax.random.fold_in` of the same bits)."""
    x, y = threefry(key, jnp.zeros((), jnp.uint32), jnp.asarray(word, jnp.uint32))
    return jnp.stack([x, y])


def as_jax_key(key: Key) -> Array:
    """Return the same key as a typed key for `jax.random`, which then draws JAX's own numbers.

    They are those of "threefry2x32" with `jax_threefry_partitionable` on, JAX's default, however
    the user has set it. Flat, a draw compiles in a quarter of the time and runs in less than half.
    """
    return jax.random.wrap_key_data(key, impl=_FLAT)


def flattened(key: Array) -> Array:
    """Return a key for `jax.random`; one of JAX's default kind as `as_jax_key` returns it."""
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if typed and jax.random.key_impl(key) == _JAXS:
        return as_jax_key(jax.random.key_data(key))
    return key


def _draw(key: Key, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Encrypt the places of an array of any shape, counted from 0 in the second word."""
    size = math.prod(shape)
    if size > 2**32:
        raise SettingsError(f"{size:,} random numbers at once are too many; draw at most 2³².")
    index = jnp.arange(size, dtype=jnp.uint32)
    x, y = threefry(key, jnp.zeros_like(index), index)
    return x.reshape(shape), y.reshape(shape)


def _random_bits(key: Key, width: int, shape: tuple[int, ...]) -> Array:
    x, y = _draw(key, shape)
    if width == 64:
        return (x.astype(jnp.uint64) << jnp.uint64(32)) | y.astype(jnp.uint64)
    return (x ^ y).astype(f"uint{width}")


_JAXS = "threefry2x32"
_FLAT = define_prng_impl(
    key_shape=(2,),
    seed=lambda seed: jax.random.key_data(jax.random.key(seed, impl=_JAXS)),
    split=lambda key, shape: jnp.stack(_draw(key, shape), axis=-1),
    random_bits=_random_bits,
    fold_in=fold,
    name="flat_threefry2x32",
    tag="flat",
)


def bits(key: Key, step: Steps, n: int, offset: int = 0) -> UInt32[Array, "*steps {n}"]:
    """Draw `n` random 32-bit words for a step, or for each of several steps.

    Parameters
    ----------
    key : (2,) uint32
    step : () or (k,) integers
    n : int
    offset : int
        Sets apart several draws in one step.

    Returns
    -------
    (n,) or (k, n) uint32
    """
    return _drawn(lambda first, second: (first, second), key, step, n, offset)


def uniform(key: Key, step: Steps, n: int, offset: int = 0) -> Float32[Array, "*steps {n}"]:
    """Draw `n` uniform numbers in [0, 1), multiples of 2⁻²⁴; parameters as for `bits`."""
    return _drawn(lambda first, second: (_unit(first), _unit(second)), key, step, n, offset)


def normal(key: Key, step: Steps, n: int, offset: int = 0) -> Float32[Array, "*steps {n}"]:
    """Draw `n` standard normal numbers, by Box–Muller; parameters as for `bits`.

    None exceeds 5.9 in size.
    """
    return _drawn(_box_muller, key, step, n, offset)


def _box_muller(first: Array, second: Array) -> tuple[Array, Array]:
    # Half a unit is added so that the logarithm never meets zero.
    radius = jnp.sqrt(-2 * jnp.log(_unit(first) + jnp.float32(2**-25)))
    cosine, sine = _cos_sin_of_turns(_unit(second))
    return radius * cosine, radius * sine


def _cos_sin_of_turns(turns: Float[Array, "*n"]) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """Return cos 2πu and sin 2πu of u in [0, 1), to 2·10⁻⁷.

    XLA's own reduce arguments of any size, which takes longer than all else a normal number
    needs. Here a turn is split into quarters, exactly, and the rest, at most an eighth of a
    turn either way, goes into the first terms of the Taylor series.
    """
    quarter = jnp.floor(4 * turns + 0.5)
    x = jnp.float32(jnp.pi / 2) * (4 * turns - quarter)
    y = x * x
    sine = x * (1 + y * (-1 / 6 + y * (1 / 120 + y * (-1 / 5040 + y / 362880))))
    cosine = 1 + y * (-1 / 2 + y * (1 / 24 + y * (-1 / 720 + y * (1 / 40320 - y / 3628800))))
    odd = (quarter == 1) | (quarter == 3)
    first, second = jnp.where(odd, sine, cosine), jnp.where(odd, cosine, sine)
    return (
        jnp.where((quarter == 1) | (quarter == 2), -first, first),
        jnp.where((quarter == 2) | (quarter == 3), -second, second),
    )


def _drawn(
    make: Callable[[Array, Array], tuple[Array, Array]],
    key: Key,
    step: Steps,
    n: int,
    offset: int,
) -> Array:
    """Make two numbers of each pair of random words: `n` of them a step, side by side.

    Under `vmap` the keys are the last axis of everything elementwise: one long loop, which
    vectorizes however few the numbers of one key. They are moved to the front once, at the end.
    """

    @jax.custom_batching.custom_vmap
    def draw(key: Array, steps: Array) -> Array:
        return _lanes(make, key[None], steps[None], n, offset)[0]

    @draw.def_vmap
    def draw_many(
        size: int, batched: Sequence[bool], keys: Array, steps: Array
    ) -> tuple[Array, bool]:
        keys = keys if batched[0] else jnp.broadcast_to(keys, (size, 2))
        return _lanes(make, keys, steps if batched[1] else steps[None], n, offset), True

    made = draw(key, jnp.atleast_1d(jnp.asarray(step, jnp.uint32)))
    return made if jnp.ndim(step) else made[0]


def _lanes(
    make: Callable[[Array, Array], tuple[Array, Array]],
    keys: Array,
    steps: Array,
    n: int,
    offset: int,
) -> Array:
    """Return (keys, steps, n) numbers of keys (keys, 2) and steps (keys or 1, steps)."""
    half, count = (n + 1) // 2, steps.shape[1]
    index = jnp.arange(half, dtype=jnp.uint32) + jnp.uint32(offset)
    places = jnp.tile(index, count)[:, None], jnp.repeat(steps.T, half, axis=0)
    words = _encrypt((keys[:, 0], keys[:, 1]), *places)
    # Fused with what comes after, the long loops would break into short ones.
    made = make(*jax.lax.optimization_barrier(words))
    if n == 1:
        both = made[0][:, None]
    else:
        both = jnp.concatenate([part.reshape(count, half, len(keys)) for part in made], axis=1)
    return jnp.moveaxis(jax.lax.optimization_barrier(both[:, :n]), -1, 0)


def _unit(words: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    return (words >> jnp.uint32(8)).astype(jnp.float32) * jnp.float32(2**-24)
