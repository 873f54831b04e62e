"""What an observable is given, and how it says what it measures."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from jaxtyping import Array, Int

from soret.problems import Params, Problem


class State(NamedTuple):
    """One replica at one moment.

    Attributes
    ----------
    params : pytree of arrays
        The parameters θ.
    velocity : pytree of arrays, or whatever the optimizer keeps
        SGD's momentum buffer v, shaped like `params`; empty without momentum.
    step : () int32 array
        Updates made so far.
    """

    params: Params
    velocity: Any
    step: Int[Array, ""]


class Counted(NamedTuple):
    """What an optimizer with a schedule keeps: its velocity, and how many steps it has made."""

    velocity: Any
    made: Int[Array, ""]


Observable = Callable[[Problem, State], Array]
"""A plain function of problem and state, traceable by JAX, that returns an array."""

F = TypeVar("F", bound=Observable)


class Labelled(Protocol):
    """The attributes that `label` gives a function."""

    long_name: str
    units: str


def label(long_name: str, units: str = "dimensionless") -> Callable[[F], F]:
    """Give an observable the name and units that its axis will carry.

    Parameters
    ----------
    long_name : str
        As it stands on an axis, e.g. "activation rate".
    units : str
        "dimensionless", "fraction", "nats", …
    """

    def wrap(function: F) -> F:
        function.long_name = long_name  # type: ignore[attr-defined]
        function.units = units  # type: ignore[attr-defined]
        return function

    return wrap


def attributes(observable: Observable) -> dict[str, str]:
    """Return the `long_name` and `units` of an observable; its own name where it has none."""
    return {
        "long_name": getattr(observable, "long_name", name(observable).replace("_", " ")),
        "units": getattr(observable, "units", "dimensionless"),
    }


def name(observable: Observable) -> str:
    """Return the name of an observable's variable in a run."""
    return getattr(observable, "__name__", type(observable).__name__)
