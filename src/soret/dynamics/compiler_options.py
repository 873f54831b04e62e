"""Options of the compiler, of those that it knows: its versions differ."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jax


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some options that the compiler here knows."""
    return {name: value for name, value in options.items() if _known(name, value)}


@cache
def _known(name: str, value: Any) -> bool:
    try:
        jax.jit(lambda: 0).lower().compile({name: value})
    except jax.errors.JaxRuntimeError:
        return False
    return True
