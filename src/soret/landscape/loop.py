"""One compiled step, repeated for minutes or hours: stopped by Ctrl-C, resumed from a folder."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, PyTree

from soret.landscape.batches import Cut
from soret.problems.tracing import ensemble_settings
from soret.runs import RunFolder
from soret.runs.loop import advance
from soret.runs.progress import ProgressBar

Variables = Mapping[str, tuple[Sequence[str], np.ndarray]]

# The checkpoint's name in the folder.
_CHECKPOINT = "loop"


@dataclass(frozen=True)
class Loop:
    """A measurement made of many equal parts, each of which changes a state.

    Attributes
    ----------
    title : str
        What is measured, in a word or two.
    step : callable
        ``step(number, state, *arguments) -> state``, to be traced; `number` is the part's, int32.
    start : pytree of arrays
        The state before the first part.
    arguments : sequence of arrays
        What every part looks at; not compiled into the program.
    count : int
        Number of parts.
    result : callable
        From the last state, as NumPy arrays, to the variables measured: name → (dimensions,
        values).
    """

    title: str
    step: Callable[..., PyTree[Array]]
    start: PyTree[np.ndarray]
    arguments: Sequence[np.ndarray]
    count: int
    result: Callable[[Any], Variables]

    def run(self, out: str | os.PathLike[str] | None, progress: bool | None) -> xr.Dataset:
        """Run all parts, or those that are left, and return what was measured.

        Parameters
        ----------
        out : path, optional
            A folder for the state, saved every ten seconds and at Ctrl-C, and for the result.
        progress : bool, optional
            Whether to show a bar; default: where standard error is a terminal.

        Raises
        ------
        RunError
            If `out` holds something else, or is damaged.
        KeyboardInterrupt
            On Ctrl-C, after saving what can be resumed.
        """
        folder = RunFolder(out) if out is not None else None
        with folder or nullcontext():
            return self._in(folder, progress)

    def _in(self, folder: RunFolder | None, progress: bool | None) -> xr.Dataset:
        with ensemble_settings():
            arguments = [jnp.asarray(argument) for argument in self.arguments]
            state = jax.tree.map(jnp.asarray, self.start)
            lowered = jax.jit(self._some).lower(jnp.int32(0), jnp.int32(1), state, *arguments)
            if folder is not None and folder.begin(self._description(lowered)):
                loaded = folder.load()
                assert isinstance(loaded, xr.Dataset)
                return loaded
            program = lowered.compile()
            with ProgressBar(self.count, self.title, progress, unit=None) as bar:
                state = self._all(program, state, arguments, folder, bar)
        made = xr.Dataset(dict(self.result(jax.tree.map(np.asarray, state))))
        if folder is not None:
            folder.finish(made)
        return made

    def _some(self, begin: Array, until: Array, state: PyTree[Array], *arguments: Array) -> Any:
        return jax.lax.fori_loop(
            begin, until, lambda number, state: self.step(number, state, *arguments), state
        )

    def _all(
        self,
        program: Callable[..., Any],
        state: PyTree[Array],
        arguments: Sequence[Array],
        folder: RunFolder | None,
        bar: ProgressBar,
    ) -> PyTree[Array]:
        def step(done: int, until: int, state: PyTree[Array]) -> tuple[int, PyTree[Array]]:
            new = program(jnp.int32(done), jnp.int32(until), state, *arguments)
            return until, jax.block_until_ready(new)

        def save(done: int, state: PyTree[Array]) -> None:
            if folder:
                folder.write_checkpoint(_CHECKPOINT, _pack(done, state))

        saved = folder.read_checkpoint(_CHECKPOINT) if folder else None
        done, state = (0, state) if saved is None else _unpack(saved, state)
        try:
            return advance(self.count, state, step, done=done, save=save, progress=bar)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(bar.how_to_resume(folder.path if folder else None)) from None

    def _description(self, lowered: Any) -> dict[str, Any]:
        digest = hashlib.sha256(lowered.as_text().encode())
        for array in (*jax.tree.leaves(self.start), *self.arguments):
            digest.update(np.ascontiguousarray(array).tobytes())
        return {"measurement": self.title, "parts": self.count, "program": digest.hexdigest()}


def sum_by_batches(
    batches: Cut, added: Callable[..., Any], finish: Callable[..., Any]
) -> Callable[..., Any]:
    """Return the step of a `Loop` that makes sums over examples, one after the other.

    Every batch is a part, so that a sum over many examples can be stopped in the middle. The
    loop's state is (total, state), its first two arguments inputs and labels.

    Parameters
    ----------
    batches : Cut
    added : callable
        ``added(which, state, (inputs, labels, weights), *arguments) -> tree``: what a batch adds
        to the sum number `which`, at whatever θ that is.
    finish : callable
        ``finish(which, total, last, state, *arguments) -> state``, after every batch: with the
        whole sum where `last` is true, else with what of it is made, to be written over.
    """

    def step(number: Array, carried: Any, inputs: Array, labels: Array, *arguments: Array) -> Any:
        which, part = number // batches.count, number % batches.count
        total, state = carried
        new = added(which, state, batches.at(part, inputs, labels), *arguments)
        total = jax.tree.map(lambda a, b: jnp.where(part == 0, 0.0, a) + b, total, new)
        return total, finish(which, total, part == batches.count - 1, state, *arguments)

    return step


def _pack(done: int, state: PyTree[Array]) -> dict[str, np.ndarray]:
    leaves = {f"state-{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    return leaves | {"done": np.asarray(done)}


def _unpack(saved: Mapping[str, np.ndarray], like: PyTree[Array]) -> tuple[int, PyTree[Array]]:
    leaves = [jnp.asarray(saved[f"state-{i}"]) for i in range(len(jax.tree.leaves(like)))]
    return int(saved["done"]), jax.tree.unflatten(jax.tree.structure(like), leaves)
