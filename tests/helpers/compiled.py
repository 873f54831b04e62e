"""Programs that are compiled anew, where tests would otherwise share them (`conftest.py`)."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache


@contextmanager
def anew() -> Iterator[None]:
    """Share no compiled programs, here and in processes that are started."""
    before = jax.config.jax_enable_compilation_cache
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_ENABLE_COMPILATION_CACHE", "false")
        _use(False)
        yield
    _use(before)


def _use(on: bool) -> None:
    jax.config.update("jax_enable_compilation_cache", on)
    compilation_cache.reset_cache()  # JAX looks at the option once
