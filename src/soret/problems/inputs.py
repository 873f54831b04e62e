"""The data of the networks: streams by name, data sets scaled and labelled as asked."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from soret.data import Dataset, Gaussian, Stream, Uniform, load
from soret.data.arrays import adopted, held
from soret.data.dataset import Layout
from soret.errors import SettingsError
from soret.problems.arguments import at_least, first_line
from soret.problems.outputs import Targets
from soret.problems.scaling import check_scaling, check_unscaled, scaling_for
from soret.problems.tracing import ensemble_settings

if TYPE_CHECKING:
    from soret.problems.problem import Problem

# Images have one channel, or two to four; rows and columns have more.
_FEW_CHANNELS = 4


def vectors(
    data: str | Dataset | Stream,
    inputs: int | None,
    labels: str | None,
    scaling: "str | Dataset | Problem",
    label_seed: int,
) -> tuple[Dataset | Stream, int, Targets]:
    """Return data whose inputs are vectors, their number of features, and what labels they have.

    Parameters
    ----------
    data : {"gaussian", "uniform"}, a data set's name, Dataset or Stream
        A data set is flattened.
    inputs : int or None
        Input features; None is 10 for the streams by name, and what the data has otherwise.
    labels : {"random", "real"} or None
        None is random for the streams by name, and the data's own otherwise.
    scaling : {"standardized", "symmetric", "none"}, Dataset or Problem
        Of a data set's inputs; a data set or a problem has them scaled as its own.
    label_seed : int
        Seed of a data set's random labels.

    Raises
    ------
    SettingsError
        If sizes or names do not fit.
    """
    check_names(labels, scaling, label_seed)
    if isinstance(data, str) and data in ("gaussian", "uniform"):
        check_unscaled(scaling)
        if labels == "real":
            raise SettingsError(f"{data} inputs have no real labels; use labels='random'.")
        features = 10 if inputs is None else inputs
        source = Gaussian(features) if data == "gaussian" else Uniform(features)
        return source, features, Targets(data, source.classes)
    if inputs is not None:
        at_least("inputs", inputs, 1)
    data = loaded(data)
    if not isinstance(data, Dataset):
        check_unscaled(scaling)
        if labels is not None:
            raise SettingsError("labels of a stream are its own; leave labels out.")
        features, targets = _of_stream(data)
        if inputs not in (None, features):
            raise SettingsError(f"inputs is {inputs}, but the stream has {features}.")
        return data, features, targets
    _check_random(data, labels)
    features = data.flat().shape[1]
    if inputs not in (None, features):
        raise SettingsError(f"inputs is {inputs}, but {data.name} has {features}; leave it out.")

    def flatten(x: Any) -> Any:
        return x.reshape(-1)

    prepared = _prepared(data, data.flat(), flatten, labels, scaling, label_seed)
    return prepared, features, _targets(data)


def images(
    data: str | Dataset,
    labels: str | None,
    scaling: "str | Dataset | Problem",
    label_seed: int,
) -> tuple[Dataset, tuple[int, int, int], Targets]:
    """Return images with their channels last, their shape, and what labels they have.

    Parameters
    ----------
    data : a data set's name or Dataset
        Inputs (examples, rows, columns) or (examples, channels, rows, columns); channels last
        where the data set's layout says so.
    labels, scaling, label_seed
        As in `vectors`.

    Returns
    -------
    data : Dataset
        Inputs (examples, rows, columns, channels).
    shape : (rows, columns, channels)
    targets : Targets

    Raises
    ------
    SettingsError
        If sizes or names do not fit, or the shape does not tell where the channels are.
    """
    check_names(labels, scaling, label_seed)
    given = loaded(data)
    if not isinstance(given, Dataset):
        raise SettingsError(f"data is a {type(given).__name__}; a conv net needs a data set.")
    data = given
    _check_random(data, labels)
    if data.inputs.ndim not in (3, 4):
        raise SettingsError(
            f"{data.name} has examples of shape {data.inputs.shape[1:]}; a conv net needs images, "
            "(rows, columns) or (channels, rows, columns)."
        )
    grey = data.inputs.ndim == 3
    last = not grey and channels_last(data)

    def arrange(x: Any) -> Any:
        if grey:
            return x[..., None]
        return x if last else x.transpose(1, 2, 0)

    pixels = data.inputs
    if grey:
        pixels = pixels[..., None]
    elif not last:
        pixels = np.moveaxis(pixels, 1, -1)
    prepared = _prepared(data, pixels, arrange, labels, scaling, label_seed, "channels_last")
    rows, columns, channels = pixels.shape[1:]
    return prepared, (rows, columns, channels), _targets(data)


def channels_last(data: Dataset) -> bool:
    """Say where the channels of images (N, ., ., .) are: as the data set says, or first.

    Raises
    ------
    SettingsError
        If the data set says nothing, and the shape looks like channels last or may be either.
    """
    if data.layout is not None:
        return data.layout == "channels_last"
    shape = data.inputs.shape[1:]
    first, between, last = shape
    few_first, few_last = first <= _FEW_CHANNELS, last <= _FEW_CHANNELS
    if (few_first and not few_last) or (between == last != first):
        return False
    if few_last or first == between:
        looks = "have their channels last" if not few_first and last != first else "may be either"
        raise SettingsError(
            f"{data.name} has examples of shape {shape}, read as (channels, rows, columns), and "
            f"they {looks}; say Dataset(..., layout='channels_last') or 'channels_first', or move "
            "them to the front: np.moveaxis(inputs, -1, 1)."
        )
    return False


def check_names(labels: str | None, scaling: object, label_seed: int = 0) -> None:
    """Refuse unknown names of labels and scalings, and what is no seed."""
    if not (labels is None or (isinstance(labels, str) and labels in ("random", "real"))):
        raise SettingsError(f"labels is {labels!r}; use 'random' or 'real'.")
    check_scaling(scaling)
    at_least("label_seed", label_seed, 0)


def loaded(data: object) -> Dataset | Stream:
    """Return a data set by its name, and what is one already as it is."""
    if isinstance(data, str):
        return load(data)
    if not isinstance(data, Dataset | Stream):
        raise SettingsError(
            f"data is a {type(data).__name__}; use a data set's name, a soret.Dataset or a Stream."
        )
    return data


def _check_random(data: Dataset, labels: str | None) -> None:
    if labels == "random" and not data.classes:
        raise SettingsError(
            f"{data.name} has real labels, and random ones are drawn from classes; leave labels "
            "out."
        )


def _targets(data: Dataset) -> Targets:
    return Targets(data.name, len(data.classes) or None, data.labels.shape[1:])


def _prepared(
    data: Dataset,
    inputs: Float32[np.ndarray, "examples ..."],
    arrange: Callable[[Any], Any],
    labels: str | None,
    scaling: "str | Dataset | Problem",
    seed: int,
    layout: Layout | None = None,
) -> Dataset:
    """Return the data set with other inputs, scaled, and with random labels if asked.

    `arrange` makes of one example what `inputs` has in its place, for those that are augmented.
    """
    values, note = data.labels, data.description
    if labels == "random":
        values = np.random.default_rng(seed).integers(0, len(data.classes), len(data), np.int32)
        note += ", random labels"
    scale = scaling_for(data, inputs, scaling)
    made = (
        adopted(np.ascontiguousarray(scale(inputs))) if scale.changes else held(inputs, np.float32)
    )
    # Of inputs that a net had scaled before, what becomes of them is what both do.
    whole = scale if data.scaling is None else dataclasses.replace(scale, before=data.scaling)
    augmentation = data.augmentation
    if augmentation is not None:

        def prepare(x: Any) -> Any:
            return scale(arrange(x))

        augmentation = augmentation.followed_by(prepare, data.inputs, made)
    return dataclasses.replace(
        data,
        inputs=made,
        labels=values,
        description=note,
        layout=layout,
        augmentation=augmentation,
        scaling=whole,
    )


def _of_stream(stream: Stream) -> tuple[int, Targets]:
    """Return the number of features of a stream's inputs, and what labels it draws."""
    try:
        with ensemble_settings():
            x, y = jax.eval_shape(
                lambda key, step: stream.draw(key, step, 1),
                jax.ShapeDtypeStruct((2,), jnp.uint32),
                jax.ShapeDtypeStruct((), jnp.uint32),
            )
            shape, label, kind = x.shape, y.shape[1:], np.dtype(y.dtype).kind
    except Exception as error:
        raise SettingsError(f"the stream fails: {first_line(error)}") from error
    if len(shape) != 2:
        raise SettingsError(
            f"the stream's inputs have shape {shape[1:]}; a dense net needs vectors."
        )
    # A stream does not say how many classes it has; that labels fit is checked with the problem.
    classes = getattr(stream, "classes", 2) if kind in "bui" else None
    return int(shape[1]), Targets("the stream", classes, tuple(label))
