"""The arguments of `simulate`, checked before anything is simulated or compiled."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from soret.dynamics import sizes
from soret.dynamics.algorithm import (
    Algorithm,
    axes,
    check_algorithm,
    check_steps,
    values_of,
)
from soret.dynamics.keys import check_seed
from soret.dynamics.passage import FirstPassage
from soret.dynamics.sampling import sampler
from soret.errors import SettingsError
from soret.observables.state import Observable, name
from soret.problems import Problem, model_checks
from soret.problems.tracing import ensemble_settings

# Ten times what is aimed at: beyond it a run would be slowed and swollen by records nobody wanted.
_MOST_RECORDS_UNASKED = 1000
_TAKEN = (
    "diverged_at",
    "first_passage",
    "watched_until",
    "final_parameters",
    "step",
    "replica",
    "threshold",
    "parameter",
    "<lambda>",
)


@ensemble_settings()
def check(
    problem: Problem,
    algorithm: Algorithm,
    *,
    observe: Observable | Sequence[Observable] = (),
    watch: FirstPassage | None = None,
    steps: int,
    replicas: int = 64,
    record_every: int | None = None,
    seed: int = 0,
    block_size: int | None = None,
    workers: int | None = None,
    memory_limit: int | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> tuple[list[Observable], int]:
    """Check arguments of `simulate` without simulating or compiling anything.

    Parameters are those of `simulate`.

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
    if watch is not None and not isinstance(watch, FirstPassage):
        raise SettingsError(f"watch is a {type(watch).__name__}; use a soret.FirstPassage.")
    if watch is None or callable(observe) or len(observe):
        observables = as_observables(observe, taken=axes(algorithm))
    else:
        observables = []
    check_seed(seed)
    check_machine(block_size, workers, memory_limit, devices)
    record_every = check_counts(steps, replicas, record_every)
    if watch is not None and record_every % watch.every:
        raise SettingsError(
            f"record_every is {record_every}, no multiple of the {watch.every} steps between looks."
        )
    records = steps // record_every + 1
    needed = sizes.held(algorithm, replicas, records, watch)
    sizes.refuse(needed, algorithm, replicas, records, memory_limit)
    with ensemble_settings():
        check_algorithm(algorithm, model_checks.check_init(problem))
        check_steps(algorithm, steps)
    if replicas > 1:
        model_checks.warn_of_ensemble(problem)
    for batch_size in values_of(algorithm.hyperparameters["batch_size"]):
        sampler(problem, int(batch_size), algorithm.sampling)
    return observables, record_every


def check_machine(
    block_size: int | None,
    workers: int | None,
    memory_limit: int | None,
    devices: Sequence[jax.Device] | None,
) -> None:
    """Refuse what is no way to compute an ensemble, whichever it is.

    Raises
    ------
    SettingsError
    """
    for key, value in {
        "block_size": block_size,
        "workers": workers,
        "memory_limit": memory_limit,
    }.items():
        if value is not None:
            check_integer(key, value)
    if devices is not None and not len(devices):
        raise SettingsError("devices is empty; leave it out to use all local ones.")


def as_observables(
    observe: Observable | Sequence[Observable], taken: Iterable[str]
) -> list[Observable]:
    """Return observables as a list; refuse what is none, and names that are `taken`."""
    if not callable(observe) and not isinstance(observe, Sequence):
        raise SettingsError(f"observe is {observe!r}; it must be a function or a list of them.")
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
        if names.count(key) > 1 or key in (*_TAKEN, *taken):
            raise SettingsError(
                f"an observable is called {key!r}, which is taken or says nothing; rename it."
            )
    return functions


def check_counts(steps: int, replicas: int, every: int | None) -> int:
    """Check the counts; return how often to record."""
    check_integer("steps", steps)
    check_integer("replicas", replicas)
    check_integer("record_every", every if every is not None else 1)
    if steps >= 2**31:
        raise SettingsError(f"steps is {steps}; it must be below 2³¹.")
    if every is None:
        every = max(n for n in range(1, max(1, steps // 100) + 1) if steps % n == 0)
        if steps // every > _MOST_RECORDS_UNASKED:
            raise SettingsError(
                f"steps is {steps:,}, which no number near its hundredth divides; give "
                f"record_every, or round steps to {round(steps, 2 - len(str(steps))):,}."
            )
        return every
    if steps % every:
        raise SettingsError(f"steps is {steps}, no multiple of record_every {every}.")
    return every


def check_integer(key: str, value: Any) -> None:
    """Refuse what is no integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SettingsError(f"{key} is {value!r}; it must be an integer of at least 1.")
