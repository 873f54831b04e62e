"""Losses of the user's own on class labels: whether every class has a say.

A loss that wants one-hot labels takes class numbers too, broadcasts, and is nothing for class 0.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from soret.data import Dataset, Gaussian, Stream, Uniform
from soret.errors import SettingsError
from soret.problems.losses import LOSSES
from soret.problems.smoothing import LabelSmoothing
from soret.problems.tracing import ensemble_settings

# Outputs of each scale, of both signs: a loss with a margin is flat at some, hardly at all.
_SCALES, _DRAWS = (1.0, 10.0, 100.0), 16
_MOST_CLASSES = 64
_HASTY: Any = {"xla_backend_optimization_level": 0}


def check_own_loss(loss: Any, data: Dataset | Stream, output: Any) -> None:
    """Refuse a loss of the user's own that does not depend on the output for a whole class.

    It is evaluated with its gradient at random outputs, once for each class: one small
    compilation, and none for Soret's own losses, labels that are no classes, and outputs that are
    no floating-point arrays. A loss without a gradient for any class is left to be warned of.

    Parameters
    ----------
    loss : callable
    data : Dataset or Stream
    output : pytree of ShapeDtypeStruct
        Of one example.

    Raises
    ------
    SettingsError
        Naming the class.
    """
    classes = _classes(data)
    leaves = jax.tree.leaves(output)
    floats = leaves and all(
        jnp.issubdtype(getattr(leaf, "dtype", np.dtype(int)), jnp.floating) for leaf in leaves
    )
    if isinstance(loss, LabelSmoothing) or loss in LOSSES.values():
        return
    if classes is None or not floats or len(classes) > _MOST_CLASSES:
        return
    flat = _flat(loss, output, classes)
    if flat.all() or not flat.any():
        return
    which = int(classes[np.argmax(flat)])
    named = getattr(data, "classes", None)
    name = f" ({named[which]!r})" if isinstance(named, tuple) and 0 <= which < len(named) else ""
    raise SettingsError(
        f"the loss of class {which}{name} does not depend on the output; does it want one-hot "
        "labels, or −1 and +1? A label is the number of a class: jax.nn.one_hot(label, classes) "
        "or 2 * label - 1 makes them of it, within the loss."
    )


def _classes(data: Dataset | Stream) -> np.ndarray | None:
    """Return the numbers of the classes; None where the labels are none."""
    if isinstance(data, Gaussian | Uniform):
        return np.arange(data.classes, dtype=np.int32)
    if isinstance(data, Dataset) and data.classes and data.labels.ndim == 1:
        return np.unique(np.asarray(data.labels))
    return None


def _flat(loss: Any, output: Any, classes: np.ndarray) -> np.ndarray:
    """Return for each class whether the loss is the same, without slope, at random outputs."""
    rng = np.random.default_rng(0)
    scale = np.repeat(_SCALES, _DRAWS)

    def drawn(leaf: Any) -> np.ndarray:
        numbers = rng.normal(size=(len(scale), *leaf.shape))
        return (numbers * scale.reshape(-1, *[1] * len(leaf.shape))).astype(leaf.dtype)

    outputs = jax.tree.map(drawn, output)
    over_outputs = jax.vmap(jax.value_and_grad(loss), in_axes=(0, None))
    with ensemble_settings(), jax.ensure_compile_time_eval():
        program = jax.jit(jax.vmap(over_outputs, in_axes=(None, 0))).lower(outputs, classes)
        values, slopes = program.compile(_HASTY)(outputs, classes)
    values = np.asarray(values)
    steep = [
        (np.asarray(leaf) != 0).reshape(*values.shape, -1).any(-1)
        for leaf in jax.tree.leaves(slopes)
    ]
    moved = functools.reduce(np.logical_or, steep) | (values != values[:, :1])
    # Far out a loss may overflow, as 0 · ∞ of a class that has no say.
    return ~(moved & np.isfinite(values)).any(1) & np.isfinite(values[:, 0])
