"""The compiled program that advances a block of replicas.

`vmap` over replicas, `scan` over the steps of a chunk, a loop over chunks. A chunk's random
numbers are drawn together before its steps; observables are measured between chunks. Nothing
that a replica computes depends on how many chunks are run in one call.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, PyTree, UInt32

from soret.data.generator import as_jax_key
from soret.dynamics.sampling import Sampler
from soret.dynamics.sgd import Algorithm, Point
from soret.errors import SettingsError
from soret.observables.state import Observable, State, name
from soret.problems import Problem

# The most steps whose batches are drawn at once, and the bytes those batches may take: beyond
# 32 steps nothing is gained, and beyond the cache much is lost.
_LONGEST_CHUNK = 32
_CHUNK_BYTES = 2**20
# The start runs once, and drawing initial parameters takes seconds to optimize.
_COMPILER_OPTIONS = {"start": {"xla_backend_optimization_level": 0}, "advance": {}}
# The most records that one call returns.
_MOST_RECORDS = 256


class Ensemble(NamedTuple):
    """The state of a block: every leaf has the replica as its first axis.

    Attributes
    ----------
    params, velocity : pytree
        As in `State`.
    diverged_at : (replicas,) int32
        The first recorded step at which a parameter was not finite; −1 while all are.
    """

    params: PyTree[Array]
    velocity: PyTree[Array]
    diverged_at: Int32[Array, "replicas"]


Records = dict[str, Array]
"""Observables by name, each (replicas, ...) at one step or (records, replicas, ...) at several."""


@dataclass(frozen=True)
class Call:
    """One of the two functions of a program, its big constants lifted out as arguments.

    Arrays that a user's functions close over (data, probes) would otherwise be compiled into
    the program, once for every one.
    """

    run: Callable[..., Any]
    constants: PyTree[Array]

    @classmethod
    def of(cls, function: Callable[..., Any], *shapes: Any) -> "Call":
        """Trace `function` at the given shapes and lift its constants out."""
        converted = eqx.filter_closure_convert(function, *shapes)
        constants, rest = eqx.partition(converted, _is_array)

        def run(constants: PyTree[Array], *args: Any) -> Any:
            return eqx.combine(constants, rest)(*args)

        return cls(run, constants)


class Program:
    """What a block of replicas runs, compiled once for all blocks of the same structure.

    Parameters
    ----------
    problem, algorithm, observables, sampler
        What is run and measured.
    point : mapping
        A point of the grid with the structure wanted; other values are arguments of the calls.
    replicas : int
        Replicas in a block.
    record_every : int
        Steps between records.
    records : int
        Records after step 0.

    Attributes
    ----------
    chunk : int
        Steps drawn at once; divides `record_every`.
    capacity : int
        The most records one call of `advance` may make.
    record_shapes : dict
        Shape and type of one replica's observables.
    """

    def __init__(
        self,
        problem: Problem,
        algorithm: Algorithm,
        observables: Sequence[Observable],
        sampler: Sampler,
        point: Point,
        replicas: int,
        record_every: int,
        records: int,
    ) -> None:
        self.problem, self.algorithm, self.sampler = problem, algorithm, sampler
        self.observables = {name(function): function for function in observables}
        self.structure = algorithm.structure(point)
        self.record_every = record_every
        keys = jax.ShapeDtypeStruct((replicas, 2), jnp.uint32)
        values = {key: jax.ShapeDtypeStruct((), jnp.float32) for key in point}
        count = jax.ShapeDtypeStruct((), jnp.uint32)

        self.chunk = self._chunk_length(keys)
        self.capacity = min(_MOST_RECORDS, records)
        self.ensemble_shape = jax.eval_shape(self._start, keys, values)
        self.record_shapes = self._check_observables()
        self._shapes = {
            "start": (keys, values),
            "advance": (self.ensemble_shape, keys, values, count, count),
        }
        self.calls = {
            "start": Call.of(self._start_and_observe, *self._shapes["start"]),
            "advance": Call.of(self._advance, *self._shapes["advance"]),
        }
        self._lowered: dict[tuple[str, jax.Device], Any] = {}
        self._compiled: dict[tuple[str, jax.Device], tuple[Any, PyTree[Array]]] = {}

    def start(
        self, keys: UInt32[Array, "replicas 2"], point: Point, device: jax.Device
    ) -> tuple[Ensemble, Records]:
        """Draw the initial state of a block and observe it."""
        return self._call("start", device, keys, _arguments(point))

    def advance(
        self,
        ensemble: Ensemble,
        keys: UInt32[Array, "replicas 2"],
        point: Point,
        first: int,
        last: int,
        device: jax.Device,
    ) -> tuple[Ensemble, Records]:
        """Run chunks first … last − 1; return the state and the records made on the way.

        The records' first axis has `capacity` places, filled from the front, one for each
        multiple of `record_every` reached.
        """
        counts = np.uint32(first), np.uint32(last)
        return self._call("advance", device, ensemble, keys, _arguments(point), *counts)

    def compile(self, device: jax.Device) -> int:
        """Compile for a device; return the bytes that running a block takes there."""
        total = 0
        for which, call in self.calls.items():
            stats = self._executable(which, device)[0].memory_analysis()
            constants = sum(leaf.nbytes for leaf in jax.tree.leaves(call.constants))
            if stats is not None:
                total = max(
                    total,
                    stats.temp_size_in_bytes
                    + stats.output_size_in_bytes
                    + stats.argument_size_in_bytes
                    - constants,
                )
        return total

    def constant_bytes(self) -> int:
        """Return the bytes of data held once for all blocks."""
        return sum(
            leaf.nbytes for call in self.calls.values() for leaf in jax.tree.leaves(call.constants)
        )

    def fingerprint(self, device: jax.Device) -> str:
        """Return a digest of the program and its constants: what a saved block belongs to."""
        digest = hashlib.sha256()
        for which, call in self.calls.items():
            digest.update(self._lower(which, device).as_text().encode())
            for leaf in jax.tree.leaves(call.constants):
                digest.update(np.ascontiguousarray(leaf).tobytes())
        return digest.hexdigest()

    # What the program does, as traced by JAX.

    def _start(self, keys: Array, values: Mapping[str, Array]) -> Ensemble:
        params = jax.vmap(lambda key: self.problem.initial(as_jax_key(key)))(keys)
        velocity = jax.vmap(lambda p: self.algorithm.start(p, values, self.structure))(params)
        return Ensemble(params, velocity, jnp.full(keys.shape[0], -1, jnp.int32))

    def _start_and_observe(
        self, keys: Array, values: Mapping[str, Array]
    ) -> tuple[Ensemble, Records]:
        return self._observe(self._start(keys, values), jnp.int32(0))

    def _advance(
        self,
        ensemble: Ensemble,
        keys: Array,
        values: Mapping[str, Array],
        first: Array,
        last: Array,
    ) -> tuple[Ensemble, Records]:
        per_record = self.record_every // self.chunk
        replicas = keys.shape[0]
        records = {
            key: jnp.zeros((self.capacity, replicas, *leaf.shape), leaf.dtype)
            for key, leaf in self.record_shapes.items()
        }
        prepared = jax.vmap(self.sampler.prepare, in_axes=(0, None))(keys, first * self.chunk)

        def chunk(number: Array, carry: Any) -> Any:
            ensemble, prepared, records = carry
            ensemble, prepared = self._chunk(ensemble, prepared, keys, values, number)
            done = number + 1

            def record() -> tuple[Ensemble, Records]:
                observed, values = self._observe(ensemble, (done * self.chunk).astype(jnp.int32))
                place = done // per_record - first // per_record - 1
                return observed, {
                    key: jax.lax.dynamic_update_index_in_dim(records[key], value, place, 0)
                    for key, value in values.items()
                }

            ensemble, records = jax.lax.cond(
                done % per_record == 0, record, lambda: (ensemble, records)
            )
            return ensemble, prepared, records

        ensemble, _, records = jax.lax.fori_loop(first, last, chunk, (ensemble, prepared, records))
        return ensemble, records

    def _chunk(
        self, ensemble: Ensemble, prepared: Any, keys: Array, values: Mapping[str, Array], n: Array
    ) -> tuple[Ensemble, Any]:
        steps = n * jnp.uint32(self.chunk) + jnp.arange(self.chunk, dtype=jnp.uint32)
        prepared, handles = jax.vmap(self.sampler.draw, in_axes=(0, 0, None))(prepared, keys, steps)
        # Without the barrier XLA moves the transposition into the generator, which then no
        # longer vectorizes.
        handles = jax.lax.optimization_barrier(handles)
        handles = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), handles)
        gradient = jax.grad(self._loss)

        def one(params: Any, velocity: Any, handle: Any) -> tuple[Any, Any]:
            g = gradient(params, self.sampler.gather(handle))
            return self.algorithm.update(g, velocity, params, values, self.structure)

        def step(state: tuple[Any, Any], handle: Any) -> tuple[tuple[Any, Any], None]:
            return jax.vmap(one)(*state, handle), None

        state = (ensemble.params, ensemble.velocity)
        (params, velocity), _ = jax.lax.scan(step, state, handles)
        return Ensemble(params, velocity, ensemble.diverged_at), prepared

    def _loss(self, params: Any, batch: tuple[Array, Array]) -> Array:
        inputs, labels = batch
        if inputs.shape[0] == 1:  # sparing XLA a batch axis of one
            return self.problem.example_loss(params, inputs[0], labels[0])
        return self.problem.batch_loss(params, batch)

    def _observe(self, ensemble: Ensemble, step: Array) -> tuple[Ensemble, Records]:
        finite = jax.vmap(_all_finite)(ensemble.params)
        diverged = jnp.where((ensemble.diverged_at < 0) & ~finite, step, ensemble.diverged_at)

        def one(params: Any, velocity: Any, alive: Array) -> Records:
            state = State(params, velocity, step)
            return {
                key: jnp.where(alive, _as_record(function(self.problem, state)), jnp.nan)
                for key, function in self.observables.items()
            }

        records = jax.vmap(one)(ensemble.params, ensemble.velocity, diverged < 0)
        return ensemble._replace(diverged_at=diverged), records

    # Shapes and compilation.

    def _chunk_length(self, keys: jax.ShapeDtypeStruct) -> int:
        """Return the longest divisor of `record_every` that the limits allow."""

        def batch_bytes(keys: Array) -> Any:
            steps = jnp.arange(1, dtype=jnp.uint32)
            carry = jax.vmap(self.sampler.prepare, in_axes=(0, None))(keys, steps[0])
            return jax.vmap(self.sampler.draw, in_axes=(0, 0, None))(carry, keys, steps)[1]

        handles = jax.tree.leaves(jax.eval_shape(batch_bytes, keys))
        per_step = sum(leaf.size * leaf.dtype.itemsize for leaf in handles)
        limit = min(_LONGEST_CHUNK, self.sampler.longest, max(1, _CHUNK_BYTES // per_step))
        return max(n for n in range(1, limit + 1) if self.record_every % n == 0)

    def _check_observables(self) -> dict[str, jax.ShapeDtypeStruct]:
        one = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), self.ensemble_shape
        )
        step = jax.ShapeDtypeStruct((), jnp.int32)
        shapes = {}
        for key, function in self.observables.items():
            try:
                shapes[key] = eqx.filter_eval_shape(
                    lambda p, v, s, f=function: _as_record(f(self.problem, State(p, v, s))),
                    one.params,
                    one.velocity,
                    step,
                )
            except SettingsError:
                raise
            except Exception as error:
                raise SettingsError(
                    f"observable {key!r} fails on problem {self.problem.name!r}: {error}"
                ) from error
        return shapes

    def _lower(self, which: str, device: jax.Device) -> Any:
        if (which, device) not in self._lowered:
            call = self.calls[which]
            where = jax.sharding.SingleDeviceSharding(device)
            shapes = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
                (call.constants, *self._shapes[which]),
            )
            self._lowered[which, device] = jax.jit(call.run).lower(*shapes)
        return self._lowered[which, device]

    def _executable(self, which: str, device: jax.Device) -> tuple[Any, PyTree[Array]]:
        if (which, device) not in self._compiled:
            constants = jax.device_put(self.calls[which].constants, device)
            compiled = self._lower(which, device).compile(_COMPILER_OPTIONS[which])
            self._compiled[which, device] = compiled, constants
        return self._compiled[which, device]

    def _call(self, which: str, device: jax.Device, *args: Any) -> Any:
        run, constants = self._executable(which, device)
        return run(constants, *jax.device_put(args, device))


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray)


def _arguments(point: Point) -> dict[str, np.float32]:
    return {key: np.float32(value) for key, value in point.items()}


def _all_finite(params: Any) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(params)]))


def _as_record(value: Any) -> Array:
    """Return an observable as an array that can hold NaN: counts and booleans become floats."""
    array = jnp.asarray(value)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(jnp.float32)
