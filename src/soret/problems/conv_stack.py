"""Convolutional networks in stacks of layers, each stack pooled at its end, and a dense output."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from soret.data import Dataset
from soret.errors import SettingsError
from soret.problems.affine import affine
from soret.problems.arguments import at_least, flag, function
from soret.problems.conv import ConvParams
from soret.problems.convolution import convolve, max_pool
from soret.problems.initialization import Initialization, as_initialization, in_words
from soret.problems.inputs import images
from soret.problems.losses import Loss
from soret.problems.outputs import choose
from soret.problems.problem import Problem
from soret.problems.scaling import scaling_in_words


class Stack(NamedTuple):
    """n x [channels, kernel, kernel, 1]: equal convolutions of stride 1.

    Attributes
    ----------
    layers : int
        n.
    channels : int
        Filters of every layer.
    kernel : int
        Their rows and columns; odd.
    """

    layers: int
    channels: int
    kernel: int = 3


# 3x[64,3,3,1], 3x[128,3,3,1], 3x[256,3,3,1].
PAPER = (Stack(3, 64), Stack(3, 128), Stack(3, 256))


def conv_stack(
    stacks: Sequence[tuple[int, int] | tuple[int, int, int]] = PAPER,
    *,
    pooling: int = 2,
    bias: bool = True,
    activation: Callable[[Array], Array] = jax.nn.relu,
    data: str | Dataset = "cifar-10",
    labels: Literal["random", "real"] | None = None,
    scaling: Literal["standardized", "symmetric", "none"] | Dataset | Problem = "standardized",
    loss: Literal["cross_entropy", "mean_square"] | Loss = "mean_square",
    outputs: int | None = None,
    init: str | Initialization = "glorot",
    label_seed: int = 0,
) -> Problem:
    """Build a network of stacks of convolutions with its images (power-law escape, Sec. 5.2).

    The notation of the paper, n x [a, b, c, d], is Keskar et al.'s (2017): n layers of a filters,
    kernels b x c, stride d. Neither states the padding. Images keep their size here, with
    (kernel − 1)/2 zeros on every side: without padding a third stack of three layers would find
    3 x 3 pixels left of CIFAR-10's 32 x 32, too few for it.

    Parameters
    ----------
    stacks : sequence of (layers, channels) or (layers, channels, kernel)
        The default is the paper's.
    pooling : int
        After every stack the largest value of every `pooling` x `pooling` block is taken; 1 is
        none.
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
    plan = _as_stacks(stacks)
    flag("bias", bias)
    function("activation", activation, "an array")
    at_least("the number of stacks", len(plan), 1)
    at_least("pooling", pooling, 1)
    for stack in plan:
        for name, value in stack._asdict().items():
            at_least(name, value, 1)
        if stack.kernel % 2 == 0:
            raise SettingsError(f"kernel is {stack.kernel}; images keep their size with odd ones.")
    source, (rows, columns, depth), targets = images(data, labels, scaling, label_seed)
    found = choose(loss, targets, outputs)
    outputs = found.number
    by = pooling ** len(plan)
    if min(rows, columns) < by:
        raise SettingsError(
            f"images of {rows} x {columns} pixels cannot be pooled {len(plan)} times by {pooling}; "
            "use fewer stacks or less pooling."
        )
    # Dropping rests at every stack is dropping them once: ⌊⌊n/p⌋/p⌋ = ⌊n/p²⌋.
    features = (rows // by) * (columns // by) * plan[-1].channels
    layer = as_initialization(init)
    # Of every convolution: kernel, channels in, channels out, whether it is the last of its stack.
    shapes = []
    for stack in plan:
        for i in range(stack.layers):
            shapes.append((stack.kernel, depth, stack.channels, i == stack.layers - 1))
            depth = stack.channels

    def initial(key: Array) -> ConvParams:
        keys = jax.random.split(key, (len(shapes) + 1, 2))
        params = []
        for (first, second), (size, inner, outer, _) in zip(keys, shapes, strict=False):
            fans = outer * size**2, inner * size**2
            # Weights of a layer whose fans count every place of the kernel, as the field does.
            weights = layer.weight(first, *fans)[:outer]
            values = {"K": weights.reshape(outer, inner, size, size)}
            params.append(values | ({"b": layer.bias(second, outer, fans[1])} if bias else {}))
        first, second = keys[-1]
        last = {"W": layer.weight(first, outputs, features)}
        return [*params, last | ({"b": layer.bias(second, outputs, features)} if bias else {})]

    def run(
        params: ConvParams, x: Float[Array, "rows columns channels"]
    ) -> tuple[Array, list[Array]]:
        """Return the output, and every convolution's pre-activations."""
        seen = []
        for values, (size, _, _, last) in zip(params, shapes, strict=False):
            a = convolve(x, values["K"], padding=size // 2) + values.get("b", 0.0)
            seen.append(a.reshape(-1))
            x = activation(a)
            if last and pooling > 1:
                x = max_pool(x, pooling)
        out = affine(params[-1], x.reshape(-1))
        return (out[0] if found.scalar else out), seen

    return Problem(
        init=initial,
        predict=lambda params, x: run(params, x)[0],
        loss=found.loss,
        data=source,
        preactivations=lambda params, x: jnp.concatenate(run(params, x)[1]),
        name="conv_stack",
        settings={
            "stacks": [list(stack) for stack in plan],
            "pooling": pooling,
            "bias": bias,
            "activation": getattr(activation, "__name__", type(activation).__name__),
            "data": source.description,
            "scaling": scaling_in_words(source),
            "loss": found.words,
            "init": init if isinstance(init, str) else in_words(layer),
        },
    )


def _as_stacks(given: Any) -> list[Stack]:
    try:
        return [Stack(*stack) for stack in given]
    except TypeError as error:
        raise SettingsError(
            f"stacks is {given!r}; it must be a list of (layers, channels) or "
            "(layers, channels, kernel)."
        ) from error
