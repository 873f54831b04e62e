"""First-passage times, taken while an ensemble runs: when a level first reaches each threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32
from numpy.typing import NDArray

from soret.errors import SettingsError
from soret.observables.state import Observable

Thresholds: TypeAlias = Sequence[float] | NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class FirstPassage:
    """What `simulate` should watch: a level, and the thresholds it is to reach.

    A replica that has passed every threshold is finished: its later records are NaN, and where
    all replicas of a block are finished by a record, the block stops. A level that is not a
    number counts as above every threshold, for the replica has left the finite numbers.

    Parameters
    ----------
    level : function
        A scalar observable, ``level(problem, state)``. Passages are upward; negate the level
        for downward ones.
    thresholds : sequence of float, or array
        Ascending, in the level's units.
    every : int
        Steps between looks. A passage is seen at the first look at which the level is at or
        above the threshold: up to ``every − 1`` steps late, and later still where the level
        went above it and came back between two looks. So times are biased upward, by an amount
        that a run with a smaller `every` shows.
    hold : bool
        Whether a replica that has passed every threshold is held where it then stands, and the
        parameters at the end are returned: training to a stopping rule.

    Raises
    ------
    SettingsError
        If thresholds do not ascend in float32, or a value is outside its range.

    Examples
    --------
    >>> problem = soret.problems.linear_regression(dimensions=10)
    >>> run = soret.simulate(
    ...     problem,
    ...     soret.SGD(learning_rate=0.1),
    ...     watch=soret.FirstPassage(soret.observables.full_loss, [1.0, 2.0, 4.0]),
    ...     steps=100_000,
    ... )
    >>> run.first_passage.mean("replica")
    """

    level: Observable
    thresholds: Thresholds
    every: int = 1
    hold: bool = False

    def __post_init__(self) -> None:
        if not callable(self.level):
            raise SettingsError(
                f"level is {self.level!r}; it must be a function of problem and state."
            )
        values = np.asarray(self.thresholds)
        if values.ndim != 1 or not len(values) or values.dtype.kind not in "iuf":
            raise SettingsError(
                f"thresholds is {self.thresholds!r}; it must be a list of at least one number."
            )
        single = values.astype(np.float32)
        if not np.all(np.isfinite(single)) or not np.all(np.diff(single) > 0):
            shown = ", ".join(f"{value:g}" for value in values[:8].tolist())
            raise SettingsError(
                "thresholds must be finite and ascend, none twice (in float32); they are "
                f"{shown}{', …' if len(values) > 8 else ''}."
            )
        every = self.every
        if isinstance(every, bool) or not isinstance(every, int | np.integer) or every < 1:
            raise SettingsError(f"every is {every!r}; it must be an integer of at least 1.")
        if not isinstance(self.hold, bool):
            raise SettingsError(f"hold is {self.hold!r}; it must be true or false.")
        object.__setattr__(self, "thresholds", tuple(values.astype(float).tolist()))


class Passages(NamedTuple):
    """What a block of replicas has passed so far.

    Attributes
    ----------
    highest : (replicas,) float32
        The highest level seen.
    passed_at : (replicas, thresholds) int32
        The step at which each threshold was first seen reached; −1 while it was not.
    """

    highest: Float32[Array, "replicas"]
    passed_at: Int32[Array, "replicas thresholds"]

    def finished(self) -> Array:
        """Return which replicas have passed every threshold: the last one, as they ascend."""
        return self.passed_at[:, -1] >= 0


def begin(levels: Float32[Array, "replicas"], thresholds: Thresholds) -> Passages:
    """Return the passages at step 0: of replicas that start at or above a threshold."""
    seen = ordered(levels)
    at_once = seen[:, None] >= jnp.asarray(thresholds, jnp.float32)
    return Passages(seen, jnp.where(at_once, 0, -1).astype(jnp.int32))


def update(
    passages: Passages,
    levels: Float32[Array, "looks replicas"],
    steps: Int32[Array, "looks"],
    thresholds: Thresholds,
) -> Passages:
    """Take further looks at the levels, at the given steps, into account."""
    bars = jnp.asarray(thresholds, jnp.float32)
    highest = jnp.maximum(passages.highest, jnp.max(ordered(levels), axis=0))
    # Passages are rare and looks are not: the thresholds are gone through only where a replica
    # stands above one that it has not passed.
    before = jnp.sum(passages.passed_at >= 0, axis=1)
    anew = jnp.any(jnp.searchsorted(bars, highest, side="right") > before)

    def found() -> Array:
        above = ordered(levels)[:, :, None] >= bars
        first = jnp.where(jnp.any(above, axis=0), steps[jnp.argmax(above, axis=0)], -1)
        return jnp.where(passages.passed_at < 0, first, passages.passed_at).astype(jnp.int32)

    return Passages(highest, jax.lax.cond(anew, found, lambda: passages.passed_at))


def censored(passed_at: np.ndarray) -> np.ndarray:
    """Return passages as floats, NaN where a threshold was not reached."""
    return np.where(passed_at < 0, np.nan, passed_at.astype(np.float64))


def ordered(levels: Any) -> Array:
    """Return levels that can be compared: what is not a number stands above everything."""
    levels = jnp.asarray(levels, jnp.float32)
    return jnp.where(jnp.isnan(levels), jnp.inf, levels)
