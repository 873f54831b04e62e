"""What an experiment would take on this machine, from a trial of some of its steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax

from soret.dynamics.keys import initial_keys, noise_keys
from soret.dynamics.programs import program
from soret.memory import readable
from soret.problems.tracing import ensemble_settings

if TYPE_CHECKING:
    from soret.dynamics.block import Block
    from soret.dynamics.experiment import Experiment

# A trial ends once it took this long: enough steps that a call's overhead does not show.
_TRIAL_SECONDS = 0.2


@dataclass(frozen=True)
class Estimate:
    """What running an experiment would take.

    Attributes
    ----------
    blocks : int
    workers : int
        Blocks in progress at once here.
    memory : int
        Bytes beyond what the process has already.
    compile_seconds : float
        What compiling took in the trial; a second run in the same process does without.
    block_seconds : tuple of float
        What each block would take by itself on one worker. Where something is watched, at most.
    """

    blocks: int
    workers: int
    memory: int
    compile_seconds: float
    block_seconds: tuple[float, ...]

    def seconds(self, workers: int | None = None) -> float:
        """Return how long it would take with a number of workers as fast as one of this machine.

        Parameters
        ----------
        workers : int, optional
            Default: as many as there are here.
        """
        free = [0.0] * max(1, workers or self.workers)
        for one in self.block_seconds:  # each goes to whoever is free first, as they will
            first = free.index(min(free))
            free[first] += one
        return self.compile_seconds + max(free)

    def __str__(self) -> str:
        return (
            f"{self.blocks:,} blocks on {self.workers} workers, {readable(self.memory)} of memory, "
            f"about {duration(self.seconds())}"
        )


@ensemble_settings()
def estimate(experiment: Experiment, *, workers: int | None = None) -> Estimate:
    """Time some steps and a record of a block of each group, and count.

    Parameters
    ----------
    experiment : Experiment
    workers : int, optional
        Blocks in progress at once.
    """
    from soret.dynamics.plan import make_plan

    began = time.monotonic()
    plan = make_plan(experiment, workers=workers)
    compiled = time.monotonic() - began
    kinds = {(block.group.number, block.size): block for block in plan.blocks}
    costs = {key: _block_seconds(block, plan.devices[0]) for key, block in kinds.items()}
    each = tuple(costs[block.group.number, block.size] for block in plan.blocks)
    return Estimate(len(plan.blocks), len(plan.devices), plan.memory, compiled, each)


def _block_seconds(block: Block, device: jax.Device) -> float:
    """Return about how long a block takes by itself."""
    experiment = block.experiment
    one = program(experiment, block.group, block.size)
    keys = noise_keys(experiment.seed, block.values, block.replicas)
    chunks, per_record = experiment.steps // one.chunk, experiment.every // one.chunk

    def start() -> Any:
        started = initial_keys(experiment.seed, block.replicas)
        return jax.block_until_ready(one.start(started, block.values, device))

    ensemble, _ = start()
    starting = _seconds(start)

    def chunks_from(first: int, last: int) -> float:
        def call() -> None:
            jax.block_until_ready(one.advance(ensemble, keys, block.values, first, last, device))

        return _seconds(call)

    chunks_from(0, 1)  # which moves constants to the device
    a_call = min(chunks_from(0, 1) for _ in range(3))
    # Records apart, where they are apart: a call without one, then one with one.
    length, most = 1, max(1, min(chunks, one.capacity if per_record == 1 else per_record - 1))
    taken = a_call
    while taken < _TRIAL_SECONDS and length < most:
        length = min(most, max(2 * length, int(length * _TRIAL_SECONDS / taken)))
        taken = chunks_from(0, length)
    a_chunk = taken / length
    recording = 0.0
    if per_record > 1:
        with_one = min(chunks_from(per_record - 1, per_record) for _ in range(3))
        recording = max(0.0, with_one - a_call)
    return starting + chunks * a_chunk + (experiment.records - 1) * recording


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return max(time.perf_counter() - began, 1e-9)


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``40 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    for most, unit, name in ((90, 1, "s"), (5400, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < most:
            shown = seconds / unit
            return f"{shown:.2g} {name}" if shown < 10 else f"{shown:.0f} {name}"
    return f"{seconds / 86400:.2g} days"
