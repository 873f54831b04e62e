"""The JAX settings under which Soret computes: its own, so that results do not depend on yours.

Every option of JAX that can change a number, or turn one into an error, is set here to what JAX
has by default, for the thread and the time of a call. The options of the process stay as the
user set them. Left alone are options that tell or store something (`jax_log_compiles`, the
compilation cache), say where things run (`jax_platforms`, `jax_default_device`), or say how
errors are shown.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax

from soret.errors import SettingsError

_DEFAULTS = (
    # Random numbers: the same key, the same numbers.
    lambda: jax.threefry_partitionable(True),
    lambda: jax.default_prng_impl("threefry2x32"),
    lambda: jax.enable_custom_prng(False),
    lambda: jax.legacy_prng_key("allow"),
    # A replica that diverges is a result, and so is a level that is not a number.
    lambda: jax.debug_nans(False),
    lambda: jax.debug_infs(False),
    # Programs are compiled: run operation by operation, they round differently.
    lambda: jax.disable_jit(False),
    lambda: jax.no_tracing(False),
    lambda: jax.no_execution(False),
    lambda: jax.default_matmul_precision(None),
    lambda: jax.allow_f16_reductions(True),
    lambda: jax.softmax_custom_jvp(False),
    lambda: jax.numpy_rank_promotion("allow"),
    lambda: jax.numpy_dtype_promotion("standard"),
    # Checks of a user's own code. Here keys are counted through and not split, blocks run in
    # threads, and results are fetched: on purpose.
    lambda: jax.debug_key_reuse(False),
    lambda: jax.check_tracer_leaks(False),
    lambda: jax.thread_guard(False),
    lambda: jax.transfer_guard("allow"),
)


# Options that change numbers too, and that JAX lets nobody set for a time: at other values than
# these they are refused.
_FIXED = {
    "jax_random_seed_offset": 0,  # shifts every seed that a function makes a key of
    "jax_high_dynamic_range_gumbel": False,  # other numbers of the same key
    "jax_disable_most_optimizations": False,  # sums are rounded in another order
    "eager_constant_folding": False,  # diffrax fails
}


@contextmanager
def default_semantics() -> Iterator[None]:
    """Give operations JAX's default meaning, in the precision that is set; also a decorator.

    Raises
    ------
    SettingsError
        If an option that cannot be set for a time has a value that changes numbers.
    """
    for name, value in _FIXED.items():
        if jax.config.values.get(name, value) != value:
            raise SettingsError(
                f"JAX's option {name} is {jax.config.values[name]!r}, which changes results; set "
                f"it back: jax.config.update({name!r}, {value!r})."
            )
    with ExitStack() as settings:
        for setting in _DEFAULTS:
            settings.enter_context(setting())
        yield


@contextmanager
def single_precision() -> Iterator[None]:
    """Compute in float32, with JAX's default semantics; also a decorator."""
    with jax.enable_x64(False), default_semantics():
        yield


@contextmanager
def double_precision() -> Iterator[None]:
    """Compute in float64, with JAX's default semantics otherwise; also a decorator."""
    with jax.enable_x64(True), default_semantics():
        yield
