"""How an ensemble is cut into blocks, and what memory it takes, decided before any work."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from soret.data.generator import as_jax_key
from soret.dynamics import sizes
from soret.dynamics.algorithm import Algorithm, Point, points
from soret.dynamics.passage import FirstPassage
from soret.dynamics.program import Program
from soret.dynamics.sampling import sampler
from soret.errors import SettingsError
from soret.memory import limit_bytes
from soret.observables.state import Observable
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings

# A block's parameters and gradients should stay in a core's own cache; an accelerator wants
# work for all its cores instead.
_CACHE = 2**19
_ACCELERATOR_MEMORY = 2**30
_LARGEST_BLOCK = 64
_SMALLEST_SHARE = 16
_BLOCKS_WANTED = 8
# A block costs a millisecond or two to start and to save: of more than these it is felt.
_MOST_BLOCKS = 512
# What a process takes beyond the arrays that can be counted, as measured: threads and allocator,
# and for every program its compilation.
_OVERHEAD = 24 * 2**20
_PROGRAM_OVERHEAD = 60 * 2**20


@dataclass(frozen=True)
class Block:
    """The unit of work: some replicas at one point of the grid.

    Attributes
    ----------
    number : int
        Its place in the plan.
    index : int
        Its point's place in the grid, row-major.
    point : mapping
        The point: every hyperparameter's value.
    replicas : range
        The replicas' numbers.
    """

    number: int
    index: int
    point: Point
    replicas: range


@dataclass(frozen=True)
class Plan:
    """An ensemble cut into blocks, with the programs that run them.

    Attributes
    ----------
    blocks : sequence of Block
    block_size : int
        Replicas computed together; the last block of a point may use fewer of them.
    programs : mapping
        Compiled programs by structure.
    devices : sequence
        Where blocks run, one for each block in progress at once.
    memory : int
        Bytes that the run will take beyond what the process has already.
    """

    blocks: Sequence[Block]
    block_size: int
    programs: Mapping[tuple[Any, ...], Program]
    devices: Sequence[jax.Device]
    memory: int

    def __str__(self) -> str:
        return (
            f"{len(self.blocks)} blocks of {self.block_size} replicas, {len(self.devices)} at a "
            f"time, about {self.memory / 2**20:,.0f} MiB"
        )


def make_plan(
    problem: Problem,
    algorithm: Algorithm,
    observables: Sequence[Observable],
    *,
    replicas: int,
    records: int,
    record_every: int,
    watch: FirstPassage | None = None,
    block_size: int | None = None,
    workers: int | None = None,
    memory_limit: int | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Plan:
    """Cut an ensemble into blocks that fit the cache and the memory, and compile for it.

    The block size is decided by the problem alone, not by the machine's cores, so that the same
    call gives the same numbers elsewhere; only where a block would not fit into memory is it cut.

    Raises
    ------
    SettingsError
        If the problem, algorithm and observables do not fit each other, or not even one replica
        fits into memory.
    """
    where = list(devices) if devices else jax.local_devices()
    slots = _slots(where, workers)
    limit = memory_limit or limit_bytes()
    sizes.refuse(
        sizes.held(algorithm, replicas, records, watch), algorithm, replicas, records, limit
    )
    grid = list(points(algorithm))
    size = block_size or _block_size(problem, algorithm, grid, replicas, where[0].platform)
    size = -(-replicas // -(-replicas // size))
    programs_bytes = len({algorithm.structure(point) for point in grid}) * len(set(slots))
    programs_bytes = _OVERHEAD + programs_bytes * _PROGRAM_OVERHEAD
    while True:
        # Shapes, and what is refused for them, come before anything is compiled.
        traced = _programs(
            problem, algorithm, observables, grid[:1], size, record_every, records - 1, watch
        )
        results = _result_bytes(traced, algorithm, replicas, records, watch)
        results += sizes.blocks(algorithm, replicas, size)
        sizes.refuse(results + programs_bytes, algorithm, replicas, records, limit)
        programs = _programs(
            problem,
            algorithm,
            observables,
            grid,
            size,
            record_every,
            records - 1,
            watch,
            traced,
        )
        block_bytes = _compile(programs, set(slots))
        held = results + sum(program.constant_bytes() for program in programs.values())
        held += programs_bytes
        count = len(grid) * -(-replicas // size)
        at_once = min(len(slots), count, max(0, limit - held) // block_bytes)
        if at_once:
            memory = held + at_once * block_bytes
            return Plan(_blocks(grid, replicas, size), size, programs, slots[:at_once], memory)
        if size == 1:
            raise SettingsError(sizes.one_replica(problem.name, held + block_bytes, limit))
        size = -(-size // 2)


def _block_size(
    problem: Problem, algorithm: Algorithm, grid: Sequence[Point], replicas: int, platform: str
) -> int:
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    params = jax.eval_shape(lambda k: problem.initial(as_jax_key(k)), key)
    scalar = {name: jax.ShapeDtypeStruct((), jnp.float32) for name in grid[0]}
    state = jax.eval_shape(
        lambda p, v: algorithm.start(p, v, algorithm.structure(grid[-1])), params, scalar
    )
    per_replica = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves((params, state)))
    if platform != "cpu":
        return int(np.clip(_ACCELERATOR_MEMORY // per_replica, 1, replicas))
    total = len(grid) * replicas
    largest = max(_LARGEST_BLOCK, -(-total // _MOST_BLOCKS))
    fitting = int(np.clip(_CACHE // per_replica, 1, largest))
    # Enough blocks to share out, but none so small that its overhead shows.
    share = max(_SMALLEST_SHARE, -(-total // _BLOCKS_WANTED))
    return min(fitting, share, replicas)


def _slots(devices: Sequence[jax.Device], workers: int | None) -> list[jax.Device]:
    """Return a device for every block in progress: each once, or the CPU once a core."""
    on_cpu = all(device.platform == "cpu" for device in devices)
    count = workers or (max(len(devices), _cores()) if on_cpu else len(devices))
    return [devices[i % len(devices)] for i in range(count)]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _programs(
    problem: Problem,
    algorithm: Algorithm,
    observables: Sequence[Observable],
    grid: Sequence[Point],
    size: int,
    record_every: int,
    records: int,
    watch: FirstPassage | None,
    made: Mapping[tuple[Any, ...], Program] | None = None,
) -> dict[tuple[Any, ...], Program]:
    programs = dict(made or {})
    for point in grid:
        structure = algorithm.structure(point)
        if structure not in programs:
            draws = sampler(problem, int(point["batch_size"]), algorithm.sampling)
            programs[structure] = Program(
                problem, algorithm, observables, draws, point, size, record_every, records, watch
            )
    return programs


def _compile(programs: Mapping[Any, Program], devices: set[jax.Device]) -> int:
    """Compile all programs side by side; return the bytes of the largest block."""
    work = [(program, device) for program in programs.values() for device in devices]

    def compiled(pair: tuple[Program, jax.Device]) -> int:
        with ensemble_settings():  # which are a thread's own
            return pair[0].compile(pair[1])

    # Compiling takes memory too, so no more at once than there are cores.
    with ThreadPoolExecutor(min(len(work), _cores())) as pool:
        return max(pool.map(compiled, work))


def _blocks(grid: Sequence[Point], replicas: int, size: int) -> list[Block]:
    spans = [range(a, min(a + size, replicas)) for a in range(0, replicas, size)]
    pairs = [(index, point, span) for index, point in enumerate(grid) for span in spans]
    return [Block(number, *pair) for number, pair in enumerate(pairs)]


def _result_bytes(
    programs: Mapping[Any, Program],
    algorithm: Algorithm,
    replicas: int,
    records: int,
    watch: FirstPassage | None,
) -> int:
    program = next(iter(programs.values()))
    one = sizes.one_record(program.record_shapes.values())
    leaves = jax.tree.leaves(program.ensemble_shape.params)
    parameters = sum(leaf.size // leaf.shape[0] for leaf in leaves)
    return sizes.held(algorithm, replicas, records, watch, one, parameters)
