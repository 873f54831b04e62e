"""The schedules within an optax optimizer, looked at over a run before its first step."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from soret.dynamics.algorithm import Number
from soret.dynamics.schedule import ROUNDED, Schedule, looked_at
from soret.errors import SettingsError
from soret.runs.functions import closed_over

# What optax calls a schedule in the functions that close over one.
_NAMES = ("learning_rate", "weight_decay", "step_size_fn")
# The most values that are computed, over all points of a grid: a second or so.
_MOST_VALUES = 10**7
_ANY_SIGN, _ONE_SIGN, _NOT_NEGATIVE = range(3)
_MUST = ("finite", "finite and of one sign", "at least 0, and finite,")


class Found(NamedTuple):
    """A schedule within an optimizer.

    Attributes
    ----------
    name : str
        What it is the schedule of, as ``learning_rate``.
    at : function
        Of the number of updates made before.
    sign : int
        What signs it may have: a factor on the updates may be negative throughout.
    accumulated : tuple of MultiSteps
        What it is within, the outermost first: updates are then fewer than steps.
    """

    name: str
    at: Schedule
    sign: int
    accumulated: tuple[optax.MultiSteps, ...]

    def updates(self, steps: int) -> int:
        """Return how many updates are made in so many steps of a run."""
        return functools.reduce(_updates, self.accumulated, steps)


def schedules(optimizer: optax.GradientTransformation) -> list[Found]:
    """Return the schedules that are found in what an optimizer's functions close over."""
    return list(_within(optimizer.update, (), set()))


def check_schedules(
    make: Callable[..., optax.GradientTransformation],
    points: Sequence[Mapping[str, Number]],
    by_value: bool,
    steps: int,
) -> None:
    """Refuse an optimizer with a schedule that is wrong at a step of a run.

    Of a run of more than a million steps a million are looked at, evenly spaced; of a grid of
    many points fewer at each.

    Parameters
    ----------
    make : callable
        Of the values of a point.
    points : sequence of mappings
        The grid; one, empty, where there is nothing to be given.
    by_value : bool
        Whether `make` looks at the values, so that they cannot be traced.
    steps : int
        Of the run.

    Raises
    ------
    SettingsError
        Naming the schedule, its value, and the first step that is wrong.
    """
    most = _MOST_VALUES // len(points)

    def values(given: Mapping[str, Any], steps: Sequence[jax.Array]) -> list[jax.Array]:
        found = schedules(make(**given))
        rates = [jax.vmap(lambda k, at=one.at: jnp.asarray(at(k), jnp.float32)) for one in found]
        return [rate(at) for rate, at in zip(rates, steps, strict=True)]

    compiled = jax.jit(values)
    for point in points:
        found = schedules(make(**point))
        if not found:
            return
        made = [looked_at(one.updates(steps), most) for one in found]
        program = jax.jit(functools.partial(values, point)) if by_value else None
        numbers = program(made) if program else compiled(point, made)
        for one, rates, at in zip(found, numbers, made, strict=True):
            _check(one, np.asarray(rates), at, point)


def _check(one: Found, values: np.ndarray, steps: np.ndarray, point: Mapping[str, Number]) -> None:
    finite = np.isfinite(values)
    size = ROUNDED * float(np.max(abs(values), where=finite, initial=0))
    wrong = ~finite
    if one.sign == _NOT_NEGATIVE:
        wrong |= values < -size
    elif one.sign == _ONE_SIGN:
        # Of a factor that changes its sign, the sign it has first is the one that is meant.
        first = values[np.argmax(abs(np.where(finite, values, 0)) > size)]
        wrong |= values * np.sign(first) < -size
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    where = f" with {dict(point)}" if point else ""
    raise SettingsError(
        f"{one.name} of the optimizer{where} is {values[at]:g} at step {steps[at]:,}; it must be "
        f"{_MUST[one.sign]} at every one of the {steps[-1] + 1:,} steps."
    )


def _within(value: Any, outer: tuple[optax.MultiSteps, ...], seen: set[int]) -> Iterator[Found]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, optax.GradientTransformation):
        yield from _within(value.update, outer, seen)
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _within(item, outer, seen)
    elif isinstance(value, functools.partial):
        for part in (value.func, value.args, value.keywords):
            yield from _within(part, outer, seen)
    elif isinstance(getattr(value, "__self__", None), optax.MultiSteps):
        yield from _within(value.__self__.inner_opt, (*outer, value.__self__), seen)
    elif callable(value):
        held = closed_over(value) | getattr(getattr(value, "__self__", None), "__dict__", {})
        for name, item in held.items():
            if name in _NAMES and callable(item):
                yield _named(name, item, outer)
            elif name == "sched_hps" and isinstance(item, Mapping):
                # A schedule with a state of its own is no function of the step alone.
                plain = {n: s.schedule_fn for n, s in item.items() if hasattr(s, "schedule_fn")}
                yield from (_named(n, at, outer) for n, at in plain.items())
            else:
                yield from _within(item, outer, seen)


def _named(name: str, at: Schedule, outer: tuple[optax.MultiSteps, ...]) -> Found:
    if name == "step_size_fn":
        # optax.scale_by_learning_rate(rate) makes one of its own: the rate and a sign.
        own = getattr(at, "__qualname__", "").startswith("scale_by_learning_rate.")
        rate = closed_over(at).get("learning_rate")
        if not own or not callable(rate):
            return Found("the schedule", at, _ONE_SIGN, outer)
        name, at = "learning_rate", rate
    return Found(name, at, _NOT_NEGATIVE if name == "learning_rate" else _ANY_SIGN, outer)


def _updates(steps: int, accumulated: optax.MultiSteps) -> int:
    """Return how many updates come of so many steps that accumulate gradients."""
    made = jnp.arange(min(steps, _MOST_VALUES), dtype=jnp.int32)
    each = jax.vmap(lambda step: jnp.asarray(accumulated._every_k_schedule(step)))(made)
    return max(1, int(np.searchsorted(np.cumsum(each), steps, side="right")))
