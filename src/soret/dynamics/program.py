"""The compiled program that advances a block of replicas.

`vmap` over replicas, `scan` over the steps of a chunk, a loop over chunks. A chunk's random
numbers are drawn together before its steps; observables are measured between chunks. Nothing
that a replica computes depends on how many chunks are run in one call.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, PyTree, UInt32

from soret.data.generator import as_jax_key
from soret.dynamics import passage
from soret.dynamics.algorithm import Algorithm, Point, start_of_replica
from soret.dynamics.compiled import Compiled
from soret.dynamics.observable_checks import as_record, refusal
from soret.dynamics.sampling import Sampler
from soret.errors import SettingsError
from soret.observables.state import Observable, State, name
from soret.problems import Problem
from soret.problems.evaluation_batch import attributes as drawn_attributes
from soret.problems.evaluation_batch import listening

# The most steps whose batches are drawn at once, and the bytes those batches may take: beyond
# 32 steps nothing is gained, and beyond the cache much is lost.
_LONGEST_CHUNK = 32
_CHUNK_BYTES = 2**20
# A chunk cannot be stopped: about a second or two of a core's work, so that Ctrl-C is heard. It is
# counted (by tracing the gradient) only where parameters times examples say that it may be more.
_CHUNK_OPERATIONS = 2e10
_COUNTED_FROM = 1e8
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
    passages : Passages, or ()
        What was passed so far, where something is watched.
    """

    params: PyTree[Array]
    velocity: PyTree[Array]
    diverged_at: Int32[Array, "replicas"]
    passages: passage.Passages | tuple[()] = ()


