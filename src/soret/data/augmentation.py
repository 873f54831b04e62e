"""Augmentation: what becomes of an example each time that it is drawn for training."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float32, UInt32

from soret.data import generator
from soret.data.generator import Key
from soret.errors import SettingsError
from soret.numerics import single_precision

if TYPE_CHECKING:
    from soret.data.dataset import Dataset

Augment = Callable[[Array, Array], Array]
"""From a `jax.random` key and one example to another example of the same shape."""

# The first word of the counters that keys are drawn at: no draw of indices or examples gets there.
_PLACE = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Augmentation:
    """An augmentation as a data set carries it.

    Attributes
    ----------
    function : callable
        The user's.
    note : str
        What the data set's description says of it.
    original : array, optional
        The examples as the function sees them, where a net has scaled or reshaped the data set's.
    prepare : callable, optional
        What the net does to one of these; applied after the function.
    prepared : array, optional
        The data set's inputs, which `original` belongs to.
    """

    function: Augment
    note: str
    original: npt.NDArray[np.float32] | None = None
    prepare: Callable[[Array], Array] | None = None
    prepared: npt.NDArray[np.float32] | None = None

    def belongs_to(self, inputs: npt.NDArray[np.float32]) -> bool:
        """Say whether these are the inputs that the original examples were prepared to."""
        return self.prepared is None or self.prepared is inputs

    def select(self, which: Any, inputs: npt.NDArray[np.float32]) -> "Augmentation":
        """Return the augmentation of a part of the examples, `inputs` of the data set's."""
        if self.original is None:
            return self
        return replace(self, original=self.original[which], prepared=inputs)

    def followed_by(
        self,
        prepare: Callable[[Array], Array],
        inputs: npt.NDArray[np.float32],
        prepared: npt.NDArray[np.float32],
    ) -> "Augmentation":
        """Return the augmentation of a data set whose `inputs` have become `prepared`."""
        before = self.prepare
        if before is None:
            return replace(self, original=inputs, prepare=prepare, prepared=prepared)
        return replace(self, prepare=lambda x: prepare(before(x)), prepared=prepared)

    def __call__(
        self, inputs: npt.NDArray[np.float32], which: Array, keys: UInt32[Array, "batch 2"]
    ) -> Float32[Array, "batch ..."]:
        """Return a batch, each example augmented with a key of its own."""
        seen = inputs if self.original is None else self.original

        def one(key: Key, x: Array) -> Array:
            made = self.function(generator.as_jax_key(key), x)
            return made if self.prepare is None else self.prepare(made)

        return jax.vmap(one)(keys, jnp.asarray(seen)[which])


def step_keys(key: Key, steps: UInt32[Array, "steps"]) -> UInt32[Array, "steps 2"]:
    """Return a key for each step, of which `example_keys` are made."""
    place = jnp.full(steps.shape, _PLACE, jnp.uint32)
    return jnp.stack(generator.threefry(key, place, steps), axis=-1)


def example_keys(step_key: Key, n: int) -> UInt32[Array, "{n} 2"]:
    """Return a key for each of the `n` examples of a step's batch."""
    return jax.vmap(generator.fold, in_axes=(None, 0))(step_key, jnp.arange(n, dtype=jnp.uint32))


def augmented(data: "Dataset", function: Augment) -> "Dataset":
    """Return the data set with examples that are augmented as they are drawn for training.

    Every example of every mini-batch gets a key of its own, that of replica, step and place in the
    batch: the numbers are the same whatever the blocks, workers and devices. Nothing that is
    measured is augmented: evaluation batches, losses over all data, gradient noise and curvature
    are those of the examples as they are.

    Parameters
    ----------
    data : Dataset
    function : callable
        ``function(key, x) -> x`` for one example in the data set's own shape and scale, float32;
        `key` is for `jax.random`. Networks that flatten and scale do so afterwards. The
        description of the data set, and so a run's provenance, has its name, or "lambda".

    Raises
    ------
    SettingsError
        If the data set is augmented already, the function fails, changes the shape or
        the type, or ignores its key.

    Examples
    --------
    >>> def shifted(key, x):
    ...     return jnp.roll(x, jax.random.randint(key, (), -1, 2), axis=1)
    >>> soret.data.augmented(soret.data.load("digits"), shifted).description
    'Digits of scikit-learn (1,442 training images), augmented by shifted'
    """
    from soret.data.dataset import Dataset  # a data set holds an augmentation

    if not isinstance(data, Dataset):
        raise SettingsError(
            f"augmented got a {type(data).__name__}; give a soret.Dataset (a stream draws what it "
            "likes by itself)."
        )
    if data.augmentation is not None:
        raise SettingsError(
            f"data set {data.name!r} is augmented already; put both into one function."
        )
    called = _name(function)
    shape = data.inputs.shape[1:]
    try:
        with single_precision():
            key = jax.eval_shape(lambda: generator.as_jax_key(jnp.zeros(2, jnp.uint32)))
            traced = jax.make_jaxpr(function)(key, jax.ShapeDtypeStruct(shape, jnp.float32))
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise SettingsError(
            f"augmentation {called} fails on one example of shape {shape}: {reason}"
        ) from error
    made = traced.out_avals
    if len(made) != 1 or made[0].shape != shape or str(made[0].dtype) != "float32":
        found = ", ".join(f"{out.str_short()}" for out in made)
        raise SettingsError(
            f"augmentation {called} makes {found} of an example; it must return one of the same "
            f"shape, {shape}, in float32."
        )
    drawn = traced.jaxpr.invars[0]
    if not any(drawn is used for step in traced.jaxpr.eqns for used in step.invars):
        raise SettingsError(
            f"augmentation {called} ignores its key, so every step would see the same; draw with "
            "jax.random from the key, or transform the inputs before they become a data set."
        )
    note = f", augmented by {called}"
    return replace(
        data, augmentation=Augmentation(function, note), description=data.description + note
    )


def without_augmentation(data: "Dataset") -> "Dataset":
    """Return the data set as it is measured on, and a description that says no more."""
    if data.augmentation is None:
        return data
    plain = data.description.replace(data.augmentation.note, "")
    return replace(data, augmentation=None, description=plain)


def _name(function: Any) -> str:
    """Return what a function is called in provenance."""
    if not callable(function):
        raise SettingsError(
            f"the augmentation is {function!r}; it must be a function of key and example."
        )
    if isinstance(function, functools.partial):
        given = [repr(value) for value in function.args]
        given += [f"{key}={value!r}" for key, value in function.keywords.items()]
        return f"{_name(function.func)}({', '.join(given)})"
    called = getattr(function, "__name__", type(function).__name__)
    return "lambda" if "<lambda>" in called else str(called)
