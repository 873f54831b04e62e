"""`simulate`: an ensemble of SGD runs over a grid of hyperparameters, as labelled arrays."""

import logging
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any

import jax
import numpy as np
import xarray as xr

from soret.dynamics.block import BlockResult, Stopped, run_block
from soret.dynamics.plan import Block, Plan, make_plan
from soret.dynamics.progress import ProgressBar
from soret.dynamics.sampling import sampler
from soret.dynamics.sgd import Algorithm, axes, points
from soret.errors import SettingsError
from soret.observables.state import Observable, attributes, name
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings
from soret.runs import RunFolder

log = logging.getLogger("soret")

_AXIS_ATTRIBUTES = {
    "learning_rate": {"long_name": "learning rate η", "units": "dimensionless"},
    "batch_size": {"long_name": "batch size B", "units": "examples"},
    "momentum": {"long_name": "momentum β", "units": "dimensionless"},
    "weight_decay": {"long_name": "weight decay λ", "units": "dimensionless"},
}


class DivergenceWarning(UserWarning):
    """Some replicas left the finite numbers."""


def simulate(
    problem: Problem,
    algorithm: Algorithm,
    *,
    observe: Observable | Sequence[Observable],
    steps: int,
    replicas: int = 64,
    record_every: int | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    block_size: int | None = None,
    workers: int | None = None,
    memory_limit: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Run an ensemble of SGD replicas at every point of a grid, measuring as it goes.

    Parameters
    ----------
    problem : Problem
        The surface.
    algorithm : SGD or Optax
        The update rule; its list-valued hyperparameters span the grid.
    observe : function or sequence of functions
        Observables: ``f(problem, state) -> array``, measured at step 0 and every
        `record_every` steps.
    steps : int
        Updates per replica.
    replicas : int
        Independent trajectories at every point. A replica starts from the same parameters at
        every point of the grid; its mini-batches are independent of all others.
    record_every : int, optional
        Steps between records; must divide `steps`. Default: a hundredth of `steps`, or the
        nearest below that divides it.
    seed : int
        The same seed gives the same numbers, bit for bit, whatever the number of workers,
        devices or interruptions.
    out : path, optional
        A folder to save the run in, block by block. Called again with the same arguments, an
        interrupted run is resumed and a finished one is loaded.
    block_size : int, optional
        Replicas computed together. Default: what fits a core's cache.
    workers : int, optional
        Blocks in progress at once. Default: one a core, or one a device.
    memory_limit : int, optional
        Bytes that may be used. Default: four fifths of what is free.
    devices : sequence of jax.Device, optional
        Default: all local ones.
    progress : bool, optional
        Show a bar. Default: where standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        A variable per observable with dimensions (grid axes…, replica, step, …), and
        `diverged_at` (grid axes…, replica): the recorded step at which a replica was first not
        finite, −1 where it never was. From then on its observables are NaN, which means leave
        out; the number of such replicas is in the attribute `diverged` and warned about.

    Raises
    ------
    SettingsError
        If the arguments do not fit each other: before anything is simulated.
    RunError
        If `out` holds another run, or a damaged one.
    KeyboardInterrupt
        On Ctrl-C, after saving what can be resumed.

    Examples
    --------
    >>> run = soret.simulate(
    ...     soret.problems.two_layer(inputs=10, hidden=10),
    ...     soret.SGD(learning_rate=[0.1, 0.05, 0.025], batch_size=1),
    ...     observe=soret.observables.activation_rate,
    ...     steps=8000, replicas=128,
    ... )
    >>> run.activation_rate.mean("replica").plot(hue="learning_rate")
    """
    began = time.monotonic()
    observables, record_every = check(
        problem,
        algorithm,
        observe=observe,
        steps=steps,
        replicas=replicas,
        record_every=record_every,
        block_size=block_size,
    )
    with ensemble_settings():
        plan = make_plan(
            problem,
            algorithm,
            observables,
            replicas=replicas,
            records=steps // record_every + 1,
            record_every=record_every,
            block_size=block_size,
            workers=workers,
            memory_limit=memory_limit,
            devices=devices,
        )
    log.info("%s: %s", problem.name, plan)
    about = _description(problem, algorithm, observables, plan, steps, replicas, record_every, seed)
    folder = RunFolder(out) if out is not None else None
    if folder is not None and folder.begin(about):
        loaded = folder.load()
        assert isinstance(loaded, xr.Dataset)
        _warn_of_divergence(loaded)
        return loaded

    title = f"{problem.name}: {len(plan.blocks)} blocks of {plan.block_size}"
    with ProgressBar(len(axes_points(plan)) * replicas * steps, title, progress) as bar:
        results = _run_all(plan, algorithm, steps, seed, folder, bar)
    run = _assemble(plan, results, algorithm, observables, replicas, steps, record_every)
    run.attrs |= _attributes(about, plan, run)
    if folder is not None:
        folder.finish(run, seconds=round(time.monotonic() - began, 3))
    _warn_of_divergence(run)
    return run


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
    observables = _as_observables(observe)
    record_every = _check_counts(steps, replicas, record_every, block_size)
    for point in points(algorithm):
        sampler(problem, int(point["batch_size"]), algorithm.sampling)
    return observables, record_every


def axes_points(plan: Plan) -> list[int]:
    """Return the indices of the grid's points."""
    return sorted({block.index for block in plan.blocks})


def _run_all(
    plan: Plan,
    algorithm: Algorithm,
    steps: int,
    seed: int,
    folder: RunFolder | None,
    bar: ProgressBar,
) -> list[BlockResult]:
    """Run the blocks on threads; XLA releases the interpreter, so threads use all cores."""
    stop = threading.Event()
    free: queue.SimpleQueue[jax.Device] = queue.SimpleQueue()
    for device in plan.devices:
        free.put(device)

    def run(block: Block) -> BlockResult:
        device = free.get()
        try:
            program = plan.programs[algorithm.structure(block.point)]
            return run_block(
                block,
                program,
                steps=steps,
                seed=seed,
                device=device,
                folder=folder,
                stop=stop,
                progress=bar,
            )
        finally:
            free.put(device)

    with ThreadPoolExecutor(len(plan.devices), "soret-block") as pool:
        tasks = [pool.submit(run, block) for block in plan.blocks]
        try:
            _wait(tasks)
        except KeyboardInterrupt:
            _stop(stop, tasks)
            raise KeyboardInterrupt(_how_to_resume(folder, bar)) from None
        except BaseException:
            _stop(stop, tasks)
            raise
        return [task.result() for task in tasks]


def _wait(tasks: Sequence[Future[BlockResult]]) -> None:
    """Wait for all; raise the first failure at once. Wakes up often, so that Ctrl-C is heard."""
    pending = set(tasks)
    while pending:
        finished, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
        for task in finished:
            task.result()


def _stop(stop: threading.Event, tasks: Sequence[Future[BlockResult]]) -> None:
    stop.set()
    for task in tasks:
        task.cancel()
    wait(tasks)
    for task in tasks:
        if not task.cancelled() and not isinstance(task.exception(), Stopped | None):
            log.error("a block failed while stopping: %s", task.exception())


def _how_to_resume(folder: RunFolder | None, bar: ProgressBar) -> str:
    share = f"stopped at {100 * bar.done / bar.total:.0f} %"
    if folder is None:
        return f"{share}; nothing was saved, because no folder was given (out=...)."
    return f"{share}; run again with the same settings and out={str(folder.path)!r} to resume."


def _assemble(
    plan: Plan,
    results: Sequence[BlockResult],
    algorithm: Algorithm,
    observables: Sequence[Observable],
    replicas: int,
    steps: int,
    record_every: int,
) -> xr.Dataset:
    grid = axes(algorithm)
    shape = tuple(len(values) for values in grid.values())
    dims = (*grid, "replica")
    recorded = np.arange(0, steps + 1, record_every)

    def whole(parts: Sequence[np.ndarray]) -> np.ndarray:
        """Put the blocks' arrays, replica first, side by side."""
        joined = np.concatenate(parts)
        return joined.reshape(*shape, replicas, *joined.shape[1:])

    variables: dict[str, Any] = {}
    for function in observables:
        key = name(function)
        values = whole([np.swapaxes(result.records[key], 0, 1) for result in results])
        extra = tuple(f"{key}_dim_{i}" for i in range(values.ndim - len(dims) - 1))
        variables[key] = ((*dims, "step", *extra), values, attributes(function))
    variables["diverged_at"] = (
        dims,
        whole([result.diverged_at for result in results]),
        {"long_name": "step at which the replica was first not finite", "units": "steps"},
    )
    coordinates: dict[str, Any] = {
        key: (key, np.asarray(values), _AXIS_ATTRIBUTES.get(key, {"units": "dimensionless"}))
        for key, values in grid.items()
    }
    coordinates["replica"] = ("replica", np.arange(replicas), {"long_name": "replica"})
    coordinates["step"] = ("step", recorded, {"long_name": "step", "units": "updates"})
    return xr.Dataset(variables, coordinates)


def _description(
    problem: Problem,
    algorithm: Algorithm,
    observables: Sequence[Observable],
    plan: Plan,
    steps: int,
    replicas: int,
    record_every: int,
    seed: int,
) -> dict[str, Any]:
    """Return everything that decides the numbers, as plain data."""
    with ensemble_settings():
        programs = [p.fingerprint(plan.devices[0]) for p in plan.programs.values()]
    return {
        "problem": {"name": problem.name, **problem.settings},
        "algorithm": {
            "name": type(algorithm).__name__,
            **algorithm.hyperparameters,
            "nesterov": getattr(algorithm, "nesterov", False),
            "sampling": algorithm.sampling,
        },
        "observe": [name(function) for function in observables],
        "steps": steps,
        "replicas": replicas,
        "record_every": record_every,
        "seed": int(seed),
        "block_size": plan.block_size,
        "platform": plan.devices[0].platform,
        "jax": jax.__version__,
        "programs": programs,
    }


def _attributes(about: dict[str, Any], plan: Plan, run: xr.Dataset) -> dict[str, Any]:
    """Return what the Dataset itself should say; one value each, so that any format keeps it."""
    flat = {
        f"{group}_{key}": value if isinstance(value, int | float | str) else str(value)
        for group in ("problem", "algorithm")
        for key, value in about[group].items()
    }
    rest = {key: about[key] for key in ("steps", "replicas", "record_every", "seed", "block_size")}
    diverged = int((run.diverged_at >= 0).sum())
    return flat | rest | {"memory_estimate_bytes": plan.memory, "diverged": diverged}


def _warn_of_divergence(run: xr.Dataset) -> None:
    diverged = run.diverged_at.values[run.diverged_at.values >= 0]
    if diverged.size:
        warnings.warn(
            f"{diverged.size} of {run.diverged_at.size} replicas diverged, the first by step "
            f"{diverged.min()}; they are NaN from then on, so that means leave them out.",
            DivergenceWarning,
            stacklevel=3,
        )


def _as_observables(observe: Observable | Sequence[Observable]) -> list[Observable]:
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


def _check_counts(steps: int, replicas: int, every: int | None, block_size: int | None) -> int:
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


Simulate = Callable[..., xr.Dataset]
