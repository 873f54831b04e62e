"""`simulate`: an ensemble of SGD runs over a grid of hyperparameters, as labelled arrays."""

import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from typing import Any

import jax
import xarray as xr

from soret.dynamics import rounding
from soret.dynamics.algorithm import Algorithm
from soret.dynamics.arguments import check_machine
from soret.dynamics.block import Block
from soret.dynamics.compute import BlockResult, compute
from soret.dynamics.description import attributes_of
from soret.dynamics.experiment import Experiment
from soret.dynamics.passage import FirstPassage
from soret.dynamics.plan import Plan, make_plan
from soret.dynamics.results import assemble, warn_of_divergence
from soret.dynamics.undefined import warn_of_undefined
from soret.observables.state import Observable
from soret.problems import Problem
from soret.runs import RunFolder
from soret.runs.loop import Stopped
from soret.runs.progress import ProgressBar
from soret.system import stop_if_asked

log = logging.getLogger("soret")


def simulate(
    problem: Problem,
    algorithm: Algorithm,
    *,
    observe: Observable | Sequence[Observable] = (),
    watch: FirstPassage | None = None,
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
        `record_every` steps. May be left out where something is watched.
    watch : FirstPassage, optional
        A level whose first passages through thresholds are taken as the replicas run.
    steps : int
        Updates per replica; with `watch`, the most of them: a block stops at a record by which
        its replicas have passed every threshold.
    replicas : int
        Independent trajectories at every point. A replica starts from the same parameters at
        every point of the grid; its mini-batches are independent of all others.
    record_every : int, optional
        Steps between records; must divide `steps`. Default: a hundredth of `steps`, or the
        nearest below that divides it and makes no more than 1,000 records.
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
        out; counts and booleans are recorded as float32, so that they can be. The number of such
        replicas is in the attribute `diverged` and warned about. An observable that is not finite
        where the parameters are, as at a kink, stays so and is warned about too.

        With `watch`, also `first_passage` (grid axes…, replica, threshold), in steps, NaN where
        the threshold was not reached, and `watched_until` (grid axes…, replica): the step of the
        last passage, or the last step for a replica that did not pass them all. Treat the missing
        ones as censored (`soret.inference.mean_passage`), never leave them out.

        With ``watch.hold``, also `final_parameters` (grid axes…, replica, parameter): θ at the
        last passage, or after the last step, as `soret.observables.parameters` records them.

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
    experiment = Experiment(
        problem=problem,
        algorithm=algorithm,
        observe=observe,
        watch=watch,
        steps=steps,
        replicas=replicas,
        record_every=record_every,
        seed=seed,
    )
    check_machine(block_size, workers, memory_limit, devices)
    made = _run(
        experiment,
        out=out,
        progress=progress,
        block_size=block_size,
        workers=workers,
        memory_limit=memory_limit,
        devices=devices,
    )
    _warn(made)
    return made


def run(
    experiment: Experiment,
    *,
    out: str | os.PathLike[str] | None = None,
    block_size: int | None = None,
    workers: int | None = None,
    memory_limit: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Run an experiment, or go on with it, or load it.

    Parameters
    ----------
    experiment : Experiment
    out, block_size, workers, memory_limit, devices, progress
        As in `simulate`: nothing that the numbers depend on.

    Returns
    -------
    xarray.Dataset
        As `simulate` returns it, which also says what is raised.
    """
    check_machine(block_size, workers, memory_limit, devices)
    made = _run(
        experiment,
        out=out,
        progress=progress,
        block_size=block_size,
        workers=workers,
        memory_limit=memory_limit,
        devices=devices,
    )
    _warn(made)
    return made


def _run(
    experiment: Experiment,
    *,
    out: str | os.PathLike[str] | None,
    progress: bool | None,
    **machine: Any,
) -> xr.Dataset:
    """Do what `run` does, without its warnings."""
    began = time.monotonic()
    folder = RunFolder(out) if out is not None else None
    plan = make_plan(experiment, **machine)
    log.info("%s: %s", experiment.problem.name, plan)
    with folder or nullcontext():
        if folder is not None and folder.begin(experiment.description):
            loaded = folder.load()
            assert isinstance(loaded, xr.Dataset)
            return loaded

        title = f"{experiment.problem.name}: {len(plan.blocks)} blocks of {plan.block_size}"
        total = sum(map(len, plan.blocks)) * experiment.steps
        with ProgressBar(total, title, progress) as bar:
            results = _run_all(plan, folder, bar)
        made = assemble(experiment, plan.blocks, results)
        made.attrs |= attributes_of(experiment, made) | {"block_size": plan.block_size}
        shares = {place: share for r in results for place, share in r.rounded.items()}
        made.attrs |= rounding.worst(experiment.points, shares)
        if folder is not None:
            folder.finish(
                made,
                seconds=round(time.monotonic() - began, 3),
                memory_estimate_bytes=plan.memory,
                computed_on=_distinct([result.where for result in results]),
            )
        return made


def _distinct(where: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the machines that computed a run, each once."""
    return [dict(one) for one in sorted({tuple(sorted(here.items())) for here in where})]


def _warn(run: xr.Dataset) -> None:
    warn_of_divergence(run)
    rounding.warn(run.attrs)
    warn_of_undefined(run)


def _run_all(plan: Plan, folder: RunFolder | None, bar: ProgressBar) -> list[BlockResult]:
    """Run the blocks on threads; XLA releases the interpreter, so threads use all cores."""
    stop = threading.Event()
    free: queue.SimpleQueue[jax.Device] = queue.SimpleQueue()
    for device in plan.devices:
        free.put(device)

    def pause() -> None:
        if stop.is_set():
            raise Stopped

    def run(block: Block) -> BlockResult:
        device = free.get()
        try:
            return compute(block, device=device, folder=folder, pause=pause, progress=bar)
        finally:
            free.put(device)

    with ThreadPoolExecutor(len(plan.devices), "soret-block") as pool:
        tasks = [pool.submit(run, block) for block in plan.blocks]
        try:
            _wait(tasks)
        except KeyboardInterrupt:
            _stop(stop, tasks, None)
            raise KeyboardInterrupt(bar.how_to_resume(folder.path if folder else None)) from None
        except BaseException as error:
            _stop(stop, tasks, error)
            raise
        return [task.result() for task in tasks]


def _wait(tasks: Sequence[Future[BlockResult]]) -> None:
    """Wait for all; raise the first failure at once. Wakes up often, so that Ctrl-C is heard."""
    pending = set(tasks)
    while pending:
        stop_if_asked()
        finished, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
        for task in finished:
            task.result()


def _stop(
    stop: threading.Event, tasks: Sequence[Future[BlockResult]], raised: BaseException | None
) -> None:
    """Stop all blocks; log what else went wrong, each thing once."""
    stop.set()
    for task in tasks:
        task.cancel()
    wait(tasks)
    failures = [task.exception() for task in tasks if not task.cancelled()]
    messages = {str(error) for error in failures if not isinstance(error, Stopped | None)}
    for message in sorted(messages - {str(raised)}):
        log.error("a block failed while stopping: %s", message)
