"""Fully connected networks of any depth and width."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32

from soret.data import Dataset, Stream
from soret.problems.affine import affine
from soret.problems.arguments import flag, function, whole_numbers
from soret.problems.initialization import Initialization, as_initialization, in_words
from soret.problems.inputs import vectors
from soret.problems.losses import Loss
from soret.problems.normalization import Normalization, check_normalization
from soret.problems.outputs import choose
from soret.problems.problem import Problem
from soret.problems.scaling import scaling_in_words

DenseParams = list[dict[str, Float32[Array, "..."]]]
"""A layer after the other: W (outputs, inputs), and b (outputs,) where there is a bias."""


def dense(
    inputs: int | None = None,
    hidden: Sequence[int] | int = (100, 100, 100, 100, 100),
    *,
    bias: bool = True,
    activation: Callable[[Array], Array] = jax.nn.relu,
    data: Literal["gaussian", "uniform"] | str | Dataset | Stream = "gaussian",
    labels: Literal["random", "real"] | None = None,
    scaling: Literal["standardized", "symmetric", "none"] | Dataset | Problem = "standardized",
    loss: Literal["cross_entropy", "mean_square"] | Loss = "cross_entropy",
    outputs: int | None = None,
    init: str | Initialization = "pytorch",
    label_seed: int = 0,
    batch_normalization: bool | Dataset | Problem = False,
) -> Problem:
    """Build a fully connected network with its data: as many layers as `hidden` has, and one.

    Two classes give a scalar output, more give one output a class; of real labels there is one
    output for each number.

    Parameters
    ----------
    inputs : int, optional
        Input features; default 10 for the streams, and what the data set has otherwise.
    hidden : sequence of int
        Units of each hidden layer; none is a linear model, a number is one layer. The default is
        the thermophoresis paper's (Sec. 6): six layers.
    bias : bool
        Whether the layers have biases.
    activation : callable
        Of the hidden layers, elementwise.
    data, labels, scaling, init, label_seed
        As in `two_layer`.
    loss : {"cross_entropy", "mean_square"} or callable
        The mean square is ½(f − s)² with s = ±1 for two classes, ½‖f − e_y‖² for more, ½‖f − y‖²
        for real labels. Or a function of one example's output and label, such as
        `soret.problems.label_smoothing` returns.
    outputs : int, optional
        How many, where the data do not tell: for a stream of your own with more than two classes,
        or a loss of your own.
    batch_normalization : bool, Dataset or Problem
        Whether the pre-activations of hidden layers are normalized over the mini-batch (Ioffe and
        Szegedy 2015, arXiv:1502.03167), with a scale g and b as shift. An example by itself, and
        so everything that is measured, is normalized over 512 examples of the training data, drawn
        at random once and for all, at the same parameters: running averages without a memory.
        Of a net that is evaluated on other data it is the problem that was trained, or the data
        set: the references stay those of the training data.

    Raises
    ------
    SettingsError
        If the sizes or names do not fit.

    Examples
    --------
    >>> net = soret.problems.dense(data=train, batch_normalization=True)
    >>> test = soret.problems.dense(data=test, scaling=net, batch_normalization=net)
    """
    hidden = whole_numbers("hidden", hidden)
    flag("bias", bias)
    check_normalization(batch_normalization)
    function("activation", activation, "an array")
    source, features, targets = vectors(data, inputs, labels, scaling, label_seed)
    found = choose(loss, targets, outputs)
    outputs = found.number
    layer = as_initialization(init)
    sizes = (features, *hidden, outputs)
    over = batch_normalization if isinstance(batch_normalization, Dataset | Problem) else None
    normal = None
    if over is not None or batch_normalization:
        normal = Normalization(source, over, bias, activation)

    def initial(key: Array) -> DenseParams:
        keys = jax.random.split(key, (len(sizes) - 1, 2))
        params = []
        for (first, second), n, m in zip(keys, sizes, sizes[1:], strict=False):
            bound = {"b": layer.bias(second, m, n)} if bias else {}
            params.append({"W": layer.weight(first, m, n)} | bound)
        return params if normal is None else normal.initial(params)

    def predict(params: DenseParams, x: Float[Array, "inputs"]) -> Float[Array, "..."]:
        if normal is not None:
            x, _ = normal.one(params, x)
        else:
            for values in params[:-1]:
                x = activation(affine(values, x))
        out = affine(params[-1], x)
        return out[0] if found.scalar else out

    def predict_batch(
        params: DenseParams, inputs: Float[Array, "n inputs"]
    ) -> Float[Array, "n ..."]:
        assert normal is not None
        out = jax.vmap(affine, in_axes=(None, 0))(params[-1], normal.batch(params, inputs)[0])
        return out[:, 0] if found.scalar else out

    def preactivations(params: DenseParams, x: Float[Array, "inputs"]) -> Float[Array, "units"]:
        if normal is not None:
            return jnp.concatenate(normal.one(params, x)[1])
        found = []
        for values in params[:-1]:
            found.append(affine(values, x))
            x = activation(found[-1])
        return jnp.concatenate(found)

    return Problem(
        init=initial,
        predict=predict,
        loss=found.loss,
        data=source,
        preactivations=preactivations if hidden else None,
        predict_batch=predict_batch if normal is not None else None,
        name="dense",
        settings=_settings(features, hidden, bias, activation, source, found.words, init)
        # Named only where there is one, so that saved runs without are still what they were.
        | ({"batch_normalization": normal.words} if normal is not None else {}),
    )


def _settings(
    features: int,
    hidden: tuple[int, ...],
    bias: bool,
    activation: Any,
    source: Dataset | Stream,
    loss: str,
    init: str | Initialization,
) -> dict[str, Any]:
    return {
        "inputs": features,
        "hidden": hidden,
        "bias": bias,
        "activation": getattr(activation, "__name__", type(activation).__name__),
        "data": source.description,
        "scaling": scaling_in_words(source),
        "loss": loss,
        "init": init if isinstance(init, str) else in_words(init),
    }
