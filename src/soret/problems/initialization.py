"""Initializations of a dense layer, by the names the field gives them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32

from soret.errors import SettingsError
from soret.problems.arguments import real


@runtime_checkable
class Initialization(Protocol):
    """Draws the weights and biases of one dense layer."""

    def weight(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs inputs"]:
        """Draw a weight matrix."""

    def bias(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs"]:
        """Draw a bias vector."""


@dataclass(frozen=True)
class PyTorch:
    """The default of `torch.nn.Linear`: weights and biases ~ U(±1/√inputs)."""

    def weight(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs inputs"]:
        """Draw a weight matrix."""
        return _symmetric(key, (outputs, inputs), inputs**-0.5)

    def bias(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs"]:
        """Draw a bias vector."""
        return _symmetric(key, (outputs,), inputs**-0.5)


@dataclass(frozen=True)
class Glorot:
    """Glorot and Bengio (2010), uniform: weights ~ U(±√(6/(inputs + outputs))), biases zero."""

    def weight(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs inputs"]:
        """Draw a weight matrix."""
        return _symmetric(key, (outputs, inputs), (6 / (inputs + outputs)) ** 0.5)

    def bias(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs"]:
        """Return zeros."""
        return jnp.zeros((outputs,), jnp.float32)


@dataclass(frozen=True)
class LeCun:
    """LeCun et al. (1998, Sec. 4.6): weights ~ N(0, 1/inputs), biases zero."""

    def weight(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs inputs"]:
        """Draw a weight matrix."""
        return _gaussian(key, (outputs, inputs), inputs**-0.5)

    def bias(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs"]:
        """Return zeros."""
        return jnp.zeros((outputs,), jnp.float32)


@dataclass(frozen=True)
class He:
    """He et al. (2015): weights ~ N(0, 2/inputs), biases zero."""

    def weight(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs inputs"]:
        """Draw a weight matrix."""
        return _gaussian(key, (outputs, inputs), (2 / inputs) ** 0.5)

    def bias(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs"]:
        """Return zeros."""
        return jnp.zeros((outputs,), jnp.float32)


@dataclass(frozen=True)
class Normal:
    """Every weight and bias ~ N(0, scale²), whatever the layer's size."""

    scale: float = 1.0

    def __post_init__(self) -> None:
        real(scale=self.scale)
        if not 0 < self.scale < math.inf:
            raise SettingsError(f"the scale of a normal initialization is {self.scale}; use > 0.")

    def weight(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs inputs"]:
        """Draw a weight matrix."""
        return _gaussian(key, (outputs, inputs), self.scale)

    def bias(self, key: Array, outputs: int, inputs: int) -> Float32[Array, "outputs"]:
        """Draw a bias vector."""
        return _gaussian(key, (outputs,), self.scale)


_BY_NAME: dict[str, Callable[[], Initialization]] = {
    "pytorch": PyTorch,
    "glorot": Glorot,
    "lecun": LeCun,
    "he": He,
    "normal": Normal,
}


def as_initialization(init: str | Initialization) -> Initialization:
    """Return an initialization from its name, or the object itself.

    Parameters
    ----------
    init : {"pytorch", "glorot", "lecun", "he", "normal", "normal:<scale>"} or Initialization

    Raises
    ------
    SettingsError
        If the name is unknown or the scale is not a positive number.
    """
    if not isinstance(init, str):
        if isinstance(init, type) or not isinstance(init, Initialization):
            raise SettingsError(
                f"init is {init!r}; it must be a name, or an object with the methods weight and "
                "bias (of a class, an instance)."
            )
        return init
    name, _, scale = init.partition(":")
    if name == "normal" and scale:
        try:
            return Normal(float(scale))
        except ValueError as error:
            raise SettingsError(f"{init!r} has no positive number after the colon.") from error
    if name not in _BY_NAME or scale:
        raise SettingsError(
            f"initialization {init!r} is unknown; use {sorted(_BY_NAME)} or 'normal:<scale>'."
        )
    return _BY_NAME[name]()


def in_words(layer: Initialization) -> str:
    """Describe an initialization the same way in every process."""
    kind = type(layer)
    return kind.__qualname__ if kind.__repr__ is object.__repr__ else repr(layer)


def _symmetric(key: Array, shape: tuple[int, ...], bound: float) -> Array:
    return jax.random.uniform(key, shape, jnp.float32, -bound, bound)


def _gaussian(key: Array, shape: tuple[int, ...], deviation: float) -> Array:
    return deviation * jax.random.normal(key, shape, jnp.float32)
