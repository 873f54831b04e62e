"""The two-layer ReLU network f(x) = V·ReLU(Wx + b) of the thermophoresis paper (Sec. 4.1)."""

from typing import Literal

import jax
from jaxtyping import Array, Float, Float32

from soret.data import Dataset, Stream
from soret.problems.arguments import at_least, flag
from soret.problems.initialization import Initialization, as_initialization, in_words
from soret.problems.inputs import vectors
from soret.problems.losses import Loss
from soret.problems.outputs import choose
from soret.problems.problem import Problem
from soret.problems.scaling import scaling_in_words

TwoLayerParams = dict[str, Float32[Array, "..."]]
"""W (hidden, inputs), b (hidden,) where there is a bias, V (hidden,) or (outputs, hidden)."""


def two_layer(
    inputs: int | None = None,
    hidden: int = 10,
    *,
    bias: bool = True,
    data: Literal["gaussian", "uniform"] | str | Dataset | Stream = "gaussian",
    labels: Literal["random", "real"] | None = None,
    scaling: Literal["standardized", "symmetric", "none"] | Dataset | Problem = "standardized",
    loss: Literal["cross_entropy", "mean_square"] | Loss = "cross_entropy",
    outputs: int | None = None,
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
    scaling : {"standardized", "symmetric", "none"}, Dataset or Problem
        What becomes of a data set's inputs: their mean and deviation over all pixels are made 0
        and 1; [0, 1] is mapped to [−1, 1]; or they are taken as they are. A test set is scaled as
        what was trained on: by the mean and deviation of a data set that is handed over, or as a
        network did with the data that its problem has.
    loss, outputs
        As in `dense`; the paper's is cross-entropy.
    init : str or Initialization
        "pytorch", "glorot", "lecun", "he", "normal" or "normal:<scale>"; the paper does not say
        which.
    label_seed : int
        Seed of a data set's random labels.

    Raises
    ------
    SettingsError
        If the sizes or names do not fit.
    """
    at_least("hidden", hidden, 1)
    flag("bias", bias)
    source, features, targets = vectors(data, inputs, labels, scaling, label_seed)
    found = choose(loss, targets, outputs)
    layer = as_initialization(init)
    # Named only where it is another, so that saved runs with the paper's are still what they were.
    other = {} if loss == "cross_entropy" else {"loss": found.words}

    def initial(key: Array) -> TwoLayerParams:
        first, second, third = jax.random.split(key, 3)
        out = layer.weight(third, found.number, hidden)
        params = {"W": layer.weight(first, hidden, features), "V": out[0] if found.scalar else out}
        return params | ({"b": layer.bias(second, hidden, features)} if bias else {})

    return Problem(
        init=initial,
        predict=predict,
        loss=found.loss,
        data=source,
        preactivations=preactivations,
        name="two_layer",
        settings={
            "inputs": features,
            "hidden": hidden,
            "bias": bias,
            "data": source.description,
            "scaling": scaling_in_words(source),
            "init": init if isinstance(init, str) else in_words(layer),
            **other,
        },
    )


def preactivations(params: TwoLayerParams, x: Float[Array, "inputs"]) -> Float[Array, "hidden"]:
    """Return Wx + b, the inputs of the hidden units."""
    a = params["W"] @ x
    return a + params["b"] if "b" in params else a


def predict(params: TwoLayerParams, x: Float[Array, "inputs"]) -> Float[Array, "..."]:
    """Return V·ReLU(Wx + b)."""
    return params["V"] @ jax.nn.relu(preactivations(params, x))
