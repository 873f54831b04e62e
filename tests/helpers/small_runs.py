"""Runs of claims for the tests: with the smallest settings, and of which all replicas diverged."""

import typing

import numpy as np
import xarray as xr

from soret.claims import settings_of
from soret.claims.ranges import In


def smallest_integers(claim) -> dict[str, int]:
    """Return the smallest value that each whole number among a claim's settings may have."""
    found = {}
    for setting in settings_of(claim):
        whole = setting.type is int and isinstance(setting.range, In)
        if whole and setting.range.at_least is not None:
            found[setting.name] = int(np.ceil(setting.range.at_least))
        elif whole and setting.range.above is not None:
            found[setting.name] = int(np.floor(setting.range.above)) + 1
    return found


def smallest_lists(claim) -> dict[str, tuple[int, ...]]:
    """Return lists of whole numbers as short and as small as a claim allows."""
    found = {}
    for setting in settings_of(claim):
        if typing.get_origin(setting.type) is tuple and typing.get_args(setting.type)[0] is int:
            each, fewest = getattr(setting.range, "each", None), setting.range.fewest
            start = int(each.at_least) if isinstance(each, In) and each.at_least is not None else 1
            values = tuple(range(start, start + fewest))
            falls = setting.range.order == "falling"
            found[setting.name] = values[::-1] if falls else values
    return found


def diverged(run: xr.Dataset) -> xr.Dataset:
    """Return a run as it is where all replicas are NaN after the first record."""
    made = run.copy(deep=True)
    for name, variable in run.data_vars.items():
        if variable.dtype.kind != "f" or "replica" not in variable.dims:
            continue
        if "step" in variable.dims:
            made[name] = variable.where(variable.step == variable.step[0])
        else:
            made[name] = xr.full_like(variable, np.nan)
    if "diverged_at" in run:
        made["diverged_at"] = xr.ones_like(run.diverged_at)
    return made
