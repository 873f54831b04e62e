"""Mini-batches: how each step's examples are drawn, as pure functions of key and step.

A sampler draws the batches of several consecutive steps at once, because random numbers made in
bulk, outside the inner loop, cost a fraction of the same numbers made step by step.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int32, UInt32

from soret.data import Dataset, Stream, generator
from soret.data.generator import Key
from soret.dynamics.algorithm import Sampling
from soret.dynamics.augmenting import Augmented
from soret.errors import SettingsError
from soret.problems import Batch, Problem

Steps = UInt32[Array, "steps"]


@runtime_checkable
class Sampler(Protocol):
    """Draws mini-batches for one replica."""

    @property
    def longest(self) -> int:
        """The most steps that may be drawn at once."""

    def prepare(self, key: Key, step: Array) -> Any:
        """Return what `draw` carries along, as it stands before `step`."""

    def draw(self, carry: Any, key: Key, steps: Steps) -> tuple[Any, Any]:
        """Return the carry, and a handle on each step's batch, stacked over consecutive steps."""

    def gather(self, handle: Any) -> Batch:
        """Return one step's batch: inputs (batch, ...), labels (batch, ...)."""


@dataclass(frozen=True)
class Fresh:
    """Fresh examples from a stream: a handle is the batch itself."""

    stream: Stream
    batch_size: int
    longest: int = 2**31

    def prepare(self, key: Key, step: Array) -> tuple[()]:
        """Carry nothing."""
        return ()

    def draw(self, carry: tuple[()], key: Key, steps: Steps) -> tuple[tuple[()], Batch]:
        """Draw the batches."""
        batch = self.stream.draw(key, steps, self.batch_size)
        if self.batch_size > 1:
            return carry, batch
        # An axis of one in what a scan runs over halves the speed of its steps on a CPU.
        return carry, jax.tree.map(lambda leaf: jnp.squeeze(leaf, 1), batch)

    def gather(self, handle: Batch) -> Batch:
        """Return the batch."""
        if self.batch_size > 1:
            return handle
        inputs, labels = handle
        return inputs[None], labels[None]


@dataclass(frozen=True)
class _Indexed:
    """Batches of a finite data set: a handle is an array of indices; how they are drawn differs."""

    data: Dataset
    batch_size: int
    longest: int = 2**31

    def prepare(self, key: Key, step: Array) -> Any:
        """Carry nothing."""
        return ()

    def gather(self, handle: Int32[Array, "batch"]) -> Batch:
        """Look the examples up."""
        return jnp.asarray(self.data.inputs)[handle], jnp.asarray(self.data.labels)[handle]


class WithReplacement(_Indexed):
    """Every example of every batch independently uniform (bias below N/2³²)."""

    def draw(
        self, carry: tuple[()], key: Key, steps: Steps
    ) -> tuple[tuple[()], Int32[Array, "steps batch"]]:
        """Draw the indices of all steps together."""
        words = generator.bits(key, steps, self.batch_size)
        return carry, (words % jnp.uint32(len(self.data))).astype(jnp.int32)


class WithoutReplacement(_Indexed):
    """Batches without repetition, each independent of the others."""

    def draw(
        self, carry: tuple[()], key: Key, steps: Steps
    ) -> tuple[tuple[()], Int32[Array, "steps batch"]]:
        """Draw the indices of each step from a key of its own."""
        return carry, jax.vmap(lambda step: self._distinct(generator.fold(key, step)))(steps)

    def _distinct(self, key: Key) -> Int32[Array, "batch"]:
        examples, batch = len(self.data), self.batch_size
        if 4 * batch >= examples:
            return permutation(key, examples)[:batch]
        return _first_distinct(key, examples, batch)


