"""Stochastic gradient descent as `torch.optim.SGD` defines it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from soret.dynamics.algorithm import (
    Number,
    Point,
    Sampling,
    as_axis,
    check_batching,
    values_of,
)
from soret.dynamics.schedule import Schedule, check_rates, check_schedule, warn_of_peak
from soret.errors import SettingsError
from soret.observables.state import Counted
from soret.problems import Params
from soret.runs.functions import plain

_NOT_NUMERIC = ("nesterov", "sampling", "schedule")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, exactly as `torch.optim.SGD` defines it.

    With gradient g of the mini-batch: g ← g + λθ; v ← μv + g; θ ← θ − ηv, or θ − η(g + μv) with
    Nesterov momentum. (The limiting-dynamics paper's v has the opposite sign.) Any list-valued
    hyperparameter is an axis of the grid.

    Parameters
    ----------
    learning_rate : float or sequence of float, or function
        η > 0; or a function of the number of steps made before, as optax's schedules are.
    batch_size : int or sequence of int
        B ≥ 1, examples per step.
    momentum : float or sequence of float
        μ in [0, 1); the papers' β.
    weight_decay : float or sequence of float
        λ ≥ 0.
    nesterov : bool
        Nesterov momentum; needs a momentum above zero.
    sampling : {"with_replacement", "without_replacement", "epochs"}, optional
        How a batch is drawn from a finite data set: independently; without repetition within a
        batch; or by epochs shuffled anew, the last incomplete batch dropped. The default, with
        replacement, gives noise that is independent from step to step, as the theories assume.
        A stream is always drawn afresh.
    schedule : function, optional
        A factor on the learning rate as a function of the number of steps made before: with it
        the rates of a grid are peaks, all with warm-up and decay of one shape, which should
        itself peak at 1; `soret.simulate` warns where that is below ½ or above 2.

    Raises
    ------
    SettingsError
        If a value is outside its range.

    Examples
    --------
    >>> shape = optax.warmup_cosine_decay_schedule(0.0, 1.0, warmup_steps=100, decay_steps=1000)
    >>> soret.SGD(learning_rate=[0.1, 0.2], schedule=shape)
    """

    learning_rate: Number | Sequence[Number] | Schedule
    batch_size: int | Sequence[int] = 1
    momentum: Number | Sequence[Number] = 0.0
    weight_decay: Number | Sequence[Number] = 0.0
    nesterov: bool = False
    sampling: Sampling | None = None
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        self._check_schedules()
        for name in ("learning_rate", "batch_size", "momentum", "weight_decay"):
            if not callable(getattr(self, name)):
                object.__setattr__(self, name, as_axis(name, getattr(self, name)))
        if not callable(self.learning_rate):
            _check(self, "learning_rate", lambda v: v > 0, "above 0")
        _check(
            self, "momentum", lambda v: 0 <= float(np.float32(v)) < 1, "in [0, 1), in float32 too"
        )
        _check(self, "weight_decay", lambda v: v >= 0, "at least 0")
        check_batching(self.batch_size, self.sampling)
        if self.nesterov and min(values_of(self.momentum)) <= 0:
            raise SettingsError("Nesterov momentum needs a momentum above 0.")

    @property
    def hyperparameters(self) -> dict[str, Number | tuple[Number, ...]]:
        """Every numeric hyperparameter, in a fixed order; a function is none."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_NUMERIC}
        return {name: value for name, value in given.items() if not callable(value)}

    @property
    def description(self) -> dict[str, Any]:
        """The rule's name and every argument, as plain data for a saved run."""
        named = {"learning_rate": self.learning_rate, "schedule": self.schedule}
        return {
            "name": "SGD",
            **self.hyperparameters,
            **{name: plain(given) for name, given in named.items() if callable(given)},
            "nesterov": self.nesterov,
            "sampling": self.sampling,
        }

    def structure(self, point: Point) -> tuple[Any, ...]:
        """Return batch size and which terms are present: absent ones cost nothing."""
        return (point["batch_size"], point["momentum"] != 0, point["weight_decay"] != 0)

    def start(self, params: Params, point: Mapping[str, Any], structure: tuple[Any, ...]) -> Params:
        """Return v = 0, so that the first step gives v = g, as PyTorch's does."""
        _, has_momentum, _ = structure
        velocity = jax.tree.map(jnp.zeros_like, params) if has_momentum else ()
        return velocity if self._at is None else Counted(velocity, jnp.int32(0))

    def update(
        self,
        gradient: Params,
        velocity: Params,
        params: Params,
        point: Mapping[str, Any],
        structure: tuple[Any, ...],
    ) -> tuple[Params, Params]:
        """Make one step."""
        _, has_momentum, has_decay = structure
        count = None
        if isinstance(velocity, Counted):
            velocity, count = velocity.velocity, velocity.made
        if has_decay:
            decay = point["weight_decay"]
            gradient = jax.tree.map(lambda g, p: g + decay * p, gradient, params)
        if has_momentum:
            mu = point["momentum"]
            velocity = jax.tree.map(lambda v, g: mu * v + g, velocity, gradient)
            gradient = (
                jax.tree.map(lambda g, v: g + mu * v, gradient, velocity)
                if self.nesterov
                else velocity
            )
        rate = point.get("learning_rate", 1.0)
        if count is not None and self._at is not None:
            rate = rate * jnp.asarray(self._at(count), jnp.float32)
            velocity = Counted(velocity, count + 1)
        return jax.tree.map(lambda p, g: p - rate * g, params, gradient), velocity

    def check_steps(self, steps: int) -> None:
        """Check the schedule over a run of so many steps, where there is one.

        Of a run of more than a million steps a million are looked at, evenly spaced.

        Raises
        ------
        SettingsError
            If the learning rate is negative or not finite at one of them.
        """
        if self._at is None:
            return
        peak = check_rates(self._at, self._scheduled_name, steps)
        if self.schedule is not None:
            warn_of_peak(peak, values_of(self.learning_rate))

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate changes with the step."""
        return self._at is not None

    @property
    def _at(self) -> Schedule | None:
        """What the learning rate is multiplied by, as a function of the step."""
        return self.learning_rate if callable(self.learning_rate) else self.schedule

    @property
    def _scheduled_name(self) -> str:
        return "learning_rate" if callable(self.learning_rate) else "schedule"

    def _check_schedules(self) -> None:
        for name in ("momentum", "weight_decay"):
            if callable(getattr(self, name)):
                raise SettingsError(
                    f"{name} is a function; soret.SGD takes a schedule of the learning rate alone: "
                    "use soret.Optax with optax.inject_hyperparams for others."
                )
        if isinstance(self.learning_rate, list | tuple) and any(map(callable, self.learning_rate)):
            raise SettingsError(
                "learning_rate is a list of functions; give their peaks as learning_rate=[...] and "
                "their common shape as schedule=function of the step."
            )
        if callable(self.learning_rate) and self.schedule is not None:
            raise SettingsError(
                "both learning_rate and schedule are functions; give the peak as learning_rate and "
                "the shape as schedule."
            )
        if self.schedule is not None and not callable(self.schedule):
            raise SettingsError(
                f"schedule is {self.schedule!r}; it must be a function of the step, as optax makes."
            )
        if self._at is not None:
            check_schedule(self._at, self._scheduled_name)


def _check(sgd: SGD, name: str, holds: Callable[[Number], bool], range_: str) -> None:
    for value in values_of(getattr(sgd, name)):
        if not holds(value):
            raise SettingsError(f"{name} is {value}; it must be {range_}.")
