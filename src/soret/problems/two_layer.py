"""The two-layer ReLU network f(x) = V·ReLU(Wx + b) of the thermophoresis paper (Sec. 4.1)."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from soret.data import Dataset, Gaussian, Stream, Uniform, load
from soret.errors import SettingsError
from soret.problems.initialization import Initialization, as_initialization
from soret.problems.problem import Problem

TwoLayerParams = dict[str, Float32[Array, "..."]]
"""W (hidden, inputs), b (hidden,) where there is a bias, V (hidden,) or (outputs, hidden)."""


def two_layer(
    inputs: int | None = None,
    hidden: int = 10,
    *,
    bias: bool = True,
    data: Literal["gaussian", "uniform"] | str | Dataset | Stream = "gaussian",
    labels: Literal["random", "real"] | None = None,
    scaling: Literal["standardized", "symmetric", "none"] = "standardized",
    init: str | Initialization = "pytorch",
    label_seed: int = 0,
) -> Problem:
    """Build the two-layer ReLU network with its data: f(x) = V·ReLU(Wx + b).

    Two classes give a scalar output and binary cross-entropy; more give one output a class and
    cross-entropy. There is no bias on the output (thermophoresis, Eq. 13 and 63, 64).

    Parameters
    ----------
    inputs : int, optional
        Input features; default 10 for the streams, and what the data set has otherwise.
    hidden : int
        Hidden units.
    bias : bool
        Whether the hidden layer has a bias b.
    data : {"gaussian", "uniform"}, a data set's name, Dataset or Stream
        Fresh inputs x ~ N(0, I) or U(0, 1), or a finite data set, flattened.
    labels : {"random", "real"}, optional
        Random labels (the streams' default) or the data set's own (its default). Random labels
        of a data set are drawn once, with `label_seed`, from as many classes as it has.
    scaling : {"standardized", "symmetric", "none"}
        What becomes of a data set's inputs: their mean and deviation over all pixels are made 0
        and 1; [0, 1] is mapped to [−1, 1]; or they are taken as they are.
    init : str or Initialization
        "pytorch", "glorot", "he", "normal" or "normal:<scale>"; the paper does not say which.
    label_seed : int
        Seed of a data set's random labels.

    Raises
    ------
    SettingsError
        If the sizes or names do not fit.
    """
    if hidden < 1:
        raise SettingsError(f"hidden is {hidden}; it must be at least 1.")
    source, classes = _resolve(data, inputs, labels, scaling, label_seed)
    features = source.inputs.shape[1] if isinstance(source, Dataset) else _features(source)
    layer = as_initialization(init)
    scalar = classes == 2

    def initial(key: Array) -> TwoLayerParams:
        first, second, third = jax.random.split(key, 3)
        out = layer.weight(third, 1 if scalar else classes, hidden)
        params = {"W": layer.weight(first, hidden, features), "V": out[0] if scalar else out}
        return params | ({"b": layer.bias(second, hidden, features)} if bias else {})

    return Problem(
        init=initial,
        predict=predict,
        loss="binary_cross_entropy" if scalar else "cross_entropy",
        data=source,
        preactivations=preactivations,
        name="two_layer",
        settings={
            "inputs": features,
            "hidden": hidden,
            "bias": bias,
            "data": source.description,
            "scaling": scaling if isinstance(source, Dataset) else "none",
            "init": init if isinstance(init, str) else _in_words(layer),
        },
    )


def preactivations(params: TwoLayerParams, x: Float[Array, "inputs"]) -> Float[Array, "hidden"]:
    """Return Wx + b, the inputs of the hidden units."""
    a = params["W"] @ x
    return a + params["b"] if "b" in params else a


def predict(params: TwoLayerParams, x: Float[Array, "inputs"]) -> Float[Array, "..."]:
    """Return V·ReLU(Wx + b)."""
    return params["V"] @ jax.nn.relu(preactivations(params, x))


def _resolve(
    data: str | Dataset | Stream, inputs: int | None, labels: str | None, scaling: str, seed: int
) -> tuple[Dataset | Stream, int]:
    """Return the data, flat and scaled where finite, and its number of classes."""
    if labels not in (None, "random", "real"):
        raise SettingsError(f"labels is {labels!r}; use 'random' or 'real'.")
    if isinstance(data, str) and data in ("gaussian", "uniform"):
        if labels == "real":
            raise SettingsError(f"{data} inputs have no real labels; use labels='random'.")
        features = 10 if inputs is None else inputs
        return (Gaussian(features) if data == "gaussian" else Uniform(features)), 2
    if isinstance(data, str):
        data = load(data)
    if not isinstance(data, Dataset):
        if labels is not None:
            raise SettingsError("labels of a stream are its own; leave labels out.")
        if inputs not in (None, _features(data)):
            raise SettingsError(f"inputs is {inputs}, but the stream has {_features(data)}.")
        return data, getattr(data, "classes", 2)
    if inputs is not None and inputs != data.flat().shape[1]:
        raise SettingsError(
            f"inputs is {inputs}, but {data.name} has {data.flat().shape[1]}; leave it out."
        )
    values = data.labels
    note = data.description
    if labels == "random":
        values = np.random.default_rng(seed).integers(0, len(data.classes), len(data), np.int32)
        note += ", random labels"
    return (
        Dataset(data.name, _scaled(data, scaling), values, data.classes, note, data.split),
        len(data.classes),
    )


def _scaled(data: Dataset, scaling: str) -> Float32[np.ndarray, "examples inputs"]:
    flat = data.flat()
    if scaling == "none":
        return flat
    if scaling == "standardized":
        deviation = flat.std()
        if not deviation > 0:
            raise SettingsError(f"all inputs of {data.name} are the same; use scaling='none'.")
        return (flat - flat.mean()) / deviation
    if scaling != "symmetric":
        raise SettingsError(f"scaling is {scaling!r}; use 'standardized', 'symmetric' or 'none'.")
    if flat.min() < 0 or flat.max() > 1:
        raise SettingsError(
            f"the inputs of {data.name} run from {flat.min():.3g} to {flat.max():.3g}; "
            "scaling='symmetric' is for inputs between 0 and 1."
        )
    return 2 * flat - 1


def _in_words(layer: Initialization) -> str:
    """Describe an initialization the same way in every process."""
    kind = type(layer)
    return kind.__qualname__ if kind.__repr__ is object.__repr__ else repr(layer)


def _features(stream: Stream) -> int:
    shape: Any = jax.eval_shape(
        lambda key, step: stream.draw(key, step, 1)[0],
        jax.ShapeDtypeStruct((2,), jnp.uint32),
        jax.ShapeDtypeStruct((), jnp.uint32),
    ).shape
    if len(shape) != 2:
        raise SettingsError(f"the stream's inputs have shape {shape[1:]}; two_layer needs vectors.")
    return int(shape[1])
