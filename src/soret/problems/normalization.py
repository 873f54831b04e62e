"""Batch normalization of dense layers: over a mini-batch, or over fixed examples."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from soret.data import Dataset, Stream, random_subset
from soret.errors import SettingsError
from soret.problems.model_checks import warn
from soret.problems.scaling import EVALUATED

if TYPE_CHECKING:
    from soret.problems.problem import Problem

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
        The net's own, its inputs as the net takes them.
    training : Dataset or Problem, optional
        What was trained on; by default `data`. 512 of its examples, drawn at random at a fixed
        seed, or all where there are no more, are the references that a single example is
        normalized over. A data set's inputs are scaled as those of `data`, unless a net has
        scaled them.
    bias : bool
        Whether there is a shift b.
    activation : callable
        φ.

    Raises
    ------
    SettingsError
        If the references are of a stream, which has no fixed examples, or do not fit the data.

    Warns
    -----
    ModelWarning
        If a test or validation set is normalized over references of its own.

    Attributes
    ----------
    references : (n, inputs) array
        Inputs, as the net takes them.
    words : True or str
        What settings say: whose the references are, if not the data's.
    """

    def __init__(
        self,
        data: Dataset | Stream,
        training: "Dataset | Problem | None",
        bias: bool,
        activation: Callable[[Array], Array],
    ) -> None:
        of = data if training is None else getattr(training, "data", training)
        if not isinstance(of, Dataset) or len(of) < 2:
            raise SettingsError(
                "batch normalization needs a data set of at least 2 examples, to measure over."
            )
        inputs, self.words = of.inputs, True if of is data else f"over {of.description}"
        if training is None:
            _warn_of_own(of)
        else:
            inputs = _as_taken(training, of, data)
        self.bias, self.activation = bias, activation
        self.references = inputs[random_subset(len(of), _REFERENCES)]

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


def check_normalization(given: object) -> None:
    """Refuse what says neither whether to normalize nor over what.

    Raises
    ------
    SettingsError
        If it is neither a truth value, nor a data set, nor a problem that is normalized over its
        own data.
    """
    if isinstance(given, bool | np.bool_ | Dataset):
        return
    settings = getattr(given, "settings", {})
    if not isinstance(getattr(given, "data", None), Dataset):
        raise SettingsError(
            f"batch_normalization is {_named(given)}; it must be True or False, or of a net that "
            "is evaluated the data set that was trained on, or the problem with it."
        )
    if settings.get("batch_normalization") is not True:
        raise SettingsError(
            f"batch_normalization is problem {getattr(given, 'name', '')!r}, which is not "
            "normalized over its own data; hand over the problem that was trained, made with "
            "batch_normalization=True."
        )


def _named(given: object) -> str:
    return repr(given) if isinstance(given, int | float | str) else f"a {type(given).__name__}"


def _as_taken(
    training: "Dataset | Problem", of: Dataset, data: Dataset | Stream
) -> Float32[np.ndarray, "examples inputs"]:
    """Return the inputs of a training set as a net takes them that has `data`."""
    inputs = of.flat()
    if training is of and isinstance(data, Dataset) and data.scaling and of.scaling is None:
        inputs = np.asarray(data.scaling(inputs), np.float32)
    own = data.inputs.shape[1] if isinstance(data, Dataset) else inputs.shape[1]
    if inputs.shape[1] != own:
        raise SettingsError(
            f"batch_normalization is over {of.name}, whose examples have {inputs.shape[1]} "
            f"features, and those of the net's data have {own}; hand over the data set that was "
            "trained on."
        )
    return inputs


def _warn_of_own(data: Dataset) -> None:
    if data.split in EVALUATED:
        warn(
            f"the {data.split} part of {data.name} is batch-normalized over references of its own; "
            "a net that was trained on other examples has its references there. Say "
            "batch_normalization=training, the problem or the data set that was trained on."
        )


def _normalized(values: Layer, a: Float[Array, "*n units"], of: Statistics) -> Array:
    mean, variance = of
    scaled = values["g"] * (a - mean) / jnp.sqrt(variance + _EPSILON)
    return scaled + values["b"] if "b" in values else scaled
