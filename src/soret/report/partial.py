"""What an ensemble that is still running has measured so far, from the blocks it has saved.

A block's checkpoint holds its records up to there (`soret.dynamics.block`); which replicas at
which point of the grid those are follows from its number, the grid and the block size, and these
stand in the run's description.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from soret.errors import RunError
from soret.runs import RunFolder, files

_PREFIX = "record-"
# A number of each is 800 MB.
_MOST_RECORDS = 100_000_000

Records = dict[str, np.ndarray]


class Finished(RunError):
    """The ensemble was finished while it was read: its blocks are gone, its data are there."""


@dataclass(frozen=True)
class Partial:
    """An unfinished ensemble.

    Attributes
    ----------
    data : xarray.Dataset
        As `soret.simulate` will return it; NaN where nothing is known yet.
    share : float
        How much of all records is there, 0 to 1.
    newest : float
        When a block was last saved, in seconds since 1970; 0 where none was.
    """

    data: xr.Dataset
    share: float
    newest: float


@dataclass
class Reader:
    """Reads the blocks of an unfinished ensemble, each file once for every time it was written."""

    folder: RunFolder
    _known: dict[Path, tuple[int, Records]] = field(default_factory=dict)

    def read(self) -> Partial:
        """Return what is there now.

        Raises
        ------
        Finished
            If the run is complete by now.
        RunError
            If the run cannot be read.
        """
        plan = _Plan.of(self.folder.record())
        try:
            seen = self._blocks(plan)
        except RunError:
            self._refuse_finished()
            raise
        self._refuse_finished()
        return seen

    def _refuse_finished(self) -> None:
        # A run is marked complete before its blocks are removed: this tells blocks that are gone,
        # perhaps in the middle of being read, from blocks not begun and from damaged ones.
        if self.folder.record().get("state") == "complete":
            raise Finished(f"the run in {self.folder.path} has just been finished.")

    def _blocks(self, plan: "_Plan") -> Partial:
        data: dict[str, np.ndarray] = {}
        seen, newest = 0, 0.0
        for number in range(plan.blocks):
            path = self.folder.path / "checkpoints" / f"block-{number:05d}.npz"
            records = self._records(path)
            if records is None:
                continue
            newest = max(newest, self._known[path][0] / 1e9)
            index, replicas = plan.place(number)
            for name, values in records.items():
                if values.ndim < 2:
                    raise RunError(f"{path} holds no block of this run.")
                whole = data.setdefault(name, plan.empty(values))
                kept = np.swapaxes(values[: plan.records, : len(replicas)], 0, 1)
                place = whole[index, replicas.start : replicas.stop, : kept.shape[1]]
                if place.shape != kept.shape:
                    raise RunError(f"{path} holds no block of this run.")
                place[:] = kept
            here = max((len(values) for values in records.values()), default=0)
            seen += min(plan.records, here) * len(replicas)
        return Partial(plan.dataset(data), seen / plan.total, newest)

    def _records(self, path: Path) -> Records | None:
        try:
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            return None  # this block has not begun
        if path not in self._known or self._known[path][0] != written:
            arrays = files.read_arrays(path)
            records = {
                name.removeprefix(_PREFIX): values
                for name, values in arrays.items()
                if name.startswith(_PREFIX)
            }
            self._known[path] = (written, records)
        return self._known[path][1]


def measured_share(folder: RunFolder) -> float:
    """Return how much of a measurement is done, 0 to 1; 0 where its parts are not counted.

    Raises
    ------
    RunError
        If the run cannot be read.
    """
    parts = folder.record().get("description", {}).get("parts")
    if not isinstance(parts, int) or parts < 1:
        return 0.0
    saved = [files.read_arrays(path) for path in folder.path.glob("checkpoints/*.npz")]
    return min(1.0, sum(int(arrays["done"]) for arrays in saved if "done" in arrays) / parts)


@dataclass(frozen=True)
class _Plan:
    """How the ensemble was cut into blocks."""

    axes: Mapping[str, list[float]]
    replicas: int
    block_size: int
    steps: int
    record_every: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "_Plan":
        about = record.get("description", {})
        try:
            rule = about["algorithm"].items()
            # A list of an optimizer's parts is no axis of the grid.
            axes = {k: v for k, v in rule if isinstance(v, list) and not _nested(v)}
            sizes = ("replicas", "block_size", "steps", "record_every")
            plan = cls(axes, *(int(about[name]) for name in sizes))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"run.json does not describe an ensemble ({error!r}).") from error
        if min(plan.replicas, plan.block_size, plan.record_every, plan.steps + 1) < 1:
            raise RunError("run.json does not describe an ensemble (its sizes are not positive).")
        if plan.total > _MOST_RECORDS:
            raise RunError(
                f"an ensemble of {plan.total:,} records is not shown while it runs, only when it "
                "is done."
            )
        return plan

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.axes.values())

    @property
    def records(self) -> int:
        return self.steps // self.record_every + 1

    @property
    def blocks(self) -> int:
        return math.prod(self.shape) * -(-self.replicas // self.block_size)

    @property
    def total(self) -> int:
        return math.prod(self.shape) * self.replicas * self.records

    def place(self, number: int) -> tuple[int, range]:
        """Return a block's point of the grid, row-major, and its replicas."""
        index, part = divmod(number, -(-self.replicas // self.block_size))
        start = part * self.block_size
        return index, range(start, min(start + self.block_size, self.replicas))

    def empty(self, values: np.ndarray) -> np.ndarray:
        points = int(np.prod(self.shape))
        return np.full((points, self.replicas, self.records, *values.shape[2:]), np.nan)

    def dataset(self, data: Mapping[str, np.ndarray]) -> xr.Dataset:
        variables = {}
        for name, values in data.items():
            extra = [f"{name}_dim_{i}" for i in range(values.ndim - 3)]
            whole = values.reshape(*self.shape, *values.shape[1:])
            variables[name] = ((*self.axes, "replica", "step", *extra), whole)
        steps = np.arange(0, self.steps + 1, self.record_every)
        about = {"long_name": "step", "units": "updates"}
        return xr.Dataset(variables, {**self.axes, "step": ("step", steps, about)})


def _nested(values: list[Any]) -> bool:
    return any(isinstance(value, dict | list | str) for value in values)
