"""Computing a block from its description: alone, anywhere, again with the same numbers.

What is kept on the way (a checkpoint every ten seconds, the result at the end) is stored under the
block's digest, and taken up by whoever computes the same block in the same run's folder.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from soret.dynamics import programs, rounding
from soret.dynamics.block import Block
from soret.dynamics.keys import initial_keys, noise_keys
from soret.dynamics.program import Ensemble, Program
from soret.problems.tracing import ensemble_settings
from soret.runs import RunFolder, machine, pace

Numbers = dict[str, np.ndarray]

_RECORD, _STATE, _ROUNDED = "record-", "state-", "rounded-"


class Stopped(Exception):
    """The block was told to stop, and saved its state if it had a folder."""


@dataclass
class BlockResult:
    """What a block measured.

    Attributes
    ----------
    records : dict
        Observables by name, (records, lanes, ...).
    diverged_at : (lanes,) int array
        The recorded step at which a replica was first not finite; −1 where it never was.
    passed_at : (lanes, thresholds) int array, or None
        The step at which each threshold was first seen reached; −1 where it was not. None where
        nothing is watched.
    final : (lanes, parameters) array, or None
        θ at the end, where replicas are held at their last passage.
    rounded : dict
        The share of parameters whose updates are rounded away, by a point's place in the grid:
        asked of the first replicas of every point.
    where : dict
        What computed it, as `soret.runs.machine.where` says it.
    """

    records: Numbers
    diverged_at: np.ndarray
    passed_at: np.ndarray | None = None
    final: np.ndarray | None = None
    rounded: dict[int, float] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)


def compute(
    block: Block,
    *,
    device: jax.Device | None = None,
    folder: RunFolder | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda steps: None,
) -> BlockResult:
    """Compute a block, or go on with it from where a checkpoint left it.

    Parameters
    ----------
    block : Block
        What is computed; nothing else decides the numbers.
    device : jax.Device, optional
        Default: JAX's own.
    folder : RunFolder, optional
        A run begun there keeps checkpoints and the result.
    stop : callable
        Asked at every pause whether to stop.
    progress : callable
        Told the number of replica-steps done since it was last told.

    Raises
    ------
    Stopped
        If `stop` said so before the end; what was done is saved where there is a folder.
    """
    device = device or jax.local_devices()[0]
    with ensemble_settings():
        program = programs.program(block.experiment, block.group, block.size)
        return _Run(block, program, device, folder).to_the_end(stop, progress)


class _Run:
    """One computation of a block: its state, and what it has recorded so far."""

    def __init__(
        self, block: Block, program: Program, device: jax.Device, folder: RunFolder | None
    ) -> None:
        self.block, self.program, self.device, self.folder = block, program, device, folder
        self.seed, self.steps = block.experiment.seed, block.experiment.steps
        self.keys = noise_keys(self.seed, block.values, block.replicas)
        self.chunks = self.steps // program.chunk
        self.per_record = program.record_every // program.chunk
        self.rounded: dict[int, float] = {}
        self.where = machine.where(device.device_kind)
        self.done = 0

    def to_the_end(self, stop: Callable[[], bool], progress: Callable[[int], None]) -> BlockResult:
        saved = self._saved()
        if saved is None:
            started, first = self._start()
            self.ensemble = started
            self.records: list[Numbers] = [{k: np.asarray(v)[None] for k, v in first.items()}]
        else:
            self._take_up(saved)
            progress(self._replica_steps(self.done))
        began_at = self._began_at(None if saved is not None else self.ensemble)
        finished_before = self.done == self.chunks
        self._advance(stop, progress)
        if began_at is not None:
            self.rounded = rounding.shares(
                self.program,
                began_at,
                self.ensemble,
                self.keys,
                self.block.point,
                self.steps,
                self.device,
                self.block.first_lanes(),
            )
        if self.folder and not finished_before:
            self._save(finished=True)
        return self._result()

    # The steps.

    def _start(self) -> tuple[Ensemble, Any]:
        keys = initial_keys(self.seed, self.block.replicas)
        return self.program.start(keys, self.block.point, self.device)

    def _began_at(self, started: Ensemble | None) -> Any:
        """Return the parameters at the start, where it is asked whether they move at all."""
        if self.done == self.chunks or not self.block.first_lanes():
            return None
        return rounding.kept(self.program, started or self._start()[0])

    def _advance(self, stop: Callable[[], bool], progress: Callable[[int], None]) -> None:
        length, last_saved = 1, time.monotonic()
        while self.done < self.chunks:
            if stop():
                if self.folder:
                    self._save()
                raise Stopped
            began, before = time.monotonic(), self.done
            self._call(min(self.chunks, before + length, self._last_within(before)))
            length = pace.next_length(self.done - before, time.monotonic() - began)
            self._fill_up_if_all_passed()
            progress(self._replica_steps(self.done - before))
            saving = self.folder and time.monotonic() - last_saved > pace.SAVE_SECONDS
            if saving and self.done < self.chunks:
                self._save()
                last_saved = time.monotonic()

    def _call(self, until: int) -> None:
        """Run the chunks up to one, and keep the records made on the way."""
        program, done = self.program, self.done
        self.ensemble, made = program.advance(
            self.ensemble, self.keys, self.block.point, done, until, self.device
        )
        jax.block_until_ready(self.ensemble)
        new = until // self.per_record - done // self.per_record
        if new:
            self.records.append({key: np.asarray(value)[:new] for key, value in made.items()})
        self.done = until

    def _last_within(self, done: int) -> int:
        """Return the last chunk that one call from `done` may reach without too many records."""
        return (done // self.per_record + self.program.capacity + 1) * self.per_record - 1

    def _fill_up_if_all_passed(self) -> None:
        """End here if all lanes had passed the last threshold by a record already made."""
        if not self.ensemble.passages:
            return
        last = np.asarray(self.ensemble.passages.passed_at)[:, -1]
        every = self.program.record_every
        step = self.done * self.program.chunk
        if np.all(last >= 0) and step >= -(-int(last.max()) // every) * every:
            missing = self.chunks // self.per_record - self.done // self.per_record
            self.records.append(
                {
                    key: np.full((missing, self.block.size, *shape.shape), np.nan, shape.dtype)
                    for key, shape in self.program.record_shapes.items()
                }
            )
            self.done = self.chunks

    def _replica_steps(self, chunks: int) -> int:
        return chunks * self.program.chunk * len(self.block)

    # What is kept.

    @property
    def _held(self) -> bool:
        return self.program.watch is not None and self.program.watch.hold

    def _name(self) -> str:
        return f"block-{self.block.digest[:32]}"

    def _about(self) -> dict[str, Any]:
        return {"block": self.block.digest, "chunk": self.program.chunk}

    def _saved(self) -> Numbers | None:
        if self.folder is None:
            return None
        return self.folder.read_checkpoint(self._name(), self._about())

    def _save(self, finished: bool = False) -> None:
        assert self.folder is not None
        ensemble = self.ensemble
        if finished and not self._held:  # thousands of blocks that kept θ would fill a disk
            ensemble = ensemble._replace(params=(), velocity=())
        leaves = jax.tree.leaves(ensemble)
        arrays = {f"{_STATE}{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        arrays |= {f"{_RECORD}{key}": value for key, value in _joined(self.records).items()}
        arrays |= {f"{_ROUNDED}{at}": np.asarray(share) for at, share in self.rounded.items()}
        arrays |= {
            "done": np.asarray(self.done),
            "place": self.block.places[: len(self.block)],
            "replica": self.block.replicas[: len(self.block)],
            "where": np.frombuffer(json.dumps(self.where).encode(), np.uint8),
        }
        self.folder.write_checkpoint(self._name(), arrays, self._about())

    def _take_up(self, saved: Numbers) -> None:
        self.done = int(saved["done"])
        shape = self.program.ensemble_shape
        count = sum(key.startswith(_STATE) for key in saved)
        if count < len(jax.tree.leaves(shape)):
            shape = shape._replace(params=(), velocity=())
        leaves = [saved[f"{_STATE}{i}"] for i in range(count)]
        self.ensemble = jax.tree.unflatten(jax.tree.structure(shape), leaves)
        self.records = [_with_prefix(saved, _RECORD)]
        shares = _with_prefix(saved, _ROUNDED)
        self.rounded = {int(at): float(share) for at, share in shares.items()}
        if self.done == self.chunks:  # the rest of another is computed here, and says so
            self.where = _read(saved["where"])

    def _result(self) -> BlockResult:
        kept = len(self.block)
        passages = self.ensemble.passages
        return BlockResult(
            {key: value[:, :kept] for key, value in _joined(self.records).items()},
            np.asarray(self.ensemble.diverged_at)[:kept],
            np.asarray(passages.passed_at)[:kept] if passages else None,
            _flat(self.ensemble)[:kept] if self._held else None,
            self.rounded,
            self.where,
        )


def _flat(ensemble: Ensemble) -> np.ndarray:
    """Return the parameters of every lane as a vector, leaf after leaf."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(ensemble.params)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _joined(records: list[Numbers]) -> Numbers:
    return {key: np.concatenate([part[key] for part in records]) for key in records[0]}


def _with_prefix(saved: Numbers, prefix: str) -> Numbers:
    return {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}


def _read(where: np.ndarray) -> dict[str, str]:
    """Return what a checkpoint says of where it was computed, which its reader has verified."""
    return {str(key): str(value) for key, value in json.loads(where.tobytes()).items()}