class Epochs(_Indexed):
    """Every example once an epoch, in an order shuffled anew; the last incomplete batch dropped.

    Each epoch's order depends on key and epoch alone. The order of the epoch in progress is
    carried along, so that it is sorted once an epoch and not once a step.
    """

    def __init__(self, data: Dataset, batch_size: int) -> None:
        super().__init__(data, batch_size, longest=len(data) // batch_size)

    def prepare(self, key: Key, step: Array) -> Int32[Array, "examples"]:
        """Return the order of the epoch that the step before `step` was in."""
        return self._order(key, self._epoch(jnp.maximum(step, 1) - 1))

    def draw(
        self, carry: Int32[Array, "examples"], key: Key, steps: Steps
    ) -> tuple[Int32[Array, "examples"], Int32[Array, "steps batch"]]:
        """Draw the indices of at most one epoch's worth of steps, so of at most two epochs."""
        before = self._epoch(jnp.maximum(steps[0], 1) - 1)
        first, last = self._epoch(steps[0]), self._epoch(steps[-1])
        # The epochs do not depend on the replica, so vmap leaves these as real branches.
        here = jax.lax.cond(first != before, lambda: self._order(key, first), lambda: carry)
        following = jax.lax.cond(last != first, lambda: self._order(key, last), lambda: here)

        def one(step: Array) -> Array:
            start = (step % self.longest) * self.batch_size
            at = start + jnp.arange(self.batch_size, dtype=start.dtype)
            return jnp.where(self._epoch(step) == first, here[at], following[at])

        return following, jax.vmap(one)(steps)

    def _epoch(self, step: Array) -> Array:
        return step // jnp.asarray(self.longest, step.dtype)

    def _order(self, key: Key, epoch: Array) -> Int32[Array, "examples"]:
        return permutation(generator.fold(key, epoch), len(self.data))


def sampler(problem: Problem, batch_size: int, sampling: Sampling | None) -> Sampler:
    """Return the sampler for a problem.

    Raises
    ------
    SettingsError
        If a sampling is asked of a stream, or a batch exceeds the data set.
    """
    data = problem.data
    if not isinstance(data, Dataset):
        if sampling is not None:
            raise SettingsError(
                f"sampling {sampling!r} needs a finite data set, and {problem.name!r} draws fresh "
                "examples; leave sampling out."
            )
        return Fresh(data, batch_size)
    indices = _indices(data, batch_size, sampling)
    return indices if data.augmentation is None else Augmented(data, indices)


def _indices(data: Dataset, batch_size: int, sampling: Sampling | None) -> Sampler:
    if sampling in (None, "with_replacement"):
        return WithReplacement(data, batch_size)
    if batch_size > len(data):
        raise SettingsError(
            f"batch_size {batch_size} exceeds the {len(data)} examples of {data.name}; "
            "draw with replacement or use smaller batches."
        )
    return (WithoutReplacement if sampling == "without_replacement" else Epochs)(data, batch_size)


def permutation(key: Key, n: int) -> Int32[Array, "{n}"]:
    """Draw a uniformly random order of 0 … n − 1.

    Sorts by 64 random bits; two of them coincide with probability below n²/2⁶⁵.
    """
    first, second = generator.threefry(
        key, jnp.arange(n, dtype=jnp.uint32), jnp.zeros(n, jnp.uint32)
    )
    order = jnp.arange(n, dtype=jnp.int32)
    return jax.lax.sort((first, second, order), num_keys=2)[2]


def _first_distinct(key: Key, examples: int, batch: int) -> Int32[Array, "{batch}"]:
    """Draw `batch` distinct indices: the first distinct values of an independent sequence.

    That is a uniformly random ordered sample without repetition, without sorting the data set.
    Should the sequence hold too few distinct values, all of it is drawn again; since that
    depends on no particular value, the sample stays uniform.
    """
    # 1.5 B draws hold B distinct values nearly always while B ≤ N/4; 8 covers the small B.
    draws = batch + batch // 2 + 8

    def attempt(number: Array) -> tuple[Array, Array]:
        words = generator.bits(key, number, draws)
        values = (words % jnp.uint32(examples)).astype(jnp.int32)
        place = jnp.arange(draws, dtype=jnp.int32)
        ordered, where = jax.lax.sort((values, place), num_keys=2)
        repeated = jnp.concatenate([jnp.zeros(1, bool), ordered[1:] == ordered[:-1]])
        new = jnp.zeros(draws, bool).at[where].set(~repeated)
        rank = jnp.cumsum(new) - 1
        slot = jnp.where(new & (rank < batch), rank, batch)
        return jnp.zeros(batch, jnp.int32).at[slot].set(values, mode="drop"), jnp.sum(new)

    def again(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        number = state[0] + 1
        return (number, *attempt(number))

    zero = jnp.uint32(0)
    return jax.lax.while_loop(lambda s: s[2] < batch, again, (zero, *attempt(zero)))[1]
