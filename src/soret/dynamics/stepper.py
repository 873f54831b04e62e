"""SGD on many replicas at once: how they begin, draw their batches, and make a step."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, PyTree, UInt32

from soret.data.generator import as_jax_key
from soret.dynamics.algorithm import Algorithm, start_of_replica
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
# Where a replica's parameters and draws of one step are at most so many numbers, draws stay as they
# are made, with replicas on the last axis: regressions and surfaces are up to twice as quick.
_FEW_NUMBERS = 32

Values = Mapping[str, Any]
"""Every hyperparameter's value for each replica, (replicas,): they may be of several points."""


class Replicas(NamedTuple):
    """Where replicas stand: every leaf has the replica as its first axis.

    Attributes
    ----------
    params, velocity : pytree
        As in `State`.
    """

    params: PyTree[Array]
    velocity: PyTree[Array]


def where(which: Bool[Array, "replicas"], yes: Replicas, no: Replicas) -> Replicas:
    """Choose replica by replica."""

    def leaf(a: Array, b: Array) -> Array:
        return jnp.where(which.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(leaf, yes, no)


class Stepper:
    """Updates of many replicas, as traced by JAX; it compiles nothing and holds no state.

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
        out_axes = 0, self._replica_axis or 1
        draw = jax.vmap(self.sampler.draw, in_axes=(0, 0, None), out_axes=out_axes)
        prepared, handles = draw(prepared, keys, steps)
        # Draws end with replicas on the last axis. Moved here, it is one copy; moved on the other
        # side of the barrier, XLA would draw in the order of that copy and no longer vectorize.
        return prepared, jax.lax.optimization_barrier(handles)

    def step(self, replicas: Replicas, handles: Any, values: Values) -> Replicas:
        """Make one step of every replica, with the handles of one step as `draw` returns them."""
        gradient = jax.grad(self.loss)

        def one(
            params: Any, velocity: Any, handle: Any, values: Mapping[str, Array]
        ) -> tuple[Any, Any]:
            g = gradient(params, self.sampler.gather(handle))
            return self.algorithm.update(g, velocity, params, values, self.structure)

        axes = 0, 0, self._replica_axis, 0
        return Replicas(*jax.vmap(one, in_axes=axes)(*replicas, handles, dict(values)))

    def levels(
        self, level: Observable, replicas: Replicas, step: Array
    ) -> Float32[Array, "replicas"]:
        """Return a scalar observable of every replica, after so many steps."""

        def one(params: Any, velocity: Any) -> Array:
            return jnp.asarray(level(self.problem, State(params, velocity, step)), jnp.float32)

        return jax.vmap(one)(*replicas)

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

    @cached_property
    def _replica_axis(self) -> int:
        """The axis of replicas in the handles of one step."""
        numbers = sum(leaf.size for leaf in jax.tree.leaves(self._of_one))
        return -1 if numbers <= _FEW_NUMBERS else 0

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
