"""The update rules: SGD as `torch.optim.SGD` defines it, or any optax optimizer."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from soret.errors import SettingsError
from soret.problems import Params

Number = float | int
Sampling = Literal["with_replacement", "without_replacement", "epochs"]
SAMPLINGS: tuple[str, ...] = ("with_replacement", "without_replacement", "epochs")
Point = Mapping[str, Number]
"""One point of the grid: a value for every hyperparameter."""


class Algorithm(Protocol):
    """An update rule with its hyperparameters; a list-valued one is an axis of the grid."""

    @property
    def sampling(self) -> Sampling | None:
        """How batches are drawn from a finite data set."""

    @property
    def hyperparameters(self) -> dict[str, Number | tuple[Number, ...]]:
        """Every numeric hyperparameter, `batch_size` among them, in a fixed order."""

    def structure(self, point: Point) -> tuple[Any, ...]:
        """Return what must be known when compiling: equal structures share a program."""

    def start(self, params: Params, point: Mapping[str, Any], structure: tuple[Any, ...]) -> Any:
        """Return the optimizer's state before the first step."""

    def update(
        self,
        gradient: Params,
        velocity: Any,
        params: Params,
        point: Mapping[str, Any],
        structure: tuple[Any, ...],
    ) -> tuple[Params, Any]:
        """Return the parameters and the optimizer's state after one step."""


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
            object.__setattr__(self, name, _as_axis(name, getattr(self, name)))
        _check(self, "learning_rate", lambda v: v > 0, "above 0")
        _check(self, "momentum", lambda v: 0 <= v < 1, "in [0, 1)")
        _check(self, "weight_decay", lambda v: v >= 0, "at least 0")
        check_batching(self.batch_size, self.sampling)
        if self.nesterov and min(_values(self.momentum)) <= 0:
            raise SettingsError("Nesterov momentum needs a momentum above 0.")

    @property
    def hyperparameters(self) -> dict[str, Number | tuple[Number, ...]]:
        """Every numeric hyperparameter, in a fixed order."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_NUMERIC}

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


class Optax:
    """Any optax optimizer, with a batch size and, if you like, a grid.

    Parameters
    ----------
    optimizer : optax.GradientTransformation, or a function that makes one
        ``optax.adam(1e-3)``, or ``optax.adam`` with its hyperparameters given here by name.
    batch_size : int or sequence of int
    sampling : as in `SGD`
    **hyperparameters : float or sequence of float
        Passed to the function; a list-valued one is an axis of the grid.

    Examples
    --------
    >>> soret.Optax(optax.adam, learning_rate=[1e-3, 1e-2], batch_size=8)
    """

    def __init__(
        self,
        optimizer: optax.GradientTransformation | Callable[..., optax.GradientTransformation],
        *,
        batch_size: int | Sequence[int] = 1,
        sampling: Sampling | None = None,
        **hyperparameters: Number | Sequence[Number],
    ) -> None:
        made = isinstance(optimizer, optax.GradientTransformation)
        if made and hyperparameters:
            raise SettingsError(
                f"{', '.join(hyperparameters)} cannot be given to an optimizer made already; "
                "pass the function that makes it, e.g. optax.adam."
            )
        batches = _as_axis("batch_size", batch_size)
        check_batching(batches, sampling)
        self.sampling = sampling
        self._make: Callable[..., Any] = (lambda: optimizer) if made else optimizer
        self._names = tuple(sorted(hyperparameters))
        self._values = {n: _as_axis(n, hyperparameters[n]) for n in self._names}
        self._values["batch_size"] = batches
        try:
            self._make(**{n: _values(self._values[n])[0] for n in self._names})
        except TypeError as error:
            raise SettingsError(f"the optimizer cannot be made: {error}") from error

    @property
    def hyperparameters(self) -> dict[str, Number | tuple[Number, ...]]:
        """Every numeric hyperparameter given here, in a fixed order."""
        return dict(self._values)

    def structure(self, point: Point) -> tuple[Any, ...]:
        """Return the batch size."""
        return (point["batch_size"],)

    def start(self, params: Params, point: Mapping[str, Any], structure: tuple[Any, ...]) -> Any:
        """Return the optimizer's initial state."""
        return self._optimizer(point).init(params)

    def update(
        self,
        gradient: Params,
        velocity: Any,
        params: Params,
        point: Mapping[str, Any],
        structure: tuple[Any, ...],
    ) -> tuple[Params, Any]:
        """Make one step."""
        updates, velocity = self._optimizer(point).update(gradient, velocity, params)
        return optax.apply_updates(params, updates), velocity

    def _optimizer(self, point: Mapping[str, Any]) -> optax.GradientTransformation:
        return self._make(**{name: point[name] for name in self._names})


def axes(algorithm: Algorithm) -> dict[str, tuple[Number, ...]]:
    """Return the grid: the list-valued hyperparameters, in order."""
    given = algorithm.hyperparameters
    return {name: value for name, value in given.items() if isinstance(value, tuple)}


def points(algorithm: Algorithm) -> Iterator[dict[str, Number]]:
    """Run through the grid in row-major order: every hyperparameter's value at each point."""
    given = algorithm.hyperparameters
    for values in itertools.product(*(_values(value) for value in given.values())):
        yield dict(zip(given, values, strict=True))


def check_batching(batch_size: Any, sampling: str | None) -> None:
    """Refuse batch sizes that are no positive integers, and unknown samplings."""
    for value in _values(batch_size):
        if value != int(value) or value < 1:
            raise SettingsError(f"batch_size is {value}; it must be an integer of at least 1.")
    if sampling not in (None, *SAMPLINGS):
        raise SettingsError(f"sampling {sampling!r} is unknown; use one of {list(SAMPLINGS)}.")


_NOT_NUMERIC = ("nesterov", "sampling")


def _as_axis(name: str, value: Any) -> Number | tuple[Number, ...]:
    """Return a plain number, or a tuple of distinct plain numbers for an axis."""
    if isinstance(value, str | bytes) or value is None:
        raise SettingsError(f"{name} is {value!r}; it must be a number or a list of numbers.")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" or array.ndim > 1:
            raise TypeError
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"{name} is {value!r}; it must be a number or a list of numbers."
        ) from error
    # Ensembles run in float32: a value must survive that, and two must stay two.
    with np.errstate(over="ignore", under="ignore"):
        single = array.astype(np.float32)
    if not np.all(np.isfinite(single)) or np.any((single == 0) & (array != 0)):
        raise SettingsError(f"{name} is {value!r}; it must be finite, also in float32.")
    if array.ndim == 0:
        return array.item()
    if len(array) == 0 or len(np.unique(single)) != len(array):
        raise SettingsError(
            f"{name} is {value!r}; a list needs at least one value, none twice (in float32)."
        )
    return tuple(array.tolist())


def _values(value: Any) -> tuple[Number, ...]:
    return value if isinstance(value, tuple) else (value,)


def _check(sgd: SGD, name: str, holds: Callable[[Number], bool], range_: str) -> None:
    for value in _values(getattr(sgd, name)):
        if not holds(value):
            raise SettingsError(f"{name} is {value}; it must be {range_}.")
