"""The compiled program that advances a block of replicas.

`vmap` over replicas, `scan` over the steps of a chunk, a loop over chunks. A chunk's random
numbers are drawn together before its steps; observables are measured between chunks. Nothing
that a replica computes depends on how many chunks are run in one call.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, PyTree
from numpy.typing import NDArray

from soret.dynamics import passage
from soret.dynamics.algorithm import Algorithm, Point
from soret.dynamics.compiled import Compiled
from soret.dynamics.keys import Keys
from soret.dynamics.observable_checks import check_level, measured
from soret.dynamics.sampling import Sampler
from soret.dynamics.stepper import Replicas, Stepper
from soret.dynamics.watchers import watcher
from soret.observables.state import Observable, State, name
from soret.problems import Problem
from soret.problems.evaluation_batch import attributes as drawn_attributes
from soret.problems.evaluation_batch import listening

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


LaneValues = Mapping[str, NDArray[np.float32]]
"""Every hyperparameter's value for each replica of a block, (replicas,)."""

Records = dict[str, Array]
"""Observables by name, each (replicas, ...) at one step or (records, replicas, ...) at several."""


class Program:
    """What a block of replicas runs, compiled once for all blocks of the same structure.

    Parameters
    ----------
    problem, algorithm, observables, sampler
        What is run and measured.
    point : mapping
        A point of the grid with the structure wanted; values are arguments of the calls.
    replicas : int
        Replicas in a block; they may be of several points.
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
        self.problem, self.watch = problem, watch
        self.stepper = Stepper(problem, algorithm, sampler, algorithm.structure(point))
        self.watcher = watcher(self.stepper, watch)
        self.observables = {name(function): function for function in observables}
        self.record_every = record_every
        self._once: dict[Any, Any] = {}
        keys = self.keys_shape = jax.ShapeDtypeStruct((replicas, 2), jnp.uint32)
        values = {key: jax.ShapeDtypeStruct((replicas,), jnp.float32) for key in point}
        count = jax.ShapeDtypeStruct((), jnp.uint32)

        self.chunk = self._chunk_length(replicas)
        self.capacity = min(_MOST_RECORDS, records)
        # Traced once each, whatever calls them: the user's functions take most of the time.
        self._begun = _traced(self._start, keys, values)
        self.ensemble_shape: Ensemble = self._begun.out_struct
        if watch is not None:
            check_level(watch.level, problem, self.ensemble_shape)
        self.drawn: dict[str, dict[str, Any]] = {}
        step = jax.ShapeDtypeStruct((), jnp.int32)
        self._observed = _traced(self._observe, self.ensemble_shape, step)
        self.record_shapes = {
            key: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
            for key, leaf in self._observed.out_struct[1].items()
        }
        # The start runs once, and drawing initial parameters takes seconds to optimize.
        hasty = {"xla_backend_optimization_level": 0}
        self._started = Compiled(self._start_and_observe, keys, values, options=hasty)
        state = self.ensemble_shape, keys, values
        options = self.stepper.compiler_options()
        self._advanced = Compiled(self._advance, *state, count, count, options=options)

    def start(self, keys: Keys, values: LaneValues, device: jax.Device) -> tuple[Ensemble, Records]:
        """Draw the initial state of a block and observe it; `values` are each replica's."""
        return self._started(device, keys, dict(values))

    def advance(
        self,
        ensemble: Ensemble,
        keys: Keys,
        values: LaneValues,
        first: int,
        last: int,
        device: jax.Device,
    ) -> tuple[Ensemble, Records]:
        """Run chunks first … last − 1; return the state and the records made on the way.

        The records' first axis has `capacity` places, filled from the front, one for each
        multiple of `record_every` reached.
        """
        counts = np.uint32(first), np.uint32(last)
        return self._advanced(device, ensemble, keys, dict(values), *counts)

    def compile(self, device: jax.Device) -> int:
        """Compile for a device; return the bytes that running a block takes there."""
        return max(self._started.call_bytes(device), self._advanced.call_bytes(device))

    def once(self, make: Callable[..., Any], *fixed: Hashable) -> Any:
        """Return ``make(self, *fixed)``, made once: what looks at blocks from outside."""
        key = (make, *fixed)
        if key not in self._once:
            self._once[key] = make(self, *fixed)
        return self._once[key]

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
        replicas = self.stepper.begin(keys, values)
        seen = self.watcher.begin(self.stepper.arranged(replicas))
        return Ensemble(*replicas, jnp.full(keys.shape[0], -1, jnp.int32), seen)

    def _start_and_observe(
        self, keys: Array, values: Mapping[str, Array]
    ) -> tuple[Ensemble, Records]:
        made: tuple[Ensemble, Records] = self._observed(self._begun(keys, values), jnp.int32(0))
        return made

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
        prepared = self.stepper.prepare(keys, first * self.chunk)

        def chunk(number: Array, carry: Any) -> Any:
            ensemble, prepared, records = carry
            ensemble, prepared = self._chunk(ensemble, prepared, keys, values, number)
            done = number + 1

            def record() -> tuple[Array, Records]:
                plain = self._with(ensemble, self.stepper.plain)
                observed, values = self._observed(plain, (done * self.chunk).astype(jnp.int32))
                place = done // per_record - first // per_record - 1
                return observed.diverged_at, {
                    key: jax.lax.dynamic_update_index_in_dim(records[key], value, place, 0)
                    for key, value in values.items()
                }

            diverged_at, records = jax.lax.cond(
                done % per_record == 0, record, lambda: (ensemble.diverged_at, records)
            )
            return ensemble._replace(diverged_at=diverged_at), prepared, records

        def unfinished(loop: Any) -> Array:
            number, (ensemble, _, _) = loop
            # Only at a record, so that where a block stops depends on nothing but its numbers.
            stop = (number % per_record == 0) & jnp.all(self._finished(ensemble))
            return (number < last) & ~stop

        _, (ensemble, _, records) = jax.lax.while_loop(
            unfinished,
            lambda loop: (loop[0] + 1, chunk(*loop)),
            (first, (self._with(ensemble, self.stepper.arranged), prepared, records)),
        )
        return self._with(ensemble, self.stepper.plain), records

    def _chunk(
        self, ensemble: Ensemble, prepared: Any, keys: Array, values: Mapping[str, Array], n: Array
    ) -> tuple[Ensemble, Any]:
        steps = n * jnp.uint32(self.chunk) + jnp.arange(self.chunk, dtype=jnp.uint32)
        prepared, handles = self.stepper.draw(prepared, keys, steps)
        replicas, seen = self.watcher.run(
            lambda replicas, handle: self.stepper.step(replicas, handle, values),
            Replicas(ensemble.params, ensemble.velocity),
            handles,
            (steps + 1).astype(jnp.int32),
            ensemble.passages,
        )
        return Ensemble(*replicas, ensemble.diverged_at, seen), prepared

    def _with(self, ensemble: Ensemble, arrange: Callable[[Replicas], Replicas]) -> Ensemble:
        """Return an ensemble whose replicas are arranged otherwise."""
        replicas = arrange(Replicas(ensemble.params, ensemble.velocity))
        return ensemble._replace(params=replicas.params, velocity=replicas.velocity)

    def _finished(self, ensemble: Ensemble) -> Array:
        return self.watcher.finished(len(ensemble.diverged_at), ensemble.passages)

    def _observe(self, ensemble: Ensemble, step: Array) -> tuple[Ensemble, Records]:
        finite = jax.vmap(_all_finite)(ensemble.params)
        diverged = jnp.where((ensemble.diverged_at < 0) & ~finite, step, ensemble.diverged_at)

        def one(params: Any, velocity: Any, alive: Array) -> Records:
            state = State(params, velocity, step)
            return {
                key: jnp.where(alive, self._measured(key, function, state), jnp.nan)
                for key, function in self.observables.items()
            }

        alive = (diverged < 0) & ~self._finished(ensemble)
        records = jax.vmap(one)(ensemble.params, ensemble.velocity, alive)
        return ensemble._replace(diverged_at=diverged), records

    def _measured(self, key: str, function: Observable, state: State) -> Array:
        with listening() as drawn:
            value = measured(function, self.problem, state)
        self.drawn[key] = drawn_attributes(drawn)
        return value

    # Shapes.

    def _chunk_length(self, replicas: int) -> int:
        """Return the longest divisor of `record_every` that the limits allow."""
        limit, every = self.stepper.longest_chunk(replicas), self.watcher.every
        # Looks fall on ends of chunks, or chunks on whole looks.
        whole = range(every, limit + 1, every) if every <= limit else range(1, limit + 1)
        span = self.record_every if every <= limit else every
        return max(n for n in whole if span % n == 0)


def _traced(function: Callable[..., Any], *shapes: Any) -> Any:
    """Return what a function does at arguments of these shapes; `out_struct` has its results'."""
    return eqx.filter_closure_convert(function, *shapes)


def _all_finite(params: Any) -> Array:
    # 0·x is NaN where x is not finite. XLA adds floats several at a time, truth values one by one.
    return jnp.stack([jnp.sum(0 * leaf) for leaf in jax.tree.leaves(params)]).sum() == 0
