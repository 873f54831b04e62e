"""How the inputs of a data set are scaled: by a name, or as those of another data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from soret.data import Dataset, Stream
from soret.data.scaling import Scaling
from soret.errors import SettingsError
from soret.problems.model_checks import warn

if TYPE_CHECKING:
    from soret.problems.problem import Problem

_NAMES = ("standardized", "symmetric", "none")
# Parts of a data set that nets trained on another are evaluated on.
EVALUATED = ("test", "validation")


def check_scaling(scaling: object) -> None:
    """Refuse what is neither the name of a scaling nor has one."""
    if isinstance(scaling, str) and scaling in _NAMES:
        return
    if not isinstance(getattr(scaling, "data", scaling), Dataset):
        given = repr(scaling) if isinstance(scaling, str) else f"a {type(scaling).__name__}"
        raise SettingsError(
            f"scaling is {given}; use 'standardized', 'symmetric' or 'none', or the data set that "
            "was trained on, or a problem with it."
        )


def check_unscaled(scaling: object) -> None:
    """Refuse to scale a stream as a data set."""
    if not isinstance(scaling, str):
        raise SettingsError("the inputs of a stream are not scaled; leave scaling out.")


def scaling_for(
    data: Dataset, inputs: Float32[np.ndarray, "examples ..."], scaling: str | Dataset | Problem
) -> Scaling:
    """Return what becomes of a data set's inputs, as they are arranged for a net.

    Warns
    -----
    ModelWarning
        If a test or validation set is standardized by itself.
    """
    if not isinstance(scaling, str):
        return _taken_over(data, scaling)
    if scaling == "standardized":
        found = _standardized(inputs, data.name)
        if data.split in EVALUATED and data.scaling is None:
            warn(
                f"the {data.split} part of {data.name} is standardized by its own mean and "
                "deviation; nets that were trained on other examples saw theirs. Say "
                "scaling=training, the data set or the problem that was trained on, or "
                "scaling='none'."
            )
        return found
    if scaling == "symmetric" and (inputs.min() < 0 or inputs.max() > 1):
        raise SettingsError(
            f"the inputs of {data.name} run from {inputs.min():.3g} to {inputs.max():.3g}; "
            "scaling='symmetric' is for inputs between 0 and 1."
        )
    return Scaling(scaling)


def scaling_in_words(source: Dataset | Stream) -> str:
    """Return what the settings of a net say of the scaling of its data."""
    if not isinstance(source, Dataset) or source.scaling is None:
        return "none"
    return str(source.scaling)


def _taken_over(data: Dataset, given: Any) -> Scaling:
    """Return the scaling of a training set, or of the data of a problem."""
    training: Dataset = getattr(given, "data", given)
    if data.scaling is not None and data.scaling.changes:
        raise SettingsError(
            f"{data.name} has been scaled by a net already; hand over the data set as it was read."
        )
    found = training.scaling
    if found is None:
        if given is not training:
            raise SettingsError(
                f"what scaled the data of problem {given.name!r} is not known; hand over the data "
                "set that was trained on, or use scaling='none'."
            )
        found = _standardized(training.inputs, training.name)
    words = f"{found.name}, as {training.description}"
    return Scaling(found.name, found.mean, found.deviation, words, found.before)


def _standardized(inputs: Float32[np.ndarray, "examples ..."], name: str) -> Scaling:
    # In memory's order, which the sum of float32 numbers depends on.
    inputs = np.ascontiguousarray(inputs)
    mean, deviation = inputs.mean(), inputs.std()
    if not deviation > 0:
        raise SettingsError(f"all inputs of {name} are the same; use scaling='none'.")
    return Scaling("standardized", mean, deviation)