Records = dict[str, Array]
"""Observables by name, each (replicas, ...) at one step or (records, replicas, ...) at several."""


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
    watch : FirstPassage, optional
        The level whose passages are taken; its `every` divides `record_every`.

    Attributes
    ----------
    chunk : int
        Steps drawn at once; divides `record_every`.
    capacity : int
        The most records one call of `advance` may make.
    record_shapes : dict
        Shape and type of one replica's observables.
    drawn : dict
        Which examples each observable looks at, as attributes of its variable.
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
        watch: passage.FirstPassage | None = None,
    ) -> None:
        self.problem, self.algorithm, self.sampler = problem, algorithm, sampler
        self.watch = watch
        self.observables = {name(function): function for function in observables}
        self.structure = algorithm.structure(point)
        self.record_every = record_every
        keys = jax.ShapeDtypeStruct((replicas, 2), jnp.uint32)
        values = {key: jax.ShapeDtypeStruct((), jnp.float32) for key in point}
        count = jax.ShapeDtypeStruct((), jnp.uint32)

        self.chunk = self._chunk_length(keys)
        self.capacity = min(_MOST_RECORDS, records)
        self.ensemble_shape = jax.eval_shape(self._start, keys, values)
        self.drawn: dict[str, dict[str, Any]] = {}
        self.record_shapes = self._check_observables()
        self._check_watch()
        # The start runs once, and drawing initial parameters takes seconds to optimize.
        hasty = {"xla_backend_optimization_level": 0}
        self._started = Compiled(self._start_and_observe, keys, values, options=hasty)
        self._advanced = Compiled(self._advance, self.ensemble_shape, keys, values, count, count)

    def start(
        self, keys: UInt32[Array, "replicas 2"], point: Point, device: jax.Device
    ) -> tuple[Ensemble, Records]:
        """Draw the initial state of a block and observe it."""
        return self._started(device, keys, _arguments(point))

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
        return self._advanced(device, ensemble, keys, _arguments(point), *counts)

    def compile(self, device: jax.Device) -> int:
        """Compile for a device; return the bytes that running a block takes there."""
        return max(self._started.call_bytes(device), self._advanced.call_bytes(device))

    def constant_bytes(self) -> int:
        """Return the bytes of data held once for all blocks."""
        return self._started.constant_bytes() + self._advanced.constant_bytes()

    def fingerprint(self, device: jax.Device) -> str:
        """Return a digest of the program and its constants: what a saved block belongs to."""
        whole = hashlib.sha256(self._started.digest(device))
        whole.update(self._advanced.digest(device))
        return whole.hexdigest()

    # What the program does, as traced by JAX.

    def _start(self, keys: Array, values: Mapping[str, Array]) -> Ensemble:
        params = jax.vmap(lambda key: self.problem.initial(as_jax_key(key)))(keys)
        velocity = jax.vmap(
            lambda p, key: start_of_replica(self.algorithm, p, key, values, self.structure)
        )(params, keys)
        passages: Any = ()
        if self.watch is not None:
            levels = self._levels(params, velocity, jnp.int32(0))
            passages = passage.begin(levels, self.watch.thresholds)
        return Ensemble(params, velocity, jnp.full(keys.shape[0], -1, jnp.int32), passages)

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
            key: jnp.full((self.capacity, replicas, *leaf.shape), jnp.nan, leaf.dtype)
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

        def unfinished(loop: Any) -> Array:
            number, (ensemble, _, _) = loop
            going = number < last
            if self.watch is None:
                return going
            assert ensemble.passages
            # Only at a record, so that where a block stops depends on nothing but its numbers.
            stop = (number % per_record == 0) & jnp.all(ensemble.passages.finished())
            return going & ~stop

        _, (ensemble, _, records) = jax.lax.while_loop(
            unfinished,
            lambda loop: (loop[0] + 1, chunk(*loop)),
            (first, (ensemble, prepared, records)),
        )
        return ensemble, records

    def _chunk(
        self, ensemble: Ensemble, prepared: Any, keys: Array, values: Mapping[str, Array], n: Array
    ) -> tuple[Ensemble, Any]:
        steps = n * jnp.uint32(self.chunk) + jnp.arange(self.chunk, dtype=jnp.uint32)
        prepared, handles = jax.vmap(self.sampler.draw, in_axes=(0, 0, None))(prepared, keys, steps)
        handles = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), handles)
        # Draws end with replicas on the last axis. Moved here, it is one copy; moved on the other
        # side of the barrier, XLA would draw in the order of that copy and no longer vectorize.
        handles = jax.lax.optimization_barrier(handles)
        gradient = jax.grad(self._loss)

        def one(params: Any, velocity: Any, handle: Any) -> tuple[Any, Any]:
            g = gradient(params, self.sampler.gather(handle))
            return self.algorithm.update(g, velocity, params, values, self.structure)

        def step(state: tuple[Any, Any], handle: Any) -> tuple[tuple[Any, Any], None]:
            return jax.vmap(one)(*state, handle), None

        state = (ensemble.params, ensemble.velocity)
        if self.watch is None:
            (params, velocity), _ = jax.lax.scan(step, state, handles)
            return ensemble._replace(params=params, velocity=velocity), prepared
        (params, velocity), passages = self._watched(step, state, handles, steps, ensemble.passages)
        return Ensemble(params, velocity, ensemble.diverged_at, passages), prepared

    def _watched(
        self, step: Callable[..., Any], state: tuple[Any, Any], handles: Any, steps: Array, old: Any
    ) -> tuple[tuple[Any, Any], passage.Passages]:
        """Make the steps of a chunk, looking at the level every so many of them."""
        assert self.watch is not None
        every, thresholds = self.watch.every, self.watch.thresholds
        if self.watch.hold:
            return self._held(step, state, handles, steps, old)
        made = (steps + 1).astype(jnp.int32)
        stride = min(every, self.chunk)
        looks = made.reshape(-1, stride)[:, -1]

        def stretch(state: Any, part: tuple[Any, Array]) -> tuple[Any, Array]:
            handle, at = part
            if stride == 1:
                state, _ = step(state, jax.tree.map(lambda leaf: leaf[0], handle))
            else:
                state, _ = jax.lax.scan(step, state, handle)
            params, velocity = state
            return state, self._levels(params, velocity, at) if every <= self.chunk else at

        parts = jax.tree.map(lambda leaf: leaf.reshape(-1, stride, *leaf.shape[1:]), handles)
        state, levels = jax.lax.scan(stretch, state, (parts, looks))
        if every <= self.chunk:
            return state, passage.update(old, levels, looks, thresholds)

        def look() -> passage.Passages:
            levels = self._levels(state[0], state[1], looks[0])
            return passage.update(old, levels[None], looks, thresholds)

        return state, jax.lax.cond(looks[0] % every == 0, look, lambda: old)

    def _held(
        self, step: Callable[..., Any], state: tuple[Any, Any], handles: Any, steps: Array, old: Any
    ) -> tuple[tuple[Any, Any], passage.Passages]:
        """Make the steps of a chunk; a replica that has passed all makes no more of them."""
        assert self.watch is not None
        every, thresholds = self.watch.every, self.watch.thresholds

        def one(carry: tuple[Any, Any], part: tuple[Any, Array]) -> tuple[Any, None]:
            state, passages = carry
            handle, made = part
            moved, _ = step(state, handle)
            still = passages.finished()
            state = jax.tree.map(
                lambda new, was: jnp.where(still.reshape(-1, *[1] * (new.ndim - 1)), was, new),
                moved,
                state,
            )

            def look() -> passage.Passages:
                levels = self._levels(state[0], state[1], made)
                return passage.update(passages, levels[None], made[None], thresholds)

            return (state, jax.lax.cond(made % every == 0, look, lambda: passages)), None

        carry, _ = jax.lax.scan(one, (state, old), (handles, (steps + 1).astype(jnp.int32)))
        return carry

    def _levels(self, params: Any, velocity: Any, step: Array) -> Array:
        """Return the watched level of every replica."""
        assert self.watch is not None
        level = self.watch.level

        def one(params: Any, velocity: Any) -> Array:
            return jnp.asarray(level(self.problem, State(params, velocity, step)), jnp.float32)

        return jax.vmap(one)(params, velocity)

    def _loss(self, params: Any, batch: tuple[Array, Array]) -> Array:
        inputs, labels = batch
        if self.problem.predict_batch is not None:
            return self.problem.training_loss(params, batch)
        if inputs.shape[0] == 1:  # sparing XLA a batch axis of one
            return self.problem.example_loss(params, inputs[0], labels[0])
        return self.problem.batch_loss(params, batch)

    def _observe(self, ensemble: Ensemble, step: Array) -> tuple[Ensemble, Records]:
        finite = jax.vmap(_all_finite)(ensemble.params)
        diverged = jnp.where((ensemble.diverged_at < 0) & ~finite, step, ensemble.diverged_at)

        def one(params: Any, velocity: Any, alive: Array) -> Records:
            state = State(params, velocity, step)
            return {
                key: jnp.where(alive, as_record(function(self.problem, state)), jnp.nan)
                for key, function in self.observables.items()
            }

        alive = diverged < 0
        if ensemble.passages:
            alive &= ~ensemble.passages.finished()
        records = jax.vmap(one)(ensemble.params, ensemble.velocity, alive)
        return ensemble._replace(diverged_at=diverged), records

    # Shapes.

    def _chunk_length(self, keys: jax.ShapeDtypeStruct) -> int:
        """Return the longest divisor of `record_every` that the limits allow."""

        def batch_bytes(keys: Array) -> Any:
            steps = jnp.arange(1, dtype=jnp.uint32)
            carry = jax.vmap(self.sampler.prepare, in_axes=(0, None))(keys, steps[0])
            return jax.vmap(self.sampler.draw, in_axes=(0, 0, None))(carry, keys, steps)[1]

        handles = jax.tree.leaves(jax.eval_shape(batch_bytes, keys))
        per_step = sum(leaf.size * leaf.dtype.itemsize for leaf in handles)
        limit = min(_LONGEST_CHUNK, self.sampler.longest, max(1, _CHUNK_BYTES // per_step))
        limit = min(limit, self._stoppable_length(keys, limit))
        every = 1 if self.watch is None else self.watch.every
        # Looks at the watched level fall on ends of chunks, or chunks on whole looks.
        whole = range(every, limit + 1, every) if every <= limit else range(1, limit + 1)
        span = self.record_every if every <= limit else every
        return max(n for n in whole if span % n == 0)

    def _stoppable_length(self, keys: jax.ShapeDtypeStruct, limit: int) -> int:
        """Return how many steps, of at most `limit`, are short enough to wait for."""

        def gradients(keys: Array) -> Any:
            params = jax.vmap(lambda key: self.problem.initial(as_jax_key(key)))(keys)
            prepared = jax.vmap(self.sampler.prepare, in_axes=(0, None))(keys, jnp.uint32(0))
            steps = jnp.arange(1, dtype=jnp.uint32)
            _, handles = jax.vmap(self.sampler.draw, in_axes=(0, 0, None))(prepared, keys, steps)
            batches = jax.vmap(lambda h: self.sampler.gather(jax.tree.map(lambda x: x[0], h)))(
                handles
            )
            return params, batches

        params, batches = jax.eval_shape(gradients, keys)
        weights = sum(leaf.size for leaf in jax.tree.leaves(params))
        if limit * weights * batches[0].shape[1] < _COUNTED_FROM:
            return limit
        one = jax.jit(jax.vmap(jax.grad(self._loss))).lower(params, batches)
        operations = (one.cost_analysis() or {}).get("flops", 0.0)
        return max(1, int(_CHUNK_OPERATIONS / max(operations, 1.0)))

    def _check_observables(self) -> dict[str, jax.ShapeDtypeStruct]:
        shapes = {}
        for key, function in self.observables.items():
            with listening() as drawn:
                shapes[key] = self._shape_of(function)
            self.drawn[key] = drawn_attributes(drawn)
        return shapes

    def _shape_of(self, observable: Observable) -> jax.ShapeDtypeStruct:
        """Return shape and type of an observable of one replica."""
        one = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), self.ensemble_shape
        )

        def measure(params: Any, velocity: Any, step: Array) -> Array:
            return as_record(observable(self.problem, State(params, velocity, step)))

        step = jax.ShapeDtypeStruct((), jnp.int32)
        try:
            return eqx.filter_eval_shape(measure, one.params, one.velocity, step)
        except SettingsError:
            raise
        except Exception as error:
            raise refusal(observable, self.problem, error) from error

    def _check_watch(self) -> None:
        if self.watch is None:
            return
        level = self.watch.level
        shape = self._shape_of(level).shape
        if shape != ():
            raise SettingsError(
                f"the watched level {name(level)!r} has shape {shape}; it must be a scalar."
            )


def _arguments(point: Point) -> dict[str, np.float32]:
    return {key: np.float32(value) for key, value in point.items()}


def _all_finite(params: Any) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(params)]))
