"""Observables that have no value where the replica itself is still finite."""

import warnings

import numpy as np
import xarray as xr


class UndefinedWarning(UserWarning):
    """An observable is not finite where the parameters are."""


def warn_of_undefined(run: xr.Dataset) -> None:
    """Warn of records that are not finite though the replica never diverged.

    Such as a ratio of zeros, or what float32 cannot hold. Replicas that diverged are warned of as
    such, and what is not measured, since every threshold is passed, is left out.
    """
    alive = (run.diverged_at < 0) & (run.step >= 0)
    if "first_passage" in run:
        last = run.first_passage.isel(threshold=-1)
        # Nothing is recorded once the whole of a block has passed, or the replica was held.
        alive &= last.isnull() | (run.step < last)
    found = {}
    for name, variable in run.data_vars.items():
        if "step" not in variable.dims or variable.dtype.kind != "f":
            continue
        inner = [dim for dim in variable.dims if str(dim).startswith(f"{name}_dim_")]
        wrong = variable.copy(data=~np.isfinite(variable.values))
        wrong = (wrong.any(inner) if inner else wrong) & alive
        if wrong.any():
            found[str(name)] = int(wrong.sum())
    if found:
        most = int(alive.sum())
        listed = ", ".join(f"{name!r} at {count:,}" for name, count in found.items())
        warnings.warn(
            f"not finite at some of the {most:,} records of replicas that did not diverge: "
            f"{listed}; averages that skip NaN are over the others.",
            UndefinedWarning,
            stacklevel=4,
        )
