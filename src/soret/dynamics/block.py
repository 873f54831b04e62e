"""Blocks: the unit of work of an ensemble, described by the experiment and a range of its lanes.

A *lane* is one replica at one point of the grid. Points that share a compiled program (a batch
size, the terms of the update that are there) form a group; a group's lanes are numbered point by
point, and a block is a range of them, computed together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from soret.data.generator import as_jax_key
from soret.dynamics.algorithm import Algorithm, Point, points
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings

if TYPE_CHECKING:
    from soret.dynamics.experiment import Experiment

# A block's parameters and gradients should stay in a core's own cache; an accelerator wants
# work for all its cores instead.
_CACHE = 2**20
# Draws have the lanes on their last axis: of 12 they take as long as of 16, two registers of eight.
_LANES = 16
_ACCELERATOR_MEMORY = 2**30
_LARGEST_BLOCK = 256
_SMALLEST_SHARE = 16
_BLOCKS_WANTED = 8
# A block costs a millisecond or two to start and to save: of more than these it is felt.
_MOST_BLOCKS = 512


@dataclass(frozen=True)
class Group:
    """Points of the grid that share a compiled program.

    Attributes
    ----------
    number : int
        Its place among the groups.
    indices : tuple of int
        Its points' places in the grid, row-major.
    points : tuple of mapping
        The points: every hyperparameter's value.
    """

    number: int
    indices: tuple[int, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Block:
    """Some lanes of an experiment. Computing it is a pure function of this description.

    Attributes
    ----------
    experiment : Experiment
    group : Group
    lanes : range
        Its lanes, among those of its group.
    size : int
        Lanes computed together: those beyond `lanes` are padding.
    """

    experiment: Experiment
    group: Group
    lanes: range
    size: int

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the experiment's digest and the lanes, in hexadecimal."""
        told = [
            self.experiment.digest,
            self.group.number,
            self.lanes.start,
            self.lanes.stop,
            self.size,
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        """Return the lanes that are computed: the last one is repeated to fill the block."""
        return np.minimum(np.arange(self.lanes.start, self.lanes.start + self.size), self._last)

    @property
    def _last(self) -> int:
        return self.lanes.stop - 1

    @cached_property
    def replicas(self) -> NDArray[np.int64]:
        """Each lane's replica, (size,)."""
        return self._numbers % self.experiment.replicas

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Each lane's point as its place in the grid, row-major, (size,)."""
        return np.asarray(self.group.indices)[self._numbers // self.experiment.replicas]

    @cached_property
    def values(self) -> Mapping[str, NDArray[np.float32]]:
        """Each lane's hyperparameters, (size,) each."""
        which = self._numbers // self.experiment.replicas
        return {
            key: np.asarray([point[key] for point in self.group.points], np.float32)[which]
            for key in self.group.points[0]
        }

    def first_lanes(self) -> list[tuple[int, slice]]:
        """Return the points whose first replica is here, and where their lanes are.

        Returns
        -------
        list of (int, slice)
            Places in the grid and in the block.
        """
        replicas = self.experiment.replicas
        starts = range(-(-self.lanes.start // replicas) * replicas, self.lanes.stop, replicas)
        return [
            (
                self.group.indices[start // replicas],
                slice(
                    start - self.lanes.start,
                    min(start + replicas, self.lanes.stop) - self.lanes.start,
                ),
            )
            for start in starts
        ]

    def __len__(self) -> int:
        return len(self.lanes)


def groups(algorithm: Algorithm) -> tuple[Group, ...]:
    """Return the points of a grid by what they share a program for, in order of appearance."""
    found: dict[Any, list[tuple[int, Point]]] = {}
    for index, point in enumerate(points(algorithm)):
        found.setdefault(algorithm.structure(point), []).append((index, point))
    pairs = [tuple(zip(*members, strict=True)) for members in found.values()]
    return tuple(Group(number, *pair) for number, pair in enumerate(pairs))


def blocks(experiment: Experiment, size: int) -> tuple[Block, ...]:
    """Cut an experiment into blocks of at most `size` lanes, as even as can be.

    Where something is watched a block stops when all its lanes have passed; so it has lanes of
    one point alone, which are done at about the same time.
    """
    made = []
    for group in experiment.groups:
        whole = len(group.points) * experiment.replicas
        span = experiment.replicas if experiment.watch is not None else whole
        even = -(-span // -(-span // size))
        for first in range(0, whole, span):
            made += [
                Block(experiment, group, range(a, min(a + even, first + span)), even)
                for a in range(first, first + span, even)
            ]
    return tuple(made)


def usual_size(experiment: Experiment, platform: str = "cpu") -> int:
    """Return the lanes computed together unless one is told, from shapes and counts alone.

    Parameters
    ----------
    experiment : Experiment
    platform : str
        As JAX calls it.
    """
    one = _lane_bytes(experiment.problem, experiment.algorithm, experiment.groups[-1].points[-1])
    count = sum(len(group.points) for group in experiment.groups) * experiment.replicas
    if platform != "cpu":
        return int(np.clip(_ACCELERATOR_MEMORY // one, 1, count))
    largest = max(_LARGEST_BLOCK, -(-count // _MOST_BLOCKS))
    fitting = int(np.clip(_whole(_CACHE // one), 1, largest))
    # Enough blocks to share out, but none so small that its overhead shows.
    smallest = min(_SMALLEST_SHARE, _whole(_CACHE // 2 // one))
    share = max(smallest, -(-count // _BLOCKS_WANTED), 1)
    return min(fitting, share, count)


def _whole(lanes: int) -> int:
    """Return about so many lanes, in whole registers where they fill half of them or more."""
    return _LANES * round(lanes / _LANES + 1e-9) if 2 * lanes >= _LANES else lanes


def _lane_bytes(problem: Problem, algorithm: Algorithm, point: Point) -> int:
    """Return the bytes of one lane's parameters and optimizer state."""
    with ensemble_settings():
        key = jax.ShapeDtypeStruct((2,), jnp.uint32)
        params = jax.eval_shape(lambda k: problem.initial(as_jax_key(k)), key)
        values = {name: jax.ShapeDtypeStruct((), jnp.float32) for name in point}
        structure = algorithm.structure(point)
        state = jax.eval_shape(lambda p, v: algorithm.start(p, v, structure), params, values)
    leaves = jax.tree.leaves((params, state))
    return max(1, sum(leaf.size * leaf.dtype.itemsize for leaf in leaves))
