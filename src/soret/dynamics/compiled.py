"""A traced function, compiled once for each device, its big constants passed as arguments."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

# The executables compiled last: a run with another seed, or taken up again, is the same program.
_MOST_KEPT = 32
_kept: OrderedDict[tuple[Any, ...], Future[Any]] = OrderedDict()
_lock = threading.Lock()


class Compiled:
    """A function to be called on one device or another, as one compiled program.

    Arrays that the function closes over (data, evaluation batches) would otherwise be compiled
    into the program; here they are lifted out, and held once for a device.

    Parameters
    ----------
    function : callable
        What to trace.
    *shapes : pytree of jax.ShapeDtypeStruct
        Its arguments.
    options : mapping
        The compiler's.
    """

    def __init__(
        self, function: Callable[..., Any], *shapes: Any, options: Mapping[str, Any] | None = None
    ) -> None:
        converted = eqx.filter_closure_convert(function, *shapes)
        self.constants, rest = eqx.partition(converted, _is_array)
        self._shapes, self._options = shapes, dict(options or {})
        self._lowered: dict[jax.Device, Any] = {}
        self._executables: dict[jax.Device, tuple[Any, PyTree[Any]]] = {}

        def run(constants: PyTree[Any], *args: Any) -> Any:
            return eqx.combine(constants, rest)(*args)

        self._run = run

    def __call__(self, device: jax.Device, *args: Any) -> Any:
        """Call the function on a device."""
        run, constants = self._executable(device)
        return run(constants, *jax.device_put(args, device))

    def call_bytes(self, device: jax.Device) -> int:
        """Compile for a device; return the bytes of one call beside the constants."""
        stats = self._executable(device)[0].memory_analysis()
        if stats is None:
            return 0
        return (
            int(
                stats.temp_size_in_bytes + stats.output_size_in_bytes + stats.argument_size_in_bytes
            )
            - self.constant_bytes()
        )

    def constant_bytes(self) -> int:
        """Return the bytes of the constants."""
        return sum(_numbers(leaf).nbytes for leaf in jax.tree.leaves(self.constants))

    def digest(self, device: jax.Device) -> bytes:
        """Return a digest of the program and its constants."""
        total = hashlib.sha256(self._lower(device).as_text().encode())
        if self._options:
            total.update(repr(sorted(self._options.items())).encode())
        for leaf in jax.tree.leaves(self.constants):
            total.update(_numbers(leaf).tobytes())
        return total.digest()

    def _lower(self, device: jax.Device) -> Any:
        if device not in self._lowered:
            where = jax.sharding.SingleDeviceSharding(device)
            shapes = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
                (self.constants, *self._shapes),
            )
            self._lowered[device] = jax.jit(self._run).lower(*shapes)
        return self._lowered[device]

    def _executable(self, device: jax.Device) -> tuple[Any, PyTree[Any]]:
        if device not in self._executables:
            constants = jax.device_put(self.constants, device)
            compiled = _compile(self._lower(device), device, self._options)
            self._executables[device] = compiled, constants
        return self._executables[device]


def _compile(lowered: Any, device: jax.Device, options: Mapping[str, Any]) -> Any:
    """Compile for a device, unless the same was done a short while ago."""
    text = lowered.as_text()
    if "callback" in text:  # a call back into Python is a number there, not the function
        return lowered.compile(options)
    program = hashlib.sha256(text.encode()).digest()
    # A typed key and its words are the same in the program's text, and not to who calls it.
    types = tuple(str(leaf.dtype) for leaf in jax.tree.leaves(lowered.in_avals))
    key = (device, program, types, lowered.in_tree, lowered.out_tree, *sorted(options.items()))
    with _lock:
        first = key not in _kept
        compiled = _kept.setdefault(key, Future())
        _kept.move_to_end(key)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    if first:  # another thread that wants the same waits for it
        try:
            compiled.set_result(lowered.compile(options))
        except BaseException as error:
            with _lock:
                _kept.pop(key, None)
            compiled.set_exception(error)
    return compiled.result()


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray)


def _numbers(leaf: Any) -> np.ndarray:
    """Return an array's numbers; those of a typed key, which a model may close over, are words."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.ascontiguousarray(leaf)
