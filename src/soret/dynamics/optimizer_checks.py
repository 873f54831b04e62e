"""What an optax optimizer must be to run in an ensemble, found by tracing one update."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from soret.dynamics import optimizer_keys
from soret.dynamics.optax_description import parts
from soret.errors import SettingsError
from soret.problems import programs
from soret.problems.model_checks import DRAWS, explained

# Updates that are made from more than the mean gradient of one mini-batch.
_NEED_MORE = {
    "optax.scale_by_zoom_linesearch": "a line search evaluates the loss again",
    "optax.scale_by_backtracking_linesearch": "a line search evaluates the loss again",
    "optax.scale_by_polyak": "Polyak's step is made from the loss",
    "optax.contrib.momo": "its step is made from the loss",
    "optax.contrib.momo_adam": "its step is made from the loss",
    "optax.contrib.reduce_on_plateau": "it follows the loss",
    "optax.contrib.hutchinson_estimator_diag_hessian": "it differentiates the loss again",
    "optax.contrib.sophia": "it differentiates the loss again",
    "optax.contrib._sophia.scale_by_sophia": "it differentiates the loss again",
    "optax.lookahead": "it walks with pairs of parameters, fast and slow",
    "optax.contrib.differentially_private_aggregate": "it clips one gradient per example",
    "optax.per_example_global_norm_clip": "it clips one gradient per example",
    "optax.per_example_layer_norm_clip": "it clips one gradient per example",
}


def check_update(optimizer: optax.GradientTransformation, params: Any) -> bool:
    """Check one update on parameters of these shapes; return whether it draws random numbers.

    Raises
    ------
    SettingsError
        If the update needs more than gradient, state and parameters, returns something else than
        an update of the parameters' shapes, or draws random numbers that would be the same in
        every replica.
    """
    names = [part["name"] for part in parts(optimizer)]
    for name in names:
        if name in _NEED_MORE:
            raise SettingsError(
                f"the optimizer has {name}, which cannot run in an ensemble: {_NEED_MORE[name]}, "
                "and an update here gets the gradient of one mini-batch alone; use one without it, "
                "as optax.sgd or optax.adam."
            )
    whose = " → ".join(names)
    try:
        state = jax.eval_shape(optimizer.init, params)
        traced = jax.make_jaxpr(lambda g, s, p: optimizer.update(g, s, p), return_shape=True)
        jaxpr, (updates, after) = traced(params, state, params)
    except SettingsError:
        raise
    except TypeError as error:
        raise SettingsError(
            f"the optimizer ({whose}) cannot be run: {explained(error)}; an update here gets the "
            "gradient of one mini-batch, the state and the parameters alone."
        ) from error
    except Exception as error:
        raise SettingsError(f"the optimizer ({whose}) cannot be run: {explained(error)}") from error
    _check_shapes(whose, params, updates, state, after)
    if not programs.is_same_again(optimizer.update, params, state, params):
        raise SettingsError(
            f"the optimizer ({whose}) is another program each time it is traced, as when NumPy "
            "draws random numbers in it, which are then the same at every step; keep a JAX key in "
            "its state, as a field called rng_key."
        )
    where = optimizer_keys.places(state)
    count = len(jaxpr.jaxpr.invars)
    first = len(jax.tree.leaves(params))
    of_key = {first + key.place for key in where}
    marked = [place in of_key for place in range(count)]
    for equation, from_key in programs.equations(jaxpr.jaxpr, marked):
        if equation.primitive.name in DRAWS and not from_key:
            raise SettingsError(
                f"the optimizer ({whose}) draws random numbers with a key that is not in its "
                "state: they would be the same in every replica; keep the key in the state, as a "
                "field called rng_key, and split it at every update."
            )
    return bool(where)


def _check_shapes(whose: str, params: Any, updates: Any, state: Any, after: Any) -> None:
    def shapes(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)

    wanted = jax.tree.map(lambda leaf: leaf.shape, params)
    found = jax.tree.map(lambda leaf: leaf.shape, updates)
    if found != wanted:
        raise SettingsError(
            f"the optimizer ({whose}) returns updates of shapes {found} for parameters of shapes "
            f"{wanted}; each must be that of its parameter."
        )
    for one, other in zip(
        jax.tree_util.tree_leaves_with_path(shapes(state)),
        jax.tree_util.tree_leaves_with_path(shapes(after)),
        strict=False,
    ):
        if one != other:
            raise SettingsError(
                f"the optimizer ({whose}) changes the shape or type of its state at "
                f"{jax.tree_util.keystr(one[0])} from {one[1]} to {other[1]}; both must be the "
                "same at every step."
            )
    before_and_after: list[Any] = [jax.tree.structure(tree) for tree in (state, after)]
    if before_and_after[0] != before_and_after[1]:
        raise SettingsError(
            f"the optimizer ({whose}) changes the structure of its state at the first update; it "
            "must stay the same."
        )


def needs_values(make: Any, names: tuple[str, ...]) -> bool:
    """Return whether a maker looks at the values of its hyperparameters.

    Schedules do, as ``warmup_cosine_decay_schedule``, which checks that its peak is above zero:
    then each point of the grid is a program of its own.
    """
    values = {name: jax.ShapeDtypeStruct((), jnp.float32) for name in names}
    some = {"w": jnp.zeros(2, jnp.float32)}

    def trial(values: Any, params: Any) -> Any:
        optimizer = make(**values)
        updates, _ = optimizer.update(params, optimizer.init(params), params)
        return updates

    try:
        jax.eval_shape(trial, values, some)
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.TracerArrayConversionError,
        jax.errors.TracerIntegerConversionError,
        jax.errors.UnexpectedTracerError,
    ):
        return True
    except Exception:  # of parameters that are not the real ones: those are tried before a run
        return False
    return False
