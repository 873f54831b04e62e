"""The JAX settings under which Soret traces, whatever the user's own are."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax


@contextmanager
def ensemble_settings() -> Iterator[None]:
    """Trace in float32 and with the partitionable generator, so that a seed means the same
    numbers under every configuration. The user's configuration is left alone.
    """
    with jax.enable_x64(False), jax.threefry_partitionable(True):
        yield
