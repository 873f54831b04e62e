"""Counter-based random numbers for the inner loop: Threefry-2x32 with 20 rounds, written out flat.

The same generator as JAX's default, so a key of one is a key of the other. JAX rolls the rounds
into a loop to compile quickly; on a CPU that costs a factor of four at run time, and at ten units
random numbers are most of a step. Here the rounds are unrolled and normals come by Box–Muller:
every operation is elementwise and vectorizes.

A stream is a key (two 32-bit words). A number's place in its stream is a counter of two words:
the step it is used in and its index within the step. Nothing is carried from step to step, so
a number depends on its key and place alone, never on how the work was cut up.

References
----------
Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32, Int, UInt32

Key = UInt32[Array, "2"]
"""A key: two 32-bit words."""

Count = int | Int[Array, ""] | UInt32[Array, ""]

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
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
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
    """Return the same key as a typed key for `jax.random`."""
    return jax.random.wrap_key_data(key, impl="threefry2x32")


def bits(key: Key, step: Count, n: int, offset: int = 0) -> UInt32[Array, "{n}"]:
    """Draw `n` random 32-bit words for a step; `offset` sets apart several draws in one step."""
    first, second = _pairs(key, step, n, offset)
    return jnp.concatenate([first, second])[:n]


def uniform(key: Key, step: Count, n: int, offset: int = 0) -> Float32[Array, "{n}"]:
    """Draw `n` uniform numbers in [0, 1) for a step, multiples of 2⁻²⁴."""
    return _unit(bits(key, step, n, offset))


def normal(key: Key, step: Count, n: int, offset: int = 0) -> Float32[Array, "{n}"]:
    """Draw `n` standard normal numbers for a step, by Box–Muller; none exceeds 5.9 in size."""
    first, second = _pairs(key, step, n, offset)
    # Half a unit is added so that the logarithm never meets zero.
    radius = jnp.sqrt(-2 * jnp.log(_unit(first) + jnp.float32(2**-25)))
    angle = jnp.float32(2 * jnp.pi) * _unit(second)
    return jnp.concatenate([radius * jnp.cos(angle), radius * jnp.sin(angle)])[:n]


def _pairs(key: Key, step: Count, n: int, offset: int) -> tuple[Array, Array]:
    index = jnp.arange((n + 1) // 2, dtype=jnp.uint32) + jnp.uint32(offset)
    return threefry(key, index, jnp.broadcast_to(jnp.asarray(step, jnp.uint32), index.shape))


def _unit(words: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    return (words >> jnp.uint32(8)).astype(jnp.float32) * jnp.float32(2**-24)
