"""Products on the host as JAX's transformations know them, for matfree; and random vectors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching

from soret.data.subsets import whole_number
from soret.landscape.operators import SymmetricOperator
from soret.numerics import double_precision


def traceable(operator: SymmetricOperator) -> Any:
    """Return the product with one vector as JAX's transformations know it."""

    def matvec(vector: jax.Array) -> jax.Array:
        return _PRODUCT.bind(vector, operator=operator)

    return matvec


def _product(vectors: jax.Array, *, operator: SymmetricOperator) -> jax.Array:
    rows = np.asarray(vectors).reshape(-1, operator.size)
    # Past the end of an exhausted Krylov space, vectors are 0/0: nothing to multiply.
    ended = ~np.isfinite(rows).all(axis=1)
    if ended.any():
        rows = np.where(ended[:, None], 0.0, rows)
    found = operator.matmat(rows)
    if ended.any():
        found = np.where(ended[:, None], np.nan, found)
    return jnp.asarray(found.reshape(vectors.shape))


def _batched(vectors: Any, axes: Any, *, operator: SymmetricOperator) -> tuple[jax.Array, int]:
    return _PRODUCT.bind(jnp.moveaxis(vectors[0], axes[0], 0), operator=operator), 0


# A product as a primitive that is evaluated on the host, there and then. `jax.pure_callback`
# is none: it runs in a thread of the device, which a product that uses JAX in turn waits for.
_PRODUCT = Primitive("landscape_product")
_PRODUCT.def_impl(_product)
_PRODUCT.def_abstract_eval(lambda vectors, **_: vectors)
batching.primitive_batchers[_PRODUCT] = _batched


class hosted:  # noqa: N801
    """Run matfree operation by operation, in float64, without touching the configuration."""

    def __enter__(self) -> None:
        self._settings = double_precision(), jax.disable_jit()
        for one in self._settings:
            one.__enter__()

    def __exit__(self, *error: Any) -> None:
        for one in reversed(self._settings):
            one.__exit__(*error)


def random_signs(operator: SymmetricOperator, n: int, seed: int, start: int = 0) -> np.ndarray:
    """Return n vectors of random signs, (n, size) float64; `start` tells groups of a seed apart."""
    words = generator(seed, start).bytes(-(-n * operator.size // 8))
    bits = np.unpackbits(np.frombuffer(words, np.uint8), count=n * operator.size)
    return np.array([-1.0, 1.0])[bits].reshape(n, operator.size)


def generator(seed: int, start: int = 0) -> np.random.Generator:
    """Return NumPy's generator of a seed and a group."""
    return np.random.default_rng([whole_number(seed, "seed", least=0), start])
