"""A problem: model, loss and data together, the surface that SGD walks on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from soret.data import Dataset, Stream, generator
from soret.errors import SettingsError
from soret.problems import evaluation_batch
from soret.problems.losses import Loss, as_loss
from soret.problems.tracing import ensemble_settings

Params: TypeAlias = Any
"""A pytree of float32 arrays."""

Batch = tuple[Array, Array]
"""Inputs and targets, examples first."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A loss surface with a way to draw noisy gradients of it.

    Parameters
    ----------
    init : callable
        ``init(key) -> params`` draws initial parameters: any pytree; leaves that are not
        floating-point arrays (functions in an Equinox module, masks of integers) are held fixed
        and the same in every replica.
    predict : callable
        ``predict(params, x) -> output`` for one example.
    loss : str or callable
        ``loss(output, label) -> scalar`` for one example, or the name of one in
        `soret.problems.losses`.
    data : Dataset or Stream
        A finite data set, or a stream of fresh examples.
    preactivations : callable, optional
        ``preactivations(params, x) -> array`` of the hidden units' inputs for one example;
        what `soret.observables.activation_rate` looks at.
    full_loss : callable, optional
        ``full_loss(params) -> scalar``: the mean loss over all the data in closed form, where
        there is one; what `soret.observables.full_loss` then takes in place of a sum.
    predict_batch : callable, optional
        ``predict_batch(params, inputs) -> outputs`` of a mini-batch whose examples act on each
        other, as in batch normalization: what a step of SGD differentiates. `predict` then says
        what one example's output is by itself, and everything that is measured is measured there.
    name : str
        What the problem is called in a saved run.
    settings : mapping
        Whatever describes the problem in a saved run.

    Raises
    ------
    SettingsError
        If the parts do not fit each other: found by tracing one example, before any work.
    """

    init: Callable[[Array], Any]
    predict: Callable[[Any, Array], Array]
    loss: str | Loss
    data: Dataset | Stream
    preactivations: Callable[[Any, Array], Array] | None = None
    full_loss: Callable[[Any], Array] | None = None
    predict_batch: Callable[[Any, Array], Array] | None = None
    name: str = "problem"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", as_loss(self.loss))
        if not isinstance(self.data, Dataset | Stream):
            raise SettingsError(
                f"data is a {type(self.data).__name__}; use a soret.data.Dataset or a Stream."
            )
        self._check()

    def initial(self, key: Array) -> Params:
        """Draw initial parameters; the part of them that SGD moves."""
        return eqx.filter(self._compiled_init(generator.flattened(key)), eqx.is_inexact_array)

    def output(self, params: Params, x: Array) -> Array:
        """Return the model's output for one example."""
        return self.predict(self.model(params), x)

    def model(self, params: Params) -> Any:
        """Put the moving part of the parameters back into the user's own model."""
        return eqx.combine(params, self._fixed)

    def unflatten(self, vector: Float[Array, "parameters"] | np.ndarray) -> Params:
        """Return parameters from one vector, as `soret.observables.parameters` records them.

        Raises
        ------
        SettingsError
            If the vector does not have as many numbers as the problem has parameters.
        """
        shapes = eqx.filter_eval_shape(self.initial, _key_shape())
        like = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        flat, unravel = ravel_pytree(like)
        if np.shape(vector) != flat.shape:
            raise SettingsError(
                f"the vector has shape {np.shape(vector)}; problem {self.name!r} has "
                f"{flat.size:,} parameters."
            )
        return unravel(jnp.asarray(vector, jnp.float32))

    def example_loss(self, params: Params, x: Array, label: Array) -> Float[Array, ""]:
        """Return the loss of one example."""
        assert callable(self.loss)
        return self.loss(self.output(params, x), label)

    def batch_loss(self, params: Params, batch: Batch) -> Float[Array, ""]:
        """Return the mean loss of a batch: inputs (n, ...) and labels (n, ...)."""
        losses = jax.vmap(self.example_loss, in_axes=(None, 0, 0))(params, *batch)
        return jnp.mean(losses)

    def training_loss(self, params: Params, batch: Batch) -> Float[Array, ""]:
        """Return the mean loss of a mini-batch as SGD sees it: by `predict_batch`, if given."""
        if self.predict_batch is None:
            return self.batch_loss(params, batch)
        assert callable(self.loss)
        outputs = self.predict_batch(self.model(params), batch[0])
        return jnp.mean(jax.vmap(self.loss)(outputs, batch[1]))

    def evaluation_batch(
        self, n: int = evaluation_batch.EXAMPLES, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the examples to measure on: drawn at random, and the same in every run.

        Parameters
        ----------
        n : int
            How many are drawn from a data set, without replacement, or from a stream; all of a
            data set, in its own order, where it has no more.
        seed : int
            Of the draw, between 0 and 2³² − 1; it has nothing to do with a run's seed. At one
            seed, a smaller batch of a data set is the first part of a larger one.

        Returns
        -------
        inputs : (n, ...) array
        labels : (n, ...) array

        Raises
        ------
        SettingsError
            If `n` or `seed` is out of range.
        """
        return evaluation_batch.draw(self.data, n, seed)

    @cached_property
    def _compiled_init(self) -> Callable[[Array], Any]:
        return eqx.filter_jit(self.init)

    @cached_property
    def _fixed(self) -> Any:
        def fixed(key: Array) -> Any:
            return eqx.filter(self._compiled_init(key), eqx.is_inexact_array, inverse=True)

        shapes = eqx.filter_eval_shape(fixed, _key_shape())
        if not any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(shapes)):
            return shapes  # no array to draw, and drawing takes a compilation
        # Drawn once, at a fixed key: masks and the like are the same in every replica.
        with jax.ensure_compile_time_eval():
            return fixed(generator.as_jax_key(jnp.zeros(2, jnp.uint32)))

    def _check(self) -> None:
        try:
            params = eqx.filter_eval_shape(self.initial, _key_shape())
        except Exception as error:
            raise SettingsError(f"init(key) of problem {self.name!r} fails: {error}") from error
        if not jax.tree.leaves(params):
            raise SettingsError(
                f"init(key) of problem {self.name!r} returns no floating-point array; "
                "SGD needs at least one."
            )
        unlike = {str(leaf.dtype) for leaf in jax.tree.leaves(params)} - {"float32"}
        if unlike:
            raise SettingsError(
                f"init(key) of problem {self.name!r} returns {', '.join(sorted(unlike))}; "
                "ensembles run in float32. Give its arrays that type; with jax_enable_x64 on, "
                "libraries make float64."
            )
        x, y = self._example_shapes()
        try:
            with ensemble_settings():
                loss = eqx.filter_eval_shape(self.example_loss, params, x, y)
        except Exception as error:
            raise SettingsError(
                f"problem {self.name!r} fails on one example of shape {x.shape}: {error}"
            ) from error
        shape, dtype = getattr(loss, "shape", None), str(getattr(loss, "dtype", ""))
        if shape != () or dtype != "float32":
            raise SettingsError(
                f"the loss of one example has shape {shape} and type {dtype or None} in problem "
                f"{self.name!r}; it must be a scalar of type float32."
            )
        if self.full_loss is not None:
            self._check_full_loss(params)
        if self.predict_batch is not None:
            self._check_predict_batch(params, x)

    def _check_full_loss(self, params: Any) -> None:
        assert self.full_loss is not None
        try:
            with ensemble_settings():
                loss = eqx.filter_eval_shape(self.full_loss, params)
        except Exception as error:
            raise SettingsError(f"full_loss of problem {self.name!r} fails: {error}") from error
        if getattr(loss, "shape", None) != () or str(getattr(loss, "dtype", "")) != "float32":
            raise SettingsError(
                f"full_loss of problem {self.name!r} returns {loss}; it must return a scalar of "
                "type float32."
            )

    def _check_predict_batch(self, params: Any, x: jax.ShapeDtypeStruct) -> None:
        assert self.predict_batch is not None
        two = jax.ShapeDtypeStruct((2, *x.shape), x.dtype)
        try:
            with ensemble_settings():
                single = eqx.filter_eval_shape(self.output, params, x)
                outputs = eqx.filter_eval_shape(
                    lambda p, some: self.predict_batch(self.model(p), some),  # type: ignore[misc]
                    params,
                    two,
                )
        except Exception as error:
            raise SettingsError(f"predict_batch of problem {self.name!r} fails: {error}") from error
        if (outputs.shape, outputs.dtype) != ((2, *single.shape), single.dtype):
            raise SettingsError(
                f"predict_batch of problem {self.name!r} returns shape {outputs.shape} for two "
                f"examples; it must be that of predict, twice: {(2, *single.shape)}."
            )

    def _example_shapes(self) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
        if isinstance(self.data, Dataset):
            x, y = self.data.inputs, self.data.labels
        else:
            key = jax.ShapeDtypeStruct((2,), jnp.uint32)
            step = jax.ShapeDtypeStruct((), jnp.uint32)
            try:
                x, y = jax.eval_shape(lambda k, s: self.data.draw(k, s, 1), key, step)  # type: ignore[union-attr]
            except Exception as error:
                raise SettingsError(
                    f"the stream of problem {self.name!r} fails: {error}"
                ) from error
        return (
            jax.ShapeDtypeStruct(x.shape[1:], x.dtype),
            jax.ShapeDtypeStruct(y.shape[1:], y.dtype),
        )


def _key_shape() -> jax.ShapeDtypeStruct:
    return jax.eval_shape(lambda: generator.as_jax_key(jnp.zeros(2, jnp.uint32)))
