"""The arguments of `simulate`, checked before anything is simulated or compiled."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from soret.dynamics.sampling import sampler
from soret.dynamics.sgd import Algorithm, points
from soret.errors import SettingsError
from soret.observables.state import Observable, name
from soret.problems import Problem


def check(
    problem: Problem,
    algorithm: Algorithm,
    *,
    observe: Observable | Sequence[Observable],
    steps: int,
    replicas: int = 64,
    record_every: int | None = None,
    block_size: int | None = None,
) -> tuple[list[Observable], int]:
    """Check arguments of `simulate` without simulating or compiling anything.

    Returns
    -------
    observables : list of function
    record_every : int
        As given, or the default.

    Raises
    ------
    SettingsError
        If the arguments do not fit each other.
    """
    if not isinstance(problem, Problem):
        raise SettingsError(f"problem is a {type(problem).__name__}; use a soret.Problem.")
    if not hasattr(algorithm, "hyperparameters"):
        raise SettingsError(
            f"algorithm is a {type(algorithm).__name__}; use soret.SGD(...) or soret.Optax(...)."
        )
    observables = as_observables(observe)
    record_every = check_counts(steps, replicas, record_every, block_size)
    for point in points(algorithm):
        sampler(problem, int(point["batch_size"]), algorithm.sampling)
    return observables, record_every


def as_observables(observe: Observable | Sequence[Observable]) -> list[Observable]:
    functions = [observe] if callable(observe) else list(observe)
    if not functions:
        raise SettingsError("observe is empty; give at least one observable.")
    for function in functions:
        if not callable(function):
            raise SettingsError(
                f"observe holds {function!r}, which is no function of problem and state."
            )
    names = [name(function) for function in functions]
    for key in names:
        if names.count(key) > 1 or key in ("diverged_at", "step", "replica", "<lambda>"):
            raise SettingsError(
                f"an observable is called {key!r}, which is taken or says nothing; rename it."
            )
    return functions


def check_counts(steps: int, replicas: int, every: int | None, block_size: int | None) -> int:
    """Check the counts; return how often to record."""
    _positive("steps", steps)
    _positive("replicas", replicas)
    _positive("record_every", every if every is not None else 1)
    _positive("block_size", block_size if block_size is not None else 1)
    if steps >= 2**31:
        raise SettingsError(f"steps is {steps}; it must be below 2³¹.")
    if every is None:
        return max(n for n in range(1, max(1, steps // 100) + 1) if steps % n == 0)
    if steps % every:
        raise SettingsError(f"steps is {steps}, no multiple of record_every {every}.")
    return every


def _positive(key: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SettingsError(f"{key} is {value!r}; it must be an integer of at least 1.")
