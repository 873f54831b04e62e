"""What an ensemble that is still running has measured so far, from the blocks it has saved.

A block's checkpoint holds its records up to there, and of which replicas at which points of the
grid they are (`soret.dynamics.compute`); the grid stands in the run's description. Both may come
from anyone, and are looked at before they are believed.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from soret.errors import RunError
from soret.runs import RunFolder, checkpoints, files
from soret.runs.untrusted import MOST_FILES

_PREFIX = "record-"
# A number of each is 800 MB.
_MOST_RECORDS = 100_000_000
_MOST_NUMBERS = 2 * _MOST_RECORDS
_MOST_BYTES = 4 * 2**30  # of a block
_REAL, _NOT_DRAWN = "fiub", "cV"  # kinds of NumPy's: complex numbers, and those it has no name for
_OWN = ("replica", "step")

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
    _known: dict[Path, tuple[int, "_Block"]] = field(default_factory=dict)

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
        seen = np.zeros((plan.points, plan.replicas), np.int64)
        numbers, newest = 0, 0.0
        for path in self._paths():
            block = self._block(path)
            if block is None:
                continue
            newest = max(newest, self._known[path][0] / 1e9)
            where = plan.lanes(block.place, block.replica)
            if where is None:
                raise _other(path)
            for name, values in block.records.items():
                if values.ndim < 2 or name in (*plan.axes, *_OWN):
                    raise _other(path)
                if values.dtype.kind in _NOT_DRAWN:
                    continue
                if name not in data:
                    numbers += plan.total * math.prod(values.shape[2:])
                    if numbers > _MOST_NUMBERS:
                        raise _too_much(numbers)
                    data[name] = plan.empty(values)
                kept = np.swapaxes(values[: plan.records, : len(where[0])], 0, 1)
                if kept.shape[2:] != data[name].shape[3:] or len(kept) != len(where[0]):
                    raise _other(path)
                data[name][(*where, slice(kept.shape[1]))] = kept
            here = max((len(values) for values in block.records.values()), default=0)
            seen[where] = np.maximum(seen[where], min(plan.records, here))
        return Partial(plan.dataset(data), seen.sum() / plan.total, newest)

    def _paths(self) -> list[Path]:
        place = self.folder.path / checkpoints.FOLDER
        try:
            names = sorted(os.listdir(place))
        except FileNotFoundError:
            return []  # nothing was saved yet
        except OSError as error:
            raise RunError(f"{place} cannot be read ({error.strerror}).") from error
        blocks = [name for name in names if name.startswith("block-") and name.endswith(".npz")]
        if len(blocks) > MOST_FILES:
            raise _too_much(len(blocks))
        return [place / name for name in blocks]

    def _block(self, path: Path) -> "_Block | None":
        try:
            written = os.lstat(path).st_mtime_ns
        except FileNotFoundError:
            return None  # it was removed since
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror}).") from error
        if path not in self._known or self._known[path][0] != written:
            self._known[path] = (written, _block(path, _arrays(self.folder, path)))
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
    place = folder.path / checkpoints.FOLDER
    try:
        names = sorted(os.listdir(place))
    except FileNotFoundError:
        return 0.0
    except OSError as error:
        raise RunError(f"{place} cannot be read ({error.strerror}).") from error
    done = 0
    for path in (place / name for name in names if name.endswith(".npz")):
        count = _arrays(folder, path).get("done", np.asarray(0))
        if count.shape != () or count.dtype.kind not in "iu" or count < 0:
            raise _other(path)
        done += int(count)
    return min(1.0, done / parts)


def _arrays(folder: RunFolder, path: Path) -> Records:
    try:
        return files.read_arrays(path, folder.path, _MOST_BYTES)
    except MemoryError as error:  # the shape of an array may be made up
        raise _other(path) from error


@dataclass(frozen=True)
class _Block:
    """What a block has recorded: (records, lanes, ...) by name, and which lanes those are."""

    records: Records
    place: np.ndarray
    replica: np.ndarray


def _block(path: Path, arrays: Records) -> _Block:
    """Return what a block has recorded, all of which are numbers."""
    records = {
        name.removeprefix(_PREFIX): values
        for name, values in arrays.items()
        if name.startswith(_PREFIX)
    }
    if any(values.dtype.kind not in _REAL + _NOT_DRAWN for values in records.values()):
        raise _other(path)
    lanes = [arrays.get(name, np.zeros(0)) for name in ("place", "replica")]
    if any(lane.ndim != 1 or lane.dtype.kind not in "iu" for lane in lanes):
        raise _other(path)
    return _Block(records, *lanes)


def _other(path: Path) -> RunError:
    return RunError(f"{path} holds no block of this run.")


def _too_much(numbers: int) -> RunError:
    return RunError(
        f"an ensemble of {numbers:,} records is not shown while it runs, only when it is done."
    )


@dataclass(frozen=True)
class _Plan:
    """The grid of an ensemble, and what is recorded at each of its points."""

    axes: Mapping[str, list[float]]
    replicas: int
    steps: int
    record_every: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "_Plan":
        about = record.get("description", {})
        try:
            rule = about["algorithm"].items()
            # A list of an optimizer's parts is no axis of the grid.
            axes = {k: v for k, v in rule if isinstance(v, list) and not _nested(v)}
            sizes = ("replicas", "steps", "record_every")
            given = [about[name] for name in sizes]
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"run.json does not describe an ensemble ({error!r}).") from error
        if not all(type(size) is int for size in given):
            raise RunError("run.json does not describe an ensemble (its sizes are no numbers).")
        plan = cls(axes, *given)
        if min(plan.replicas, plan.record_every, plan.steps + 1, *plan.shape) < 1:
            raise RunError("run.json does not describe an ensemble (its sizes are not positive).")
        for name in _OWN:
            if name in axes:
                raise RunError(f"run.json does not describe an ensemble (an axis named {name}).")
        if plan.total > _MOST_RECORDS:
            raise _too_much(plan.total)
        return plan

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.axes.values())

    @property
    def records(self) -> int:
        return self.steps // self.record_every + 1

    @property
    def points(self) -> int:
        return math.prod(self.shape)

    @property
    def total(self) -> int:
        return math.prod(self.shape) * self.replicas * self.records

    def lanes(self, place: np.ndarray, replica: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the lanes of a block as indices, or None if they are none of this ensemble."""
        if not len(place) or len(place) != len(replica):
            return None
        whole = self.points, self.replicas
        if any(
            lane.min() < 0 or lane.max() >= n
            for lane, n in zip((place, replica), whole, strict=True)
        ):
            return None
        return place.astype(np.int64), replica.astype(np.int64)

    def empty(self, values: np.ndarray) -> np.ndarray:
        return np.full((self.points, self.replicas, self.records, *values.shape[2:]), np.nan)

    def dataset(self, data: Mapping[str, np.ndarray]) -> xr.Dataset:
        variables = {}
        for name, values in data.items():
            extra = [f"{name}_dim_{i}" for i in range(values.ndim - 3)]
            whole = values.reshape(*self.shape, *values.shape[1:])
            variables[name] = ((*self.axes, "replica", "step", *extra), whole)
        steps = np.arange(0, self.steps + 1, self.record_every)
        about = {"long_name": "step", "units": "updates"}
        try:
            return xr.Dataset(variables, {**self.axes, "step": ("step", steps, about)})
        except (ValueError, TypeError) as error:  # one is named like another's component
            raise RunError(f"the blocks do not belong to one ensemble ({error}).") from error


def _nested(values: list[Any]) -> bool:
    return any(isinstance(value, dict | list | str) for value in values)
