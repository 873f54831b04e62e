"""How an ensemble is cut into blocks on this machine, and what memory it takes, before any work."""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax

from soret.dynamics import rounding, sizes
from soret.dynamics.block import Block, blocks, usual_size
from soret.dynamics.experiment import Experiment
from soret.dynamics.program import Program
from soret.dynamics.programs import program
from soret.errors import TooMuchMemory
from soret.memory import limit_bytes
from soret.problems.tracing import ensemble_settings

# What a process takes beyond the arrays that can be counted, as measured: threads and allocator,
# and for every program its compilation.
_OVERHEAD = 24 * 2**20
_PROGRAM_OVERHEAD = 60 * 2**20


@dataclass(frozen=True)
class Plan:
    """How an experiment is computed here.

    Attributes
    ----------
    blocks : sequence of Block
    block_size : int
        The most lanes that are computed together.
    devices : sequence
        Where blocks run, one for each block in progress at once.
    memory : int
        Bytes that the run will take beyond what the process has already.
    """

    blocks: Sequence[Block]
    block_size: int
    devices: Sequence[jax.Device]
    memory: int

    def __str__(self) -> str:
        return (
            f"{len(self.blocks)} blocks of {self.block_size} replicas, {len(self.devices)} at a "
            f"time, about {self.memory / 2**20:,.0f} MiB"
        )


@ensemble_settings()
def make_plan(
    experiment: Experiment,
    *,
    block_size: int | None = None,
    workers: int | None = None,
    memory_limit: int | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Plan:
    """Cut an ensemble into blocks that fit the cache and the memory, and compile for it.

    Parameters are those of `simulate`.

    Raises
    ------
    SettingsError
        If the problem, algorithm and observables do not fit each other, or not even one replica
        fits into memory.
    """
    where = list(devices) if devices else jax.local_devices()
    slots = _slots(where, workers)
    limit = memory_limit or limit_bytes()
    counts = experiment.algorithm, experiment.replicas, experiment.records
    sizes.refuse(sizes.held(*counts, experiment.watch), *counts, limit)
    size = block_size or usual_size(experiment, where[0].platform)
    overhead = _OVERHEAD + len(experiment.groups) * len(set(slots)) * _PROGRAM_OVERHEAD
    while True:
        # A list of blocks is made only once it is known to fit.
        results = sizes.blocks(*counts[:2], size)
        sizes.refuse(results + overhead, *counts, limit)
        made = blocks(experiment, size)
        # Shapes, and what is refused for them, come before anything is compiled.
        first = program(experiment, made[0].group, made[0].size)
        results += _result_bytes(experiment, first)
        sizes.refuse(results + overhead, *counts, limit)
        kinds = {(block.group.number, block.size): block for block in made}
        programs = [program(experiment, block.group, block.size) for block in kinds.values()]
        block_bytes = _compile(programs, set(slots))
        block_bytes += max(rounding.call_bytes(one) for one in programs)
        constants = sum(one.constant_bytes() for one in programs)
        held = results + constants + overhead
        at_once = min(len(slots), len(made), max(0, limit - held) // block_bytes)
        if where[0].platform != "cpu" and constants + block_bytes > _device_bytes(where[0]):
            at_once = 0
        if at_once:
            largest = max(block.size for block in made)
            return Plan(made, largest, slots[:at_once], held + at_once * block_bytes)
        if size == 1:
            name = experiment.problem.name
            raise TooMuchMemory(sizes.one_replica(name, held + block_bytes, limit))
        size = -(-size // 2)


def _slots(devices: Sequence[jax.Device], workers: int | None) -> list[jax.Device]:
    """Return a device for every block in progress: each once, or the CPU once a core."""
    on_cpu = all(device.platform == "cpu" for device in devices)
    count = workers or (max(len(devices), cores()) if on_cpu else len(devices))
    return [devices[i % len(devices)] for i in range(count)]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compile(programs: Sequence[Program], devices: set[jax.Device]) -> int:
    """Compile all programs side by side; return the bytes of the largest block."""
    work = [(one, device) for one in programs for device in devices]

    def compiled(pair: tuple[Program, jax.Device]) -> int:
        with ensemble_settings():  # which are a thread's own
            return pair[0].compile(pair[1])

    # Compiling takes memory too, so no more at once than there are cores.
    with ThreadPoolExecutor(min(len(work), cores())) as pool:
        return max(1, *pool.map(compiled, work))


def _device_bytes(device: jax.Device) -> int:
    """Return the bytes that an accelerator has free; all that can be, where it does not tell."""
    told = device.memory_stats() or {}
    if "bytes_limit" not in told:
        return sys.maxsize
    return int(told["bytes_limit"] - told.get("bytes_in_use", 0))


def _result_bytes(experiment: Experiment, first: Program) -> int:
    one = sizes.one_record(first.record_shapes.values())
    leaves = jax.tree.leaves(first.ensemble_shape.params)
    parameters = sum(leaf.size // leaf.shape[0] for leaf in leaves)
    counts = experiment.algorithm, experiment.replicas, experiment.records
    return sizes.held(*counts, experiment.watch, one, parameters)
