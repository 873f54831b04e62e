"""What the engine asks of an update rule, and the grid that its hyperparameters span."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

import numpy as np
from jaxtyping import Array

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

    @property
    def description(self) -> dict[str, Any]:
        """What a saved run says of the update rule, as plain data that equals itself in another
        process: ``name`` ("SGD", "optax.adam"), every hyperparameter, ``sampling``, and, where
        there are any, the user's functions as `soret.runs.functions.described` gives them.
        """

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


def start_of_replica(
    algorithm: Algorithm,
    params: Params,
    key: Array,
    point: Mapping[str, Any],
    structure: tuple[Any, ...],
) -> Any:
    """Return the optimizer's state before the first step of one replica, whose `key` is given.

    An update rule that draws random numbers of its own has a method ``seeded(state, params, key,
    point, structure)``, which puts keys derived from the replica's into its state.
    """
    state = algorithm.start(params, point, structure)
    seeded = getattr(algorithm, "seeded", None)
    return state if seeded is None else seeded(state, params, key, point, structure)


def check_algorithm(algorithm: Algorithm, params: Params) -> bool:
    """Check an update rule on parameters of these shapes; return whether it draws random numbers.

    Raises
    ------
    SettingsError
        If the rule has a method ``check(params)``, and that refuses.
    """
    check = getattr(algorithm, "check", None)
    return False if check is None else bool(check(params))


def check_steps(algorithm: Algorithm, steps: int) -> None:
    """Check what an update rule does over a run of so many steps.

    Raises
    ------
    SettingsError
        If the rule has a method ``check_steps(steps)``, and that refuses.
    """
    check = getattr(algorithm, "check_steps", None)
    if check is not None:
        check(steps)


def axes(algorithm: Algorithm) -> dict[str, tuple[Number, ...]]:
    """Return the grid: the list-valued hyperparameters, in order."""
    given = algorithm.hyperparameters
    return {name: value for name, value in given.items() if isinstance(value, tuple)}


def points(algorithm: Algorithm) -> Iterator[dict[str, Number]]:
    """Run through the grid in row-major order: every hyperparameter's value at each point."""
    given = algorithm.hyperparameters
    for values in itertools.product(*(values_of(value) for value in given.values())):
        yield dict(zip(given, values, strict=True))


def check_batching(batch_size: Any, sampling: str | None) -> None:
    """Refuse batch sizes that are no positive integers, and unknown samplings."""
    for value in values_of(batch_size):
        if value != int(value) or not 1 <= value < 2**31:
            raise SettingsError(
                f"batch_size is {value}; it must be an integer of at least 1 and below 2³¹."
            )
    if sampling not in (None, *SAMPLINGS):
        raise SettingsError(f"sampling {sampling!r} is unknown; use one of {list(SAMPLINGS)}.")


def as_axis(name: str, value: Any) -> Number | tuple[Number, ...]:
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


def values_of(value: Any) -> tuple[Number, ...]:
    return value if isinstance(value, tuple) else (value,)
