"""Stochastic gradient descent as `torch.optim.SGD` defines it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp

from soret.dynamics.algorithm import (
    Number,
    Point,
    Sampling,
    as_axis,
    check_batching,
    values_of,
)
from soret.errors import SettingsError
from soret.problems import Params

_NOT_NUMERIC = ("nesterov", "sampling")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, exactly as `torch.optim.SGD` defines it.

    With gradient g of the mini-batch: g ← g + λθ; v ← μv + g; θ ← θ − ηv, or θ − η(g + μv) with
    Nesterov momentum. (The limiting-dynamics paper's v has the opposite sign.) Any list-valued
    hyperparameter is an axis of the grid.

    Parameters
    ----------
    learning_rate : float or sequence of float
        η > 0.
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

    Raises
    ------
    SettingsError
        If a value is outside its range.
    """

    learning_rate: Number | Sequence[Number]
    batch_size: int | Sequence[int] = 1
    momentum: Number | Sequence[Number] = 0.0
    weight_decay: Number | Sequence[Number] = 0.0
    nesterov: bool = False
    sampling: Sampling | None = None

    def __post_init__(self) -> None:
        for name in ("learning_rate", "batch_size", "momentum", "weight_decay"):
            object.__setattr__(self, name, as_axis(name, getattr(self, name)))
        _check(self, "learning_rate", lambda v: v > 0, "above 0")
        _check(self, "momentum", lambda v: 0 <= v < 1, "in [0, 1)")
        _check(self, "weight_decay", lambda v: v >= 0, "at least 0")
        check_batching(self.batch_size, self.sampling)
        if self.nesterov and min(values_of(self.momentum)) <= 0:
            raise SettingsError("Nesterov momentum needs a momentum above 0.")

    @property
    def hyperparameters(self) -> dict[str, Number | tuple[Number, ...]]:
        """Every numeric hyperparameter, in a fixed order."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_NUMERIC}

    @property
    def description(self) -> dict[str, Any]:
        """The rule's name and every argument, as plain data for a saved run."""
        return {
            "name": "SGD",
            **self.hyperparameters,
            "nesterov": self.nesterov,
            "sampling": self.sampling,
        }

    def structure(self, point: Point) -> tuple[Any, ...]:
        """Return batch size and which terms are present: absent ones cost nothing."""
        return (point["batch_size"], point["momentum"] != 0, point["weight_decay"] != 0)

    def start(self, params: Params, point: Mapping[str, Any], structure: tuple[Any, ...]) -> Params:
        """Return v = 0, so that the first step gives v = g, as PyTorch's does."""
        _, has_momentum, _ = structure
        return jax.tree.map(jnp.zeros_like, params) if has_momentum else ()

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
        rate = point["learning_rate"]
        return jax.tree.map(lambda p, g: p - rate * g, params, gradient), velocity


def _check(sgd: SGD, name: str, holds: Callable[[Number], bool], range_: str) -> None:
    for value in values_of(getattr(sgd, name)):
        if not holds(value):
            raise SettingsError(f"{name} is {value}; it must be {range_}.")
