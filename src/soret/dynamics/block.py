"""Running one block from its description, with checkpoints, until it is done or told to stop."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from soret.dynamics import rounding
from soret.dynamics.keys import initial_keys, noise_keys
from soret.dynamics.plan import Block
from soret.dynamics.program import Ensemble, Program
from soret.problems.tracing import ensemble_settings
from soret.runs import RunFolder, pace

_ROUNDED = "rounded"


class Stopped(Exception):
    """The block was told to stop, and saved its state if it had a folder."""


@dataclass
class BlockResult:
    """What a block measured.

    Attributes
    ----------
    records : dict
        Observables by name, (records, replicas, ...).
    diverged_at : (replicas,) int array
        The recorded step at which a replica was first not finite; −1 where it never was.
    passed_at : (replicas, thresholds) int array, or None
        The step at which each threshold was first seen reached; −1 where it was not. None where
        nothing is watched.
    final : (replicas, parameters) array, or None
        θ at the end, where replicas are held at their last passage.
    rounded : float
        The share of parameters whose updates are rounded away; asked of the first block of every
        point of the grid.
    """

    records: dict[str, np.ndarray]
    diverged_at: np.ndarray
    passed_at: np.ndarray | None = None
    final: np.ndarray | None = None
    rounded: float = 0.0


def run_block(
    block: Block,
    program: Program,
    *,
    steps: int,
    seed: int,
    device: jax.Device,
    folder: RunFolder | None,
    stop: threading.Event,
    progress: Callable[[int], None],
) -> BlockResult:
    """Run a block to the end, or from where a checkpoint left it.

    Parameters
    ----------
    block, program
        What is run.
    steps : int
        Steps from the start to the end; a multiple of the program's `record_every`.
    seed : int
    device : jax.Device
    folder : RunFolder, optional
        Where checkpoints are kept.
    stop : threading.Event
        Set from outside to stop the block at the next pause.
    progress : callable
        Told the number of replica-steps done since it was last told.

    Raises
    ------
    Stopped
        If `stop` was set before the end.
    """
    with ensemble_settings():
        count = program.ensemble_shape.diverged_at.shape[0]
        replicas = range(block.replicas.start, block.replicas.start + count)
        keys = noise_keys(seed, block.point, replicas)
        chunks, name = steps // program.chunk, f"block-{block.number:05d}"

        about = {
            "point": dict(block.point),
            "replicas": [block.replicas.start, block.replicas.stop],
            "chunk": program.chunk,
        }
        saved = folder.read_checkpoint(name, about) if folder else None
        if saved is None:
            started = initial_keys(seed, replicas)
            ensemble, first = program.start(started, block.point, device)
            began_at = rounding.kept(program, ensemble)
            records, done = [{key: np.asarray(value)[None] for key, value in first.items()}], 0
        else:
            ensemble, records, done = _unpack(saved, program)
            began_at = None
            if done < chunks and rounding.kept(program, ensemble) is not None:
                again, _ = program.start(initial_keys(seed, replicas), block.point, device)
                began_at = again.params
            progress(done * program.chunk * len(block.replicas))
        length, last_saved = 1, time.monotonic()
        if block.replicas.start:  # asked of the first block of every point alone
            began_at = None
        while done < chunks:
            if stop.is_set():
                if folder:
                    folder.write_checkpoint(name, _pack(ensemble, records, done), about)
                raise Stopped
            began = time.monotonic()
            until = min(chunks, done + length, _last_within(program, done))
            ensemble, made = program.advance(ensemble, keys, block.point, done, until, device)
            jax.block_until_ready(ensemble)
            per_record = program.record_every // program.chunk
            new = until // per_record - done // per_record
            if new:
                records.append({key: np.asarray(value)[:new] for key, value in made.items()})
            length = pace.next_length(until - done, time.monotonic() - began)
            if _all_passed(ensemble, until * program.chunk, program.record_every):
                missing = chunks // per_record - until // per_record
                records.append(_never_made(program, count, missing))
                until = chunks
            progress((until - done) * program.chunk * len(block.replicas))
            done = until
            if folder and time.monotonic() - last_saved > pace.SAVE_SECONDS and done < chunks:
                folder.write_checkpoint(name, _pack(ensemble, records, done), about)
                last_saved = time.monotonic()

        rounded = 0.0 if saved is None else float(saved.get(_ROUNDED, 0.0))
        if began_at is not None:
            rounded = rounding.share(program, began_at, ensemble, keys, block.point, steps, device)
        held = program.watch is not None and program.watch.hold
        if folder and not (saved is not None and _is_done(saved, chunks)):
            finished = ensemble if held else _without_position(ensemble)
            asked = {_ROUNDED: np.asarray(rounded)}
            folder.write_checkpoint(name, _pack(finished, records, done) | asked, about)
        kept = len(block.replicas)
        whole = _join(records)
        passages = ensemble.passages
        return BlockResult(
            {key: value[:, :kept] for key, value in whole.items()},
            np.asarray(ensemble.diverged_at)[:kept],
            np.asarray(passages.passed_at)[:kept] if passages else None,
            _flat(ensemble)[:kept] if held else None,
            rounded,
        )


def _without_position(ensemble: Ensemble) -> Ensemble:
    """Return what is asked of a finished block: thousands that kept θ would fill a disk."""
    return ensemble._replace(params=(), velocity=())


def _flat(ensemble: Ensemble) -> np.ndarray:
    """Return the parameters of every replica as a vector, leaf after leaf."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(ensemble.params)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _all_passed(ensemble: Ensemble, step: int, record_every: int) -> bool:
    """Return whether all replicas had passed the last threshold by a record already made."""
    if not ensemble.passages:
        return False
    last = np.asarray(ensemble.passages.passed_at)[:, -1]
    return bool(np.all(last >= 0)) and step >= -(-int(last.max()) // record_every) * record_every


def _never_made(program: Program, replicas: int, count: int) -> dict[str, np.ndarray]:
    """Return the records of a block that stopped before they were made."""
    return {
        key: np.full((count, replicas, *shape.shape), np.nan, shape.dtype)
        for key, shape in program.record_shapes.items()
    }


def _last_within(program: Program, done: int) -> int:
    """Return the last chunk that one call from `done` may reach without too many records."""
    per_record = program.record_every // program.chunk
    return (done // per_record + program.capacity + 1) * per_record - 1


def _join(records: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {key: np.concatenate([part[key] for part in records]) for key in records[0]}


def _pack(
    ensemble: Ensemble, records: list[dict[str, np.ndarray]], done: int
) -> dict[str, np.ndarray]:
    leaves: dict[str, np.ndarray] = {
        f"state-{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(ensemble))
    }
    whole = {f"record-{key}": value for key, value in _join(records).items()}
    return leaves | whole | {"done": np.asarray(done)}


def _unpack(saved: dict[str, np.ndarray], program: Program) -> tuple[Ensemble, list[Any], int]:
    count = sum(key.startswith("state-") for key in saved)
    shape = program.ensemble_shape
    if count < len(jax.tree.leaves(shape)):
        shape = _without_position(shape)
    structure = jax.tree.structure(shape)
    leaves = [saved[f"state-{i}"] for i in range(count)]
    prefix = "record-"
    records = {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}
    return jax.tree.unflatten(structure, leaves), [records], int(saved["done"])


def _is_done(saved: dict[str, np.ndarray], chunks: int) -> bool:
    return int(saved["done"]) == chunks
