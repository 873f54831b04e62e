"""Any optax optimizer, as the engine runs it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optax

from soret.dynamics.algorithm import (
    Number,
    Point,
    Sampling,
    as_axis,
    check_batching,
    values_of,
)
from soret.dynamics.optax_description import parts
from soret.errors import SettingsError
from soret.problems import Params
from soret.runs.functions import described


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
        batches = as_axis("batch_size", batch_size)
        check_batching(batches, sampling)
        self.sampling = sampling
        self._given = optimizer
        self._make: Callable[..., Any] = (lambda: optimizer) if made else optimizer
        self._names = tuple(sorted(hyperparameters))
        self._values = {n: as_axis(n, hyperparameters[n]) for n in self._names}
        self._values["batch_size"] = batches
        try:
            self._make(**{n: values_of(self._values[n])[0] for n in self._names})
        except TypeError as error:
            raise SettingsError(f"the optimizer cannot be made: {error}") from error

    @property
    def hyperparameters(self) -> dict[str, Number | tuple[Number, ...]]:
        """Every numeric hyperparameter given here, in a fixed order."""
        return dict(self._values)

    @property
    def description(self) -> dict[str, Any]:
        """The optimizer's name, as "optax.adam", with its arguments, as plain data.

        An optimizer made already goes by the parts it is made of, with what they close over
        ("optax.scale_by_adam", b1 = 0.9…); a maker of the user's own by its name and source.
        """
        given = self._given
        if isinstance(given, optax.GradientTransformation):
            about = {"name": "optax.chain", "parts": parts(given)}
        else:
            about = described(given)
        return {**about, **self.hyperparameters, "sampling": self.sampling}

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
