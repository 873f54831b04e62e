"""SGD on many replicas at once: how they begin, draw their batches, and make a step."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, PyTree, UInt32

from soret.data.generator import as_jax_key
from soret.dynamics.algorithm import Algorithm, start_of_replica
from soret.dynamics.compiler_options import known_options
from soret.dynamics.lanes import over_last_axis
from soret.dynamics.products import over_first_axis
from soret.dynamics.sampling import Sampler
from soret.observables.state import Observable, State
from soret.problems import Problem

# The most steps whose batches are drawn at once, and the bytes those batches may take: beyond
# 32 steps nothing is gained, and beyond the cache much is lost.
_LONGEST_CHUNK = 32
_CHUNK_BYTES = 2**20
# A chunk cannot be stopped: about a second or two of a core's work, so that Ctrl-C is heard. It is
# counted (by tracing the gradient) only where parameters times examples say that it may be more.
_CHUNK_OPERATIONS = 2e10
_COUNTED_FROM = 1e8
# Where a replica's parameters and batch are at most so many numbers, steps are made with replicas
# on the last axis of everything, as draws are made: two to seven times as quick. Batches of several
# examples must be smaller: with them a matrix product of one replica is quicker.
_FEW_NUMBERS, _FEWEST_NUMBERS = 1024, 32
# With replicas on the last axis: registers of sixteen numbers, and none of XLA's library of kernels
# for sums of products, which makes the products first and then adds. Both leave every number as it
# is.
_LAST_AXIS_OPTIONS = {
    "xla_cpu_prefer_vector_width": 512,
    "xla_cpu_experimental_ynn_fusion_type": "",
}

Values = Mapping[str, Any]
"""Every hyperparameter's value for each replica, (replicas,): they may be of several points."""


class Replicas(NamedTuple):
    """Where replicas stand: every leaf has the replica as its first axis, or all as their last.

    Attributes
    ----------
    params, velocity : pytree
        As in `State`.
    """

    params: PyTree[Array]
    velocity: PyTree[Array]


