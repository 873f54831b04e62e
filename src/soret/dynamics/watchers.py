"""What is watched while the replicas of a block make the steps of a chunk."""

from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from soret.dynamics import passage
from soret.dynamics.stepper import Replicas, Stepper

Step = Callable[[Replicas, Any], Replicas]
"""One step of all replicas, from the handles on its batches."""


class Watcher(Protocol):
    """Makes the steps of a chunk, and looks at the arranged replicas on the way."""

    @property
    def every(self) -> int:
        """Steps between looks: they fall on ends of chunks, or chunks on whole looks."""

    def begin(self, replicas: Replicas) -> Any:
        """Return what is seen at step 0."""

    def run(
        self, step: Step, replicas: Replicas, handles: Any, made: Int32[Array, "steps"], seen: Any
    ) -> tuple[Replicas, Any]:
        """Make the steps of a chunk.

        Parameters
        ----------
        step : callable
        replicas : Replicas
            Before the first of them.
        handles : pytree
            Each step's batches, as `Stepper.draw` returns them.
        made : (steps,) int32
            The number of steps made after each of them.
        seen : pytree
            What was seen before, as `begin` returned it, or this.
        """

    def finished(self, replicas: int, seen: Any) -> Bool[Array, "replicas"]:
        """Return which replicas need no more steps."""


class Unwatched:
    """Nothing is watched, and every replica makes all its steps."""

    every = 1

    def begin(self, replicas: Replicas) -> tuple[()]:
        """See nothing."""
        return ()

    def run(
        self, step: Step, replicas: Replicas, handles: Any, made: Array, seen: tuple[()]
    ) -> tuple[Replicas, tuple[()]]:
        """Make the steps."""
        return _all(step, replicas, handles), seen

    def finished(self, replicas: int, seen: tuple[()]) -> Array:
        """Return False for each."""
        return jnp.zeros(replicas, bool)


class Watched:
    """First passages of a level; a replica that has passed all goes on.

    Parameters
    ----------
    stepper : Stepper
    watch : FirstPassage
    """

    def __init__(self, stepper: Stepper, watch: passage.FirstPassage) -> None:
        self._stepper, self._watch, self.every = stepper, watch, watch.every

    def begin(self, replicas: Replicas) -> passage.Passages:
        """Return the thresholds that replicas start at or above."""
        return passage.begin(self._levels(replicas, jnp.int32(0)), self._watch.thresholds)

    def run(
        self, step: Step, replicas: Replicas, handles: Any, made: Array, seen: passage.Passages
    ) -> tuple[Replicas, passage.Passages]:
        """Make the steps; levels are compared with the thresholds once a chunk."""
        if self.every > len(made):  # a look falls on the end of this chunk, or none does
            replicas = _all(step, replicas, handles)
            return replicas, self._look(replicas, made[-1], seen)
        looks = made.reshape(-1, self.every)[:, -1]
        parts = jax.tree.map(lambda leaf: leaf.reshape(-1, self.every, *leaf.shape[1:]), handles)

        def stretch(replicas: Replicas, part: tuple[Any, Array]) -> tuple[Replicas, Array]:
            replicas = _all(step, replicas, part[0])
            return replicas, self._levels(replicas, part[1])

        replicas, levels = jax.lax.scan(stretch, replicas, (parts, looks))
        return replicas, passage.update(seen, levels, looks, self._watch.thresholds)

    def finished(self, replicas: int, seen: passage.Passages) -> Array:
        """Return which replicas have passed every threshold."""
        return seen.finished()

    def _look(self, replicas: Replicas, made: Array, seen: passage.Passages) -> passage.Passages:
        """Look at the level if it is time to."""

        def look() -> passage.Passages:
            levels = self._levels(replicas, made)
            return passage.update(seen, levels[None], made[None], self._watch.thresholds)

        return jax.lax.cond(made % self.every == 0, look, lambda: seen)

    def _levels(self, replicas: Replicas, made: Array) -> Array:
        return self._stepper.levels(self._watch.level, replicas, made)


class Held(Watched):
    """First passages of a level; a replica that has passed all makes no more steps."""

    def run(
        self, step: Step, replicas: Replicas, handles: Any, made: Array, seen: passage.Passages
    ) -> tuple[Replicas, passage.Passages]:
        """Make the steps of those that are not finished, one by one."""

        def one(carry: Any, part: tuple[Any, Array]) -> tuple[Any, None]:
            replicas, seen = carry
            replicas = self._stepper.where(seen.finished(), replicas, step(replicas, part[0]))
            return (replicas, self._look(replicas, part[1], seen)), None

        return jax.lax.scan(one, (replicas, seen), (handles, made))[0]


def watcher(stepper: Stepper, watch: passage.FirstPassage | None) -> Watcher:
    """Return what watches as it is asked to."""
    if watch is None:
        return Unwatched()
    return Held(stepper, watch) if watch.hold else Watched(stepper, watch)


def _all(step: Step, replicas: Replicas, handles: Any) -> Replicas:
    """Make a step for each of the handles."""
    if len(jax.tree.leaves(handles)[0]) == 1:
        return step(replicas, jax.tree.map(lambda leaf: leaf[0], handles))
    return jax.lax.scan(lambda r, handle: (step(r, handle), None), replicas, handles)[0]
