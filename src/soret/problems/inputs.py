"""The data of the networks: streams by name, data sets scaled and labelled as asked."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from soret.data import Dataset, Gaussian, Stream, Uniform, load
from soret.errors import SettingsError


def vectors(
    data: str | Dataset | Stream,
    inputs: int | None,
    labels: str | None,
    scaling: str,
    label_seed: int,
) -> tuple[Dataset | Stream, int, int]:
    """Return data whose inputs are vectors, their number of features, the number of classes.

    Parameters
    ----------
    data : {"gaussian", "uniform"}, a data set's name, Dataset or Stream
        A data set is flattened.
    inputs : int or None
        Input features; None is 10 for the streams by name, and what the data has otherwise.
    labels : {"random", "real"} or None
        None is random for the streams by name, and the data's own otherwise.
    scaling : {"standardized", "symmetric", "none"}
        Of a data set's inputs.
    label_seed : int
        Seed of a data set's random labels.

    Raises
    ------
    SettingsError
        If sizes or names do not fit.
    """
    check_names(labels, scaling)
    if isinstance(data, str) and data in ("gaussian", "uniform"):
        if labels == "real":
            raise SettingsError(f"{data} inputs have no real labels; use labels='random'.")
        features = 10 if inputs is None else inputs
        return (Gaussian(features) if data == "gaussian" else Uniform(features)), features, 2
    if isinstance(data, str):
        data = load(data)
    if not isinstance(data, Dataset):
        if labels is not None:
            raise SettingsError("labels of a stream are its own; leave labels out.")
        features = _features(data)
        if inputs not in (None, features):
            raise SettingsError(f"inputs is {inputs}, but the stream has {features}.")
        return data, features, getattr(data, "classes", 2)
    _check_classes(data)
    features = data.flat().shape[1]
    if inputs not in (None, features):
        raise SettingsError(f"inputs is {inputs}, but {data.name} has {features}; leave it out.")
    return _prepared(data, data.flat(), labels, scaling, label_seed), features, len(data.classes)


def images(
    data: str | Dataset, labels: str | None, scaling: str, label_seed: int
) -> tuple[Dataset, tuple[int, int, int], int]:
    """Return images with their channels last, their shape, the number of classes.

    Parameters
    ----------
    data : a data set's name or Dataset
        Inputs (examples, rows, columns) or (examples, channels, rows, columns).
    labels, scaling, label_seed
        As in `vectors`.

    Returns
    -------
    data : Dataset
        Inputs (examples, rows, columns, channels).
    shape : (rows, columns, channels)
    classes : int

    Raises
    ------
    SettingsError
        If sizes or names do not fit.
    """
    check_names(labels, scaling)
    if isinstance(data, str):
        data = load(data)
    if not isinstance(data, Dataset):
        raise SettingsError(f"data is a {type(data).__name__}; a conv net needs a data set.")
    _check_classes(data)
    if data.inputs.ndim not in (3, 4):
        raise SettingsError(
            f"{data.name} has examples of shape {data.inputs.shape[1:]}; a conv net needs images, "
            "(rows, columns) or (channels, rows, columns)."
        )
    pixels = data.inputs[..., None] if data.inputs.ndim == 3 else np.moveaxis(data.inputs, 1, -1)
    prepared = _prepared(data, pixels, labels, scaling, label_seed)
    rows, columns, channels = pixels.shape[1:]
    return prepared, (rows, columns, channels), len(data.classes)


def check_names(labels: str | None, scaling: str) -> None:
    """Refuse unknown names of labels and scalings."""
    if labels not in (None, "random", "real"):
        raise SettingsError(f"labels is {labels!r}; use 'random' or 'real'.")
    if scaling not in ("standardized", "symmetric", "none"):
        raise SettingsError(f"scaling is {scaling!r}; use 'standardized', 'symmetric' or 'none'.")


def at_least(key: str, value: object, least: int) -> None:
    """Refuse a setting that is no integer, or too small."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise SettingsError(f"{key} is {value!r}; it must be an integer of at least {least}.")


def _check_classes(data: Dataset) -> None:
    if not data.classes:
        raise SettingsError(
            f"{data.name} has real labels; this net takes classes, and linear_regression numbers."
        )


def _prepared(
    data: Dataset,
    inputs: Float32[np.ndarray, "examples ..."],
    labels: str | None,
    scaling: str,
    seed: int,
) -> Dataset:
    """Return the data set with other inputs, scaled, and with random labels if asked."""
    values, note = data.labels, data.description
    if labels == "random":
        values = np.random.default_rng(seed).integers(0, len(data.classes), len(data), np.int32)
        note += ", random labels"
    inputs = _scaled(np.ascontiguousarray(inputs), scaling, data.name)
    return Dataset(data.name, inputs, values, data.classes, note, data.split)


def _scaled(
    inputs: Float32[np.ndarray, "examples ..."], scaling: str, name: str
) -> Float32[np.ndarray, "examples ..."]:
    if scaling == "none":
        return inputs
    if scaling == "standardized":
        deviation = inputs.std()
        if not deviation > 0:
            raise SettingsError(f"all inputs of {name} are the same; use scaling='none'.")
        return (inputs - inputs.mean()) / deviation
    if inputs.min() < 0 or inputs.max() > 1:
        raise SettingsError(
            f"the inputs of {name} run from {inputs.min():.3g} to {inputs.max():.3g}; "
            "scaling='symmetric' is for inputs between 0 and 1."
        )
    return 2 * inputs - 1


def _features(stream: Stream) -> int:
    shape: Any = jax.eval_shape(
        lambda key, step: stream.draw(key, step, 1)[0],
        jax.ShapeDtypeStruct((2,), jnp.uint32),
        jax.ShapeDtypeStruct((), jnp.uint32),
    ).shape
    if len(shape) != 2:
        raise SettingsError(
            f"the stream's inputs have shape {shape[1:]}; a dense net needs vectors."
        )
    return int(shape[1])
