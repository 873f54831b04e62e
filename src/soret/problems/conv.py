"""Convolutional networks: layers of one width, and a dense output."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32

from soret.data import Dataset
from soret.errors import SettingsError
from soret.problems.affine import affine
from soret.problems.arguments import at_least, flag, function
from soret.problems.convolution import (
    can_fold,
    convolve,
    convolve_folded,
    fold,
    max_pool,
    unfold,
)
from soret.problems.initialization import Initialization, as_initialization, in_words
from soret.problems.inputs import images
from soret.problems.losses import Loss
from soret.problems.outputs import choose
from soret.problems.problem import Problem
from soret.problems.scaling import scaling_in_words

ConvParams = list[dict[str, Float32[Array, "..."]]]
"""A layer after the other: K (outputs, channels, size, size) or, of the last, W (outputs, inputs);
and b (outputs,) where there is a bias."""

# Beyond this many channels matrix products are wide enough as they are.
_WIDE = 32


@dataclass(frozen=True)
class _Layer:
    """One convolution, with all that its shapes decide.

    Attributes
    ----------
    channels, rows, columns : int
        What comes in.
    by : int
        By how much it is folded while convolved.
    out_rows, out_columns : int
        What comes out, before pooling.
    """

    channels: int
    rows: int
    columns: int
    by: int
    out_rows: int
    out_columns: int


def conv(
    layers: int = 5,
    channels: int = 10,
    *,
    kernel: int = 5,
    stride: int = 1,
    padding: int = 0,
    pooling: int = 1,
    bias: bool = True,
    activation: Callable[[Array], Array] = jax.nn.relu,
    data: str | Dataset = "fashion-mnist",
    labels: Literal["random", "real"] | None = None,
    scaling: Literal["standardized", "symmetric", "none"] | Dataset | Problem = "standardized",
    loss: Literal["cross_entropy", "mean_square"] | Loss = "cross_entropy",
    outputs: int | None = None,
    init: str | Initialization = "pytorch",
    label_seed: int = 0,
) -> Problem:
    """Build a convolutional network with its images: equal layers, then one dense output.

    Two classes give a scalar output, more give one output a class.

    Parameters
    ----------
    layers : int
        Convolutions; the default, with the output, is the six layers of the thermophoresis
        paper (Sec. 6).
    channels : int
        Of every convolution's output.
    kernel, stride, padding : int
        As in `torch.nn.Conv2d`; the paper does not state its padding, and 0 is PyTorch's default.
    pooling : int
        Largest value of every `pooling` x `pooling` block after each activation; 1 is none.
        Rows and columns that fill no block are dropped.
    bias : bool
        Whether the layers have biases.
    activation : callable
        After every convolution, elementwise.
    data : a data set's name or Dataset
        Images (rows, columns) or (channels, rows, columns); (rows, columns, channels) where the
        data set's `layout` says so.
    labels, scaling, init, label_seed
        As in `two_layer`.
    loss, outputs
        As in `dense`.

    Raises
    ------
    SettingsError
        If the sizes or names do not fit.
    """
    for key, value in {
        "layers": layers,
        "channels": channels,
        "kernel": kernel,
        "stride": stride,
        "pooling": pooling,
    }.items():
        at_least(key, value, 1)
    at_least("padding", padding, 0)
    flag("bias", bias)
    function("activation", activation, "an array")
    source, shape, targets = images(data, labels, scaling, label_seed)
    found = choose(loss, targets, outputs)
    outputs = found.number
    plan, features = _plan(shape, layers, channels, kernel, stride, padding, pooling)
    layer = as_initialization(init)

    def initial(key: Array) -> ConvParams:
        keys = jax.random.split(key, (layers + 1, 2))
        params = []
        for (first, second), step in zip(keys, plan, strict=False):
            fans = channels * kernel**2, step.channels * kernel**2
            # Weights of a layer whose fans count every place of the kernel, as the field does.
            weights = layer.weight(first, *fans)[:channels]
            values = {"K": weights.reshape(channels, step.channels, kernel, kernel)}
            params.append(values | ({"b": layer.bias(second, channels, fans[1])} if bias else {}))
        first, second = keys[-1]
        last = {"W": layer.weight(first, outputs, features)}
        return [*params, last | ({"b": layer.bias(second, outputs, features)} if bias else {})]

    def run(params: ConvParams, x: Float[Array, "rows columns channels"]) -> tuple[Any, list[Any]]:
        """Return the output, and every convolution's pre-activations."""
        seen, folded = [], 1
        for values, step in zip(params, plan, strict=False):
            x, folded = _refolded(x, folded, step.by), step.by
            a = _convolution(x, values["K"], folded, stride, padding)
            if "b" in values:
                a = a + jnp.tile(values["b"], folded**2)
            seen.append(a.reshape(-1))
            x = activation(a)
            if pooling > 1:
                x, folded = max_pool(_refolded(x, folded, 1), pooling), 1
        out = affine(params[-1], _refolded(x, folded, 1).reshape(-1))
        return (out[0] if found.scalar else out), seen

    return Problem(
        init=initial,
        predict=lambda params, x: run(params, x)[0],
        loss=found.loss,
        data=source,
        preactivations=lambda params, x: jnp.concatenate(run(params, x)[1]),
        name="conv",
        settings={
            "layers": layers,
            "channels": channels,
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "pooling": pooling,
            "bias": bias,
            "activation": getattr(activation, "__name__", type(activation).__name__),
            "data": source.description,
            "scaling": scaling_in_words(source),
            "loss": found.words,
            "init": init if isinstance(init, str) else in_words(layer),
        },
    )


def _plan(
    shape: tuple[int, int, int],
    layers: int,
    channels: int,
    kernel: int,
    stride: int,
    padding: int,
    pooling: int,
) -> tuple[list[_Layer], int]:
    """Return the layers with their shapes, and the number of features at the end."""
    rows, columns, depth = shape
    plan = []
    for number in range(1, layers + 1):
        out = [(n + 2 * padding - kernel) // stride + 1 for n in (rows, columns)]
        if min(out) < pooling:
            raise SettingsError(
                f"convolution {number} gets {rows} x {columns} pixels, too few for kernel "
                f"{kernel}, padding {padding} and pooling {pooling}; use fewer layers, more "
                "padding or a smaller kernel."
            )
        fits = channels < _WIDE and can_fold(rows, columns, kernel, stride, padding, 2)
        plan.append(_Layer(depth, rows, columns, 2 if fits else 1, *out))
        rows, columns, depth = out[0] // pooling, out[1] // pooling, channels
    return plan, rows * columns * depth


def _convolution(x: Array, kernel: Array, folded: int, stride: int, padding: int) -> Array:
    if folded == 1:
        return convolve(x, kernel, stride=stride, padding=padding)
    return convolve_folded(x, kernel, by=folded, padding=padding)


def _refolded(x: Array, folded: int, by: int) -> Array:
    """Change by how much an image is folded."""
    if folded == by:
        return x
    return fold(unfold(x, folded), by)