class Stepper:
    """Updates of many replicas, as traced by JAX; it compiles nothing and holds no state.

    Steps are made of replicas that are `arranged`: on the first axis of every leaf or on the last,
    as suits the sizes. All that looks at replicas between steps takes them so.

    Parameters
    ----------
    problem, algorithm, sampler
        What is run.
    structure : tuple
        What the algorithm must know when compiling: `Algorithm.structure`.
    """

    def __init__(
        self,
        problem: Problem,
        algorithm: Algorithm,
        sampler: Sampler,
        structure: tuple[Any, ...],
    ) -> None:
        self.problem, self.algorithm, self.sampler = problem, algorithm, sampler
        self.structure = structure

    def begin(self, keys: UInt32[Array, "replicas 2"], values: Values) -> Replicas:
        """Draw the replicas' initial parameters; return them with the optimizer's state."""
        params = jax.vmap(lambda key: self.problem.initial(as_jax_key(key)))(keys)
        velocity = jax.vmap(
            lambda p, key, values: start_of_replica(self.algorithm, p, key, values, self.structure)
        )(params, keys, dict(values))
        return Replicas(params, velocity)

    def prepare(self, keys: UInt32[Array, "replicas 2"], step: Array) -> Any:
        """Return what `draw` carries along, as it stands before a step."""
        return jax.vmap(self.sampler.prepare, in_axes=(0, None))(keys, step)

    def draw(
        self, prepared: Any, keys: UInt32[Array, "replicas 2"], steps: UInt32[Array, "steps"]
    ) -> tuple[Any, Any]:
        """Draw the batches of consecutive steps: handles whose leaves begin with the step.

        Returns
        -------
        prepared, handles
            What the next call carries along, and a handle on every batch.
        """
        if self._replica_axis and not jax.tree.leaves(prepared):  # nothing to be moved each time
            handles = over_last_axis(lambda key: self.sampler.draw(prepared, key, steps)[1], keys.T)
            return prepared, jax.lax.optimization_barrier(handles)
        # The first axis is that of the steps.
        out_axes = 0, self._replica_axis or 1
        draw = jax.vmap(self.sampler.draw, in_axes=(0, 0, None), out_axes=out_axes)
        prepared, handles = draw(prepared, keys, steps)
        # Draws end with replicas on the last axis. Moved here, it is one copy; moved on the other
        # side of the barrier, XLA would draw in the order of that copy and no longer vectorize.
        return prepared, jax.lax.optimization_barrier(handles)

    def arranged(self, replicas: Replicas) -> Replicas:
        """Return replicas as `step` wants them, given them on the first axis."""
        return self._moved(replicas, 0, self._replica_axis)

    def plain(self, replicas: Replicas) -> Replicas:
        """Return arranged replicas with the replica as first axis."""
        return self._moved(replicas, self._replica_axis, 0)

    def _moved(self, replicas: Replicas, source: int, destination: int) -> Replicas:
        if source == destination:
            return replicas
        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, source, destination), replicas)

    def step(self, replicas: Replicas, handles: Any, values: Values) -> Replicas:
        """Make one step of arranged replicas, with the handles on it as `draw` returns them."""
        gradient = jax.grad(self.loss)

        def one(
            params: Any, velocity: Any, handle: Any, values: Mapping[str, Array]
        ) -> tuple[Any, Any]:
            g = gradient(params, self.sampler.gather(handle))
            return self.algorithm.update(g, velocity, params, values, self.structure)

        return Replicas(*self._each(one, *replicas, handles, dict(values)))

    def levels(
        self, level: Observable, replicas: Replicas, step: Array
    ) -> Float32[Array, "replicas"]:
        """Return a scalar observable of every one of arranged replicas, after so many steps."""

        def one(params: Any, velocity: Any) -> Array:
            return jnp.asarray(level(self.problem, State(params, velocity, step)), jnp.float32)

        levels: Array = self._each(one, *replicas)
        return levels

    def where(self, which: Bool[Array, "replicas"], yes: Replicas, no: Replicas) -> Replicas:
        """Choose between arranged replicas, replica by replica."""

        def leaf(a: Array, b: Array) -> Array:
            after = 0 if self._replica_axis else a.ndim - 1
            return jnp.where(which.reshape(-1, *[1] * after), a, b)

        return jax.tree.map(leaf, yes, no)

    def _each(self, function: Callable[..., Any], *args: Any) -> Any:
        """Apply a function of one replica to all."""
        each = over_last_axis if self._replica_axis else over_first_axis
        return each(function, *args)

    def loss(self, params: Any, batch: tuple[Array, Array]) -> Array:
        """Return one replica's loss on a batch."""
        inputs, labels = batch
        if self.problem.predict_batch is not None:
            return self.problem.training_loss(params, batch)
        if inputs.shape[0] == 1:  # sparing XLA a batch axis of one
            return self.problem.example_loss(params, inputs[0], labels[0])
        return self.problem.batch_loss(params, batch)

    @cached_property
    def _of_one(self) -> tuple[Any, Any]:
        """Shapes of the handles of one step, and of the parameters, of one replica."""

        def one(key: Array) -> Any:
            steps = jnp.arange(1, dtype=jnp.uint32)
            drawn = self.sampler.draw(self.sampler.prepare(key, steps[0]), key, steps)[1]
            return jax.tree.map(lambda leaf: leaf[0], drawn), self.problem.initial(as_jax_key(key))

        shapes: tuple[Any, Any] = jax.eval_shape(one, jax.ShapeDtypeStruct((2,), jnp.uint32))
        return shapes

    def compiler_options(self) -> dict[str, Any]:
        """Return the compiler's options that suit a program that makes these steps."""
        return known_options(_LAST_AXIS_OPTIONS) if self._replica_axis else {}

    @cached_property
    def _replica_axis(self) -> int:
        """The axis of arranged replicas, and of the handles of one step: 0 or −1."""
        handle, params = self._of_one
        batch = jax.eval_shape(self.sampler.gather, handle)
        numbers = sum(leaf.size for leaf in jax.tree.leaves((params, batch)))
        few = _FEW_NUMBERS if batch[0].shape[0] == 1 else _FEWEST_NUMBERS
        return -1 if numbers <= few else 0

    def longest_chunk(self, replicas: int, most_bytes: int = _CHUNK_BYTES) -> int:
        """Return the most steps whose batches should be drawn at once.

        Parameters
        ----------
        replicas : int
        most_bytes : int
            What the batches of all replicas may take.
        """
        handle, params = self._of_one
        per_step = replicas * sum(
            leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(handle)
        )
        limit = min(_LONGEST_CHUNK, self.sampler.longest, max(1, most_bytes // per_step))
        batch = jax.eval_shape(self.sampler.gather, handle)
        weights = replicas * sum(leaf.size for leaf in jax.tree.leaves(params))
        if limit * weights * batch[0].shape[0] < _COUNTED_FROM:
            return limit
        all_of_them = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((replicas, *leaf.shape), leaf.dtype), (params, batch)
        )
        one = jax.jit(jax.vmap(jax.grad(self.loss))).lower(*all_of_them)
        operations = (one.cost_analysis() or {}).get("flops", 0.0)
        return min(limit, max(1, int(_CHUNK_OPERATIONS / max(operations, 1.0))))
