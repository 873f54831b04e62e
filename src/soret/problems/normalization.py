"""Batch normalization of dense layers: over a mini-batch, or over fixed examples."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from soret.data import Dataset, Stream, random_subset
from soret.errors import SettingsError

Layer = dict[str, Array]
Statistics = tuple[Float[Array, "units"], Float[Array, "units"]]

# Ioffe and Szegedy's ε, as PyTorch has it.
_EPSILON = 1e-5
_REFERENCES = 512


class Normalization:
    """Hidden layers a = W x; â = g (a − mean)/√(variance + ε) + b; what goes on is φ(â).

    Parameters
    ----------
    data : Dataset
        512 of its examples, drawn at random at a fixed seed, or all where there are no more, are
        the references that a single example is normalized over.
    bias : bool
        Whether there is a shift b.
    activation : callable
        φ.

    Raises
    ------
    SettingsError
        If the data are a stream, which has no fixed examples.
    """

    def __init__(
        self, data: Dataset | Stream, bias: bool, activation: Callable[[Array], Array]
    ) -> None:
        if not isinstance(data, Dataset) or len(data) < 2:
            raise SettingsError(
                "batch normalization needs a data set of at least 2 examples, to measure over."
            )
        self.bias, self.activation = bias, activation
        self.references = data.inputs[random_subset(len(data), _REFERENCES)]

    def initial(self, params: Sequence[Layer]) -> list[Layer]:
        """Return the initial parameters with g = 1 and b = 0 in the hidden layers."""
        made = []
        for values in params[:-1]:
            units = len(values["W"])
            shift = {"b": jnp.zeros(units)} if self.bias else {}
            made.append({"W": values["W"], "g": jnp.ones(units)} | shift)
        return [*made, params[-1]]

    def batch(
        self, params: Sequence[Layer], inputs: Float[Array, "n inputs"]
    ) -> tuple[Float[Array, "n units"], list[Statistics]]:
        """Return the last hidden layer's outputs for a mini-batch, and every layer's statistics.

        Raises
        ------
        SettingsError
            If there is one example, which has no variance.
        """
        if inputs.shape[0] < 2:
            raise SettingsError("batch normalization takes batches of at least 2 examples.")
        statistics = []
        for values in params[:-1]:
            a = inputs @ values["W"].T
            statistics.append((jnp.mean(a, axis=0), jnp.var(a, axis=0)))
            inputs = self.activation(_normalized(values, a, statistics[-1]))
        return inputs, statistics

    def one(
        self, params: Sequence[Layer], x: Float[Array, "inputs"]
    ) -> tuple[Float[Array, "units"], list[Float[Array, "units"]]]:
        """Return the last hidden layer's outputs for one example, and every pre-activation â."""
        _, statistics = self.batch(params, jnp.asarray(self.references))
        seen = []
        for values, of in zip(params[:-1], statistics, strict=True):
            seen.append(_normalized(values, values["W"] @ x, of))
            x = self.activation(seen[-1])
        return x, seen


def _normalized(values: Layer, a: Float[Array, "*n units"], of: Statistics) -> Array:
    mean, variance = of
    scaled = values["g"] * (a - mean) / jnp.sqrt(variance + _EPSILON)
    return scaled + values["b"] if "b" in values else scaled
