"""Results of an ensemble: blocks put together into labelled arrays that say what they are."""

import warnings
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from soret.dynamics.algorithm import axes
from soret.dynamics.block import Block
from soret.dynamics.compute import BlockResult
from soret.dynamics.experiment import Experiment
from soret.dynamics.passage import censored
from soret.dynamics.programs import program
from soret.observables.state import attributes, name

_AXIS_ATTRIBUTES = {
    "learning_rate": {"long_name": "learning rate η", "units": "dimensionless"},
    "batch_size": {"long_name": "batch size B", "units": "examples"},
    "momentum": {"long_name": "momentum β", "units": "dimensionless"},
    "weight_decay": {"long_name": "weight decay λ", "units": "dimensionless"},
}


class DivergenceWarning(UserWarning):
    """Some replicas left the finite numbers."""


def assemble(
    experiment: Experiment, blocks: Sequence[Block], results: Sequence[BlockResult]
) -> xr.Dataset:
    """Put what the blocks measured into labelled arrays."""
    algorithm, watch, steps = experiment.algorithm, experiment.watch, experiment.steps
    grid = axes(algorithm)
    shape = tuple(len(values) for values in grid.values())
    dims = (*grid, "replica")
    recorded = np.arange(0, steps + 1, experiment.every)
    count = prod(shape)

    def whole(parts: Sequence[Any]) -> np.ndarray:
        """Put the blocks' arrays, lane first, at their places."""
        made = np.empty((count, experiment.replicas, *parts[0].shape[1:]), parts[0].dtype)
        for block, part in zip(blocks, parts, strict=True):
            kept = len(block)
            made[block.places[:kept], block.replicas[:kept]] = part
        return made.reshape(*shape, *made.shape[1:])

    drawn = program(experiment, blocks[0].group, blocks[0].size).drawn
    variables: dict[str, Any] = {}
    for function in experiment.observables:
        key = name(function)
        values = whole([np.swapaxes(result.records[key], 0, 1) for result in results])
        extra = tuple(f"{key}_dim_{i}" for i in range(values.ndim - len(dims) - 1))
        variables[key] = ((*dims, "step", *extra), values, attributes(function) | drawn[key])
    variables["diverged_at"] = (
        dims,
        whole([result.diverged_at for result in results]),
        {"long_name": "step at which the replica was first not finite", "units": "steps"},
    )
    coordinates: dict[str, Any] = {
        key: (key, np.asarray(values), _AXIS_ATTRIBUTES.get(key, {"units": "dimensionless"}))
        for key, values in grid.items()
    }
    coordinates["replica"] = ("replica", np.arange(experiment.replicas), {"long_name": "replica"})
    coordinates["step"] = ("step", recorded, {"long_name": "step", "units": "updates"})
    if watch is not None:
        times = censored(whole([result.passed_at for result in results]))
        of = attributes(watch.level)
        variables["first_passage"] = (
            (*dims, "threshold"),
            times,
            {"long_name": f"first passage of {of['long_name']}", "units": "updates"},
        )
        variables["watched_until"] = (
            dims,
            np.where(np.isnan(times[..., -1]), steps, times[..., -1]),
            {"long_name": "last step watched", "units": "updates"},
        )
        if watch.hold:
            variables["final_parameters"] = (
                (*dims, "parameter"),
                whole([result.final for result in results]),
                {"long_name": "parameters at the end", "units": "dimensionless"},
            )
        coordinates["threshold"] = (
            "threshold",
            np.asarray(watch.thresholds),
            {"long_name": f"threshold of {of['long_name']}", "units": of["units"]},
        )
    return xr.Dataset(variables, coordinates)


def warn_of_divergence(run: xr.Dataset) -> None:
    diverged = run.diverged_at.values[run.diverged_at.values >= 0]
    if diverged.size:
        warnings.warn(
            f"{diverged.size} of {run.diverged_at.size} replicas diverged, the first by step "
            f"{diverged.min()}; they are NaN from then on, so that means leave them out.",
            DivergenceWarning,
            stacklevel=4,
        )
