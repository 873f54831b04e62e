"""Streams: examples drawn afresh at every step, so that no example is ever seen twice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32

from soret.data import generator
from soret.data.generator import Key, Steps
from soret.errors import SettingsError

# Labels take their words from the upper half of a step's counters, inputs from the lower.
_LABELS = 2**31


@runtime_checkable
class Stream(Protocol):
    """Something that draws fresh examples: a pure function of key and step."""

    @property
    def description(self) -> str:
        """One line for figures and provenance."""

    def draw(self, key: Key, step: Steps, n: int) -> tuple[Array, Array]:
        """Draw a batch of `n` examples for a step, or for each of several.

        Parameters
        ----------
        key : (2,) uint32
        step : () or (k,) integers
        n : int

        Returns
        -------
        inputs, labels : (n, ...), or (k, n, ...) for several steps
        """


@dataclass(frozen=True)
class Gaussian:
    """Inputs x ~ N(0, I), labels drawn at random, independent of the inputs.

    Parameters
    ----------
    features : int
        Number of input features.
    classes : int
        Labels are uniform over 0 … classes − 1.
    """

    features: int
    classes: int = 2

    def __post_init__(self) -> None:
        _check_sizes(self.features, self.classes)

    @property
    def description(self) -> str:
        return f"Gaussian inputs ({self.features}), random labels ({self.classes} classes)"

    def draw(
        self, key: Key, step: Steps, n: int
    ) -> tuple[Float32[Array, "*steps {n} features"], Int32[Array, "*steps {n}"]]:
        """Draw `n` examples a step: inputs (n, features) float32, labels (n,) int32."""
        numbers = generator.normal(key, step, n * self.features)
        inputs = numbers.reshape(*numbers.shape[:-1], n, self.features)
        return inputs, _random_labels(key, step, n, self.classes)


@dataclass(frozen=True)
class Uniform:
    """Inputs with every feature ~ U(0, 1), labels drawn at random, independent of the inputs.

    Parameters
    ----------
    features : int
        Number of input features.
    classes : int
        Labels are uniform over 0 … classes − 1.
    """

    features: int
    classes: int = 2

    def __post_init__(self) -> None:
        _check_sizes(self.features, self.classes)

    @property
    def description(self) -> str:
        return f"uniform inputs ({self.features}), random labels ({self.classes} classes)"

    def draw(
        self, key: Key, step: Steps, n: int
    ) -> tuple[Float32[Array, "*steps {n} features"], Int32[Array, "*steps {n}"]]:
        """Draw `n` examples a step: inputs (n, features) float32, labels (n,) int32."""
        numbers = generator.uniform(key, step, n * self.features)
        inputs = numbers.reshape(*numbers.shape[:-1], n, self.features)
        return inputs, _random_labels(key, step, n, self.classes)


@dataclass(frozen=True)
class GaussianRegression:
    """Inputs x ~ N(0, I) with real labels y ~ N(0, 1), independent of the inputs.

    Parameters
    ----------
    features : int
        Number of input features.
    """

    features: int

    def __post_init__(self) -> None:
        _check_features(self.features)

    @property
    def description(self) -> str:
        return f"Gaussian inputs ({self.features}), Gaussian labels"

    def draw(
        self, key: Key, step: Steps, n: int
    ) -> tuple[Float32[Array, "*steps {n} features"], Float32[Array, "*steps {n}"]]:
        """Draw `n` examples a step: inputs (n, features) and labels (n,), float32."""
        numbers = generator.normal(key, step, n * self.features)
        inputs = numbers.reshape(*numbers.shape[:-1], n, self.features)
        return inputs, generator.normal(key, step, n, offset=_LABELS)


@dataclass(frozen=True)
class FromFunction:
    """A stream of the user's own: a function that draws one example.

    Parameters
    ----------
    sample : callable
        ``sample(key) -> (input, label)`` for one example, key a `jax.random` key.
    description : str
        One line for figures and provenance.
    """

    sample: Callable[[Array], tuple[Array, Array]]
    description: str = "a stream of the user's own"

    def draw(self, key: Key, step: Steps, n: int) -> tuple[Array, Array]:
        """Draw `n` examples a step, each from a key of its own."""
        if jnp.ndim(step):
            return jax.vmap(lambda one: self.draw(key, one, n))(jnp.asarray(step))
        keys = jax.random.split(generator.as_jax_key(generator.fold(key, step)), n)
        inputs, labels = jax.vmap(self.sample)(keys)
        return inputs, labels


def _random_labels(key: Key, step: Steps, n: int, classes: int) -> Int32[Array, "*steps {n}"]:
    words = generator.bits(key, step, n, offset=_LABELS)
    # Of two classes, the top bit decides; the remainder's bias is below classes / 2³².
    labels = words >> jnp.uint32(31) if classes == 2 else words % jnp.uint32(classes)
    return labels.astype(jnp.int32)


def _check_features(features: object) -> None:
    if isinstance(features, bool) or not isinstance(features, int | np.integer) or features < 1:
        raise SettingsError(f"features is {features!r}; it must be an integer of at least 1.")


def _check_sizes(features: object, classes: object) -> None:
    _check_features(features)
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer) or classes < 2:
        raise SettingsError(f"classes is {classes!r}; it must be an integer of at least 2.")
