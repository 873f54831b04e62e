"""What a saved ensemble says of itself: everything that decides its numbers, as plain data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import jax
import numpy as np
import xarray as xr

from soret.data import Dataset, Stream
from soret.dynamics.block import blocks, usual_size
from soret.dynamics.passage import FirstPassage
from soret.dynamics.programs import program
from soret.observables.state import Observable, name
from soret.problems import Problem
from soret.problems.losses import LOSSES
from soret.problems.tracing import ensemble_settings
from soret.runs.files import finite
from soret.runs.functions import described, qualified

if TYPE_CHECKING:
    from soret.dynamics.experiment import Experiment

_PARTS = ("init", "predict", "preactivations", "full_loss", "predict_batch", "trainable")
_digests: WeakKeyDictionary[Dataset, str] = WeakKeyDictionary()


def describe(experiment: Experiment) -> dict[str, Any]:
    """Return everything that decides the numbers, as plain data."""
    return _told(experiment) | {"jax": jax.__version__, "programs": _programs(experiment)}


def _told(experiment: Experiment) -> dict[str, Any]:
    """Return what is known without tracing anything."""
    watch, problem, algorithm = experiment.watch, experiment.problem, experiment.algorithm
    watched = {} if watch is None else {"watch": name(watch.level), "every": watch.every}
    watched |= {"hold": True} if watch is not None and watch.hold else {}
    functions = _functions(problem, experiment.observables, watch)
    return watched | {
        "problem": _problem(problem),
        "data": _data(problem.data),
        "algorithm": algorithm.description,
        "observe": [name(function) for function in experiment.observables],
        **({"functions": functions} if functions else {}),
        "steps": experiment.steps,
        "replicas": experiment.replicas,
        "record_every": experiment.every,
        "seed": experiment.seed,
    }


@ensemble_settings()
def _programs(experiment: Experiment) -> list[str]:
    """Return digests of what is traced for blocks of the usual size, however it will be cut."""
    size = usual_size(experiment)
    kinds = {block.group.number: block for block in blocks(experiment, size)}
    device = jax.local_devices(backend="cpu")[0]
    return [program(experiment, one.group, one.size).fingerprint(device) for one in kinds.values()]


def attributes_of(experiment: Experiment, run: xr.Dataset) -> dict[str, Any]:
    """Return what the Dataset itself should say: numbers and strings, which any format keeps."""
    about = _told(experiment)
    groups = ("problem", "data", "algorithm", "functions")
    flat = {
        f"{group}_{key}".replace(" ", "_"): _attribute(value)
        for group in groups
        for key, value in about.get(group, {}).items()
    }
    rest = {key: about[key] for key in ("steps", "replicas", "record_every", "seed")}
    diverged = int((run.diverged_at >= 0).sum())
    return flat | {key: _attribute(value) for key, value in rest.items()} | {"diverged": diverged}


def _problem(problem: Problem) -> dict[str, Any]:
    """Return name and settings, with the loss that is used: one may have been put in its place."""
    settings = {"name": problem.name, **problem.settings}
    loss: Any = problem.loss
    for known, function in LOSSES.items():
        if loss is function:
            return settings | {"loss": known}
    if _ours(loss):
        return settings  # the surface itself
    return settings | {"loss": described(loss)}


def _data(data: Dataset | Stream) -> dict[str, Any]:
    if not isinstance(data, Dataset):
        return {"name": getattr(data, "description", type(data).__name__)}
    return {
        "name": data.name,
        "split": data.split,
        "examples": len(data),
        "classes": len(data.classes),
        "sha256": _digest(data),
    }


def _digest(data: Dataset) -> str:
    """Return the SHA-256 of the arrays, once for a data set: it may have 180 MB."""
    if data not in _digests:
        total = hashlib.sha256()
        for array in (data.inputs, data.labels):
            total.update(f"{array.dtype} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
        _digests[data] = total.hexdigest()
    return _digests[data]


def _functions(
    problem: Problem, observables: Sequence[Observable], watch: FirstPassage | None
) -> dict[str, Any]:
    """Return the user's own functions by what they are for; Soret's versions say its own."""
    given: dict[str, Callable[..., Any] | None] = {
        part: getattr(problem, part, None) for part in _PARTS
    }
    if dataclasses.is_dataclass(problem.data):
        for field in dataclasses.fields(problem.data):
            value = getattr(problem.data, field.name)
            given |= {f"data {field.name}": value} if callable(value) else {}
    augmentation = getattr(problem.data, "augmentation", None)
    if augmentation is not None:
        given["data augmentation"] = augmentation.function
    given |= {f"observable {name(function)}": function for function in observables}
    given |= {} if watch is None else {"watched level": watch.level}
    return {key: described(f) for key, f in given.items() if f is not None and not _ours(f)}


def _ours(function: Any) -> bool:
    return qualified(function).startswith("soret.")


def _attribute(value: Any) -> int | float | str:
    """Return one number or string; netCDF knows no truth values, no mappings and no None."""
    if isinstance(value, Mapping):
        if set(value) <= {"name", "sha256"} and "name" in value:
            digest = value.get("sha256")
            return value["name"] + (f" (source sha256 {digest[:12]})" if digest else "")
        return json.dumps(finite(value), ensure_ascii=False)
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int):
        return value if abs(value) < 2**31 else str(value)  # netCDF 3 has no more bits
    if isinstance(value, float | str):
        return value
    return str(value)
