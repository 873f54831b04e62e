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
from soret.numerics import default_semantics
from soret.problems import evaluation_batch, model_checks
from soret.problems.drawing import check_key, from_key, key_shape
from soret.problems.losses import Loss, as_loss
from soret.problems.state import held_arrays, mask, moving
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
        and the same in every replica. One that needs an example too, as ``module.init`` of Flax
        and Haiku, is called as ``init(key, example)``, the example all zeros.
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
    trainable : callable, optional
        ``trainable(params)``, given what `init` returns, says what SGD moves: True or False for
        each leaf, or for whole branches. What does not move is drawn once, at a key of its own,
        and the same in every replica. Default: all arrays of floating-point numbers but what is
        known to be state: Flax's collections other than ``params``, NNX variables that are no
        ``Param``, Equinox's ``State``.
    fixed_start : bool
        Whether `init` is meant to give every replica the same parameters; else an ensemble of
        them warns of it.

    Raises
    ------
    SettingsError
        If the parts do not fit each other: found by tracing one example, before any work. If the
        labels are not what the loss takes: of a data set all of them, of a stream those of a batch.
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
    trainable: Callable[[Any], Any] | None = None
    fixed_start: bool = False

    @default_semantics()
    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", as_loss(self.loss))
        if not isinstance(self.data, Dataset | Stream):
            raise SettingsError(
                f"data is a {type(self.data).__name__}; use a soret.data.Dataset or a Stream."
            )
        self._check()

    def initial(self, key: Array) -> Params:
        """Draw initial parameters; the part of them that SGD moves."""
        check_key(key)
        return self.moving(self._compiled_init(generator.flattened(key)))

    def moving(self, model: Any) -> Params:
        """Return the part of a model, as `init` or `unflatten` returns it, that SGD moves."""
        return moving(model, self._mask, self.name)

    def output(self, params: Params, x: Array) -> Array:
        """Return the model's output for one example."""
        return self.predict(self.model(params), x)

    def model(self, params: Params) -> Any:
        """Put the moving part of the parameters back into the user's own model."""
        return eqx.combine(params, self._fixed)

    @ensemble_settings()
    def unflatten(self, vector: Float[Array, "parameters"] | np.ndarray) -> Params:
        """Return parameters from one vector, as `soret.observables.parameters` records them.

        State of the model that SGD does not move (Flax's ``batch_stats``) is put back in its
        place.

        Raises
        ------
        SettingsError
            If the vector does not have as many numbers as the problem has parameters.
        """
        shapes = eqx.filter_eval_shape(self.initial, key_shape())
        like = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        flat, unravel = ravel_pytree(like)
        if np.shape(vector) != flat.shape:
            raise SettingsError(
                f"the vector has shape {np.shape(vector)}; problem {self.name!r} has "
                f"{flat.size:,} parameters."
            )
        return eqx.combine(
            unravel(jnp.asarray(vector, jnp.float32)), held_arrays(self._fixed, self._mask)
        )

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

    @ensemble_settings()
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
        return evaluation_batch.draw(self.data, n, seed, self._drawing)

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was made of the problem once, and is kept as long as it is."""
        return {}

    @cached_property
    def _drawing(self) -> dict[int, Any]:
        return {}

    @cached_property
    def _drawn(self) -> Callable[[Array], Any]:
        return from_key(self.init, model_checks.example_shapes(self)[0], self.name)

    @cached_property
    def _compiled_init(self) -> Callable[[Array], Any]:
        return eqx.filter_jit(self._drawn)

    @cached_property
    def _mask(self) -> Any:
        return mask(eqx.filter_eval_shape(self._drawn, key_shape()), self.trainable)

    @cached_property
    def _fixed(self) -> Any:
        def fixed(key: Array) -> Any:
            return eqx.filter(self._compiled_init(key), self._mask, inverse=True)

        shapes = eqx.filter_eval_shape(fixed, key_shape())
        if not any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(shapes)):
            return shapes  # no array to draw, and drawing takes a compilation
        # Drawn once, at a fixed key: masks and the like are the same in every replica.
        with jax.ensure_compile_time_eval():
            return fixed(generator.as_jax_key(jnp.zeros(2, jnp.uint32)))

    def _check(self) -> None:
        params = model_checks.check_init(self)
        x, y = model_checks.example_shapes(self)
        if self.full_loss is not None:
            self._check_full_loss(params)
        if self.predict_batch is not None:
            self._check_predict_batch(params, x)
        model_checks.check_step(self, params, x, y)

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
