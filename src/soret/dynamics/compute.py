"""Computing a block from its description: alone, anywhere, again with the same numbers.

What is kept on the way (a checkpoint every ten seconds, the result at the end) is stored under the
block's digest, and taken up by whoever computes the same block in the same run's folder.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np

from soret.dynamics import programs, rounding
from soret.dynamics.block import Block
from soret.dynamics.keys import initial_keys, noise_keys
from soret.dynamics.program import Ensemble, Program
from soret.problems.tracing import ensemble_settings
from soret.runs import RunFolder, machine
from soret.runs.loop import advance
from soret.system import stop_if_asked

Numbers = dict[str, np.ndarray]

_RECORD, _STATE, _ROUNDED = "record-", "state-", "rounded-"


class _State(NamedTuple):
    """Where a block stands, and what it has recorded so far, part by part."""

    ensemble: Ensemble
    records: tuple[Numbers, ...]


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
    pause: Callable[[], None] = stop_if_asked,
    progress: Callable[[int], None] | None = None,
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
    pause : callable
        Called between calls of the program; raises to stop there (`soret.runs.loop.advance`).
    progress : callable, optional
        Told the number of replica-steps done since it was last told.

    Raises
    ------
    Stopped, KeyboardInterrupt
        If `pause` raised it; what was done is saved where there is a folder.
    """
    device = device or jax.local_devices()[0]
    with ensemble_settings():
        program = programs.program(block.experiment, block.group, block.size)
        return _Run(block, program, device, folder).to_the_end(pause, progress)


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

    def to_the_end(
        self, pause: Callable[[], None], progress: Callable[[int], None] | None
    ) -> BlockResult:
        saved = self._saved()
        started = None
        if saved is None:
            started, first = self._start()
            done, state = 0, _State(started, ({k: np.asarray(v)[None] for k, v in first.items()},))
        else:
            done, state = self._taken_up(saved)
        began_at = None if done == self.chunks else self._began_at(started)
        del started

        state = advance(
            self.chunks,
            state,
            self._step,
            done=done,
            save=self._save if self.folder else None,
            pause=pause,
            furthest=self._last_within,
            progress=progress and (lambda chunks: progress(self._replica_steps(chunks))),
        )
        if began_at is not None:
            self.rounded = rounding.shares(
                self.program,
                began_at,
                state.ensemble,
                self.keys,
                self.block.values,
                self.steps,
                self.device,
                self.block.first_lanes(),
            )
        if self.folder and done < self.chunks:
            self._save(self.chunks, state)
        return self._result(state)

    # The steps.

    def _start(self) -> tuple[Ensemble, Any]:
        keys = initial_keys(self.seed, self.block.replicas)
        return self.program.start(keys, self.block.values, self.device)

    def _began_at(self, started: Ensemble | None) -> Any:
        """Return the parameters at the start, where it is asked whether they move at all."""
        if not self.block.first_lanes():
            return None
        return rounding.kept(self.program, started or self._start()[0])

    def _step(self, done: int, until: int, state: _State) -> tuple[int, _State]:
        """Run chunks, and keep the records made on the way; to the end if all have passed."""
        ensemble, made = self.program.advance(
            state.ensemble, self.keys, self.block.values, done, until, self.device
        )
        jax.block_until_ready(ensemble)
        records = state.records
        new = until // self.per_record - done // self.per_record
        if new:
            records += ({key: np.asarray(value)[:new] for key, value in made.items()},)
        if _all_passed(ensemble, until * self.program.chunk, self.program.record_every):
            records += (self._never_made(until),)
            until = self.chunks
        return until, _State(ensemble, records)

    def _never_made(self, until: int) -> Numbers:
        """Return the records of a block that stopped before they were made."""
        missing = self.chunks // self.per_record - until // self.per_record
        return {
            key: np.full((missing, self.block.size, *shape.shape), np.nan, shape.dtype)
            for key, shape in self.program.record_shapes.items()
        }

    def _last_within(self, done: int) -> int:
        """Return the last chunk that one call from `done` may reach without too many records."""
        return (done // self.per_record + self.program.capacity + 1) * self.per_record - 1

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

    def _save(self, done: int, state: _State) -> None:
        assert self.folder is not None
        ensemble = state.ensemble
        if (
            done == self.chunks and not self._held
        ):  # thousands of blocks that kept θ would fill a disk
            ensemble = ensemble._replace(params=(), velocity=())
        leaves = jax.tree.leaves(ensemble)
        arrays = {f"{_STATE}{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        arrays |= {f"{_RECORD}{key}": value for key, value in _joined(state.records).items()}
        arrays |= {f"{_ROUNDED}{at}": np.asarray(share) for at, share in self.rounded.items()}
        arrays |= {
            "done": np.asarray(done),
            "place": self.block.places[: len(self.block)],
            "replica": self.block.replicas[: len(self.block)],
            "where": np.frombuffer(json.dumps(self.where).encode(), np.uint8),
        }
        self.folder.write_checkpoint(self._name(), arrays, self._about())

    def _taken_up(self, saved: Numbers) -> tuple[int, _State]:
        done = int(saved["done"])
        shape = self.program.ensemble_shape
        count = sum(key.startswith(_STATE) for key in saved)
        if count < len(jax.tree.leaves(shape)):
            shape = shape._replace(params=(), velocity=())
        leaves = [saved[f"{_STATE}{i}"] for i in range(count)]
        if done == self.chunks:  # the rest of another is computed here, and says so
            self.where = _read(saved["where"])
            shares = _with_prefix(saved, _ROUNDED)
            self.rounded = {int(at): float(share) for at, share in shares.items()}
        ensemble = jax.tree.unflatten(jax.tree.structure(shape), leaves)
        return done, _State(ensemble, (_with_prefix(saved, _RECORD),))

    def _result(self, state: _State) -> BlockResult:
        kept = len(self.block)
        passages = state.ensemble.passages
        return BlockResult(
            {key: value[:, :kept] for key, value in _joined(state.records).items()},
            np.asarray(state.ensemble.diverged_at)[:kept],
            np.asarray(passages.passed_at)[:kept] if passages else None,
            _flat(state.ensemble)[:kept] if self._held else None,
            self.rounded,
            self.where,
        )


def _all_passed(ensemble: Ensemble, step: int, record_every: int) -> bool:
    """Return whether all lanes had passed the last threshold by a record already made."""
    if not ensemble.passages:
        return False
    last = np.asarray(ensemble.passages.passed_at)[:, -1]
    return bool(np.all(last >= 0)) and step >= -(-int(last.max()) // record_every) * record_every


def _flat(ensemble: Ensemble) -> np.ndarray:
    """Return the parameters of every lane as a vector, leaf after leaf."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(ensemble.params)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _joined(records: Sequence[Numbers]) -> Numbers:
    return {key: np.concatenate([part[key] for part in records]) for key in records[0]}


def _with_prefix(saved: Numbers, prefix: str) -> Numbers:
    return {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}


def _read(where: np.ndarray) -> dict[str, str]:
    """Return what a checkpoint says of where it was computed, which its reader has verified."""
    return {str(key): str(value) for key, value in json.loads(where.tobytes()).items()}
