"""Any optax optimizer, as the engine runs it."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import optax
from jaxtyping import Array

from soret.dynamics import optimizer_keys
from soret.dynamics.algorithm import (
    Number,
    Point,
    Sampling,
    as_axis,
    check_batching,
    values_of,
)
from soret.dynamics.optax_description import follows_schedule, parts
from soret.dynamics.optax_schedules import check_schedules
from soret.dynamics.optimizer_checks import check_update, needs_values
from soret.errors import SettingsError
from soret.problems import Params
from soret.runs.functions import described


class Optax:
    """Any optax optimizer, with a batch size and, if you like, a grid.

    Parameters
    ----------
    optimizer : optax.GradientTransformation, or a function that makes one
        ``optax.adam(1e-3)``, or ``optax.adam`` with its hyperparameters given here by name. Random
        keys in its state (``optax.noisy_sgd``) are replaced by each replica's own.
    batch_size : int or sequence of int
    sampling : as in `SGD`
    **hyperparameters : float or sequence of float
        Passed to the function; a list-valued one is an axis of the grid. Where the function looks
        at their values, as one that makes a schedule may, every point of the grid is compiled by
        itself; else one program serves them all.

    Raises
    ------
    SettingsError
        If the optimizer cannot be made, or, before the first step, if it needs more than the
        gradient of a mini-batch, as line searches do.

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
        if not callable(optimizer) and hasattr(optimizer, "gradient_transformation"):
            optimizer = optimizer.gradient_transformation()
        made = isinstance(optimizer, optax.GradientTransformation)
        if not made and not callable(optimizer):
            raise SettingsError(
                f"the optimizer is a {type(optimizer).__name__}; use one of optax, made or to be "
                "made, as optax.adam."
            )
        if made and hyperparameters:
            raise SettingsError(
                f"{', '.join(hyperparameters)} cannot be given to an optimizer made already; "
                "pass the function that makes it, e.g. optax.adam."
            )
        batches = as_axis("batch_size", batch_size)
        check_batching(batches, sampling)
        self.sampling, self._given = sampling, optimizer
        self._make: Callable[..., Any] = (lambda: optimizer) if made else optimizer
        self._names = tuple(sorted(hyperparameters))
        self._values = {n: as_axis(n, hyperparameters[n]) for n in self._names}
        self._values["batch_size"] = batches
        for point in self._points():
            self._try(point)
        self._by_value = bool(self._names) and needs_values(self._make, self._names)

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

    @property
    def scheduled(self) -> bool:
        """Whether the optimizer is seen to follow a schedule of optax's."""
        first = {name: values_of(self._values[name])[0] for name in self._names}
        return follows_schedule(parts(self._make(**first)))

    def structure(self, point: Point) -> tuple[Any, ...]:
        """Return the batch size, and the values where the maker looks at them."""
        values = tuple(point[name] for name in self._names) if self._by_value else ()
        return (point["batch_size"], *values)

    def check(self, params: Params) -> bool:
        """Check updates of parameters of these shapes; return whether they draw random numbers.

        Raises
        ------
        SettingsError
            If the optimizer cannot run in an ensemble.
        """
        first = {name: values_of(self._values[name])[0] for name in self._names}
        return check_update(self._make(**first), params)

    def check_steps(self, steps: int) -> None:
        """Check the schedules that are found within the optimizer over a run of so many steps.

        Of a run of more than a million steps a million are looked at, evenly spaced.

        Raises
        ------
        SettingsError
            If one is not finite at a step, or a learning rate is negative or changes its sign.
        """
        check_schedules(self._make, self._points(), self._by_value, steps)

    def start(self, params: Params, point: Mapping[str, Any], structure: tuple[Any, ...]) -> Any:
        """Return the optimizer's initial state."""
        return optimizer_keys.as_words(self._optimizer(point, structure).init(params))

    def seeded(
        self,
        state: Any,
        params: Params,
        key: Array,
        point: Mapping[str, Any],
        structure: tuple[Any, ...],
    ) -> Any:
        """Return the initial state with the random keys of one replica."""
        where = self._keys(params, point, structure)
        return optimizer_keys.replaced(state, where, key, point) if where else state

    def update(
        self,
        gradient: Params,
        velocity: Any,
        params: Params,
        point: Mapping[str, Any],
        structure: tuple[Any, ...],
    ) -> tuple[Params, Any]:
        """Make one step."""
        state = optimizer_keys.as_keys(velocity, self._keys(params, point, structure))
        updates, state = self._optimizer(point, structure).update(gradient, state, params)
        return optax.apply_updates(params, updates), optimizer_keys.as_words(state)

    def _points(self) -> list[dict[str, Number]]:
        """Return the optimizer's own hyperparameters at every point of the grid."""
        grid = itertools.product(*(values_of(self._values[n]) for n in self._names))
        return [dict(zip(self._names, values, strict=True)) for values in grid]

    def _optimizer(
        self, point: Mapping[str, Any], structure: tuple[Any, ...]
    ) -> optax.GradientTransformation:
        if self._by_value:
            return self._make(**dict(zip(self._names, structure[1:], strict=True)))
        return self._make(**{name: point[name] for name in self._names})

    def _keys(
        self, params: Params, point: Mapping[str, Any], structure: tuple[Any, ...]
    ) -> list[optimizer_keys.KeyPlace]:
        init = self._optimizer(point, structure).init
        return optimizer_keys.places(jax.eval_shape(init, params))

    def _try(self, values: Mapping[str, Number]) -> None:
        with_values = f" with {dict(values)}" if values else ""
        try:
            made = self._make(**values)
        except Exception as error:
            raise SettingsError(f"the optimizer cannot be made{with_values}: {error}") from error
        if not isinstance(made, optax.GradientTransformation):
            raise SettingsError(
                f"the function makes a {type(made).__name__}{with_values}; it must make an optax "
                "optimizer, an optax.GradientTransformation."
            )
