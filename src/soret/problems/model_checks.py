"""What a problem's parts must be, found by tracing one step of SGD, before any work.

Nothing is compiled: a program is traced with shapes in place of numbers. Only a loss of the user's
own on class labels is run, by itself.
"""

from __future__ import annotations

import inspect
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp

from soret.data import Dataset
from soret.errors import SettingsError
from soret.problems import programs, single_example
from soret.problems.drawing import key_shape
from soret.problems.labels import check_labels
from soret.problems.losses import LOSSES
from soret.problems.own_loss import check_own_loss
from soret.problems.probabilities import last_operation
from soret.problems.smoothing import LabelSmoothing
from soret.problems.tracing import ensemble_settings

if TYPE_CHECKING:
    from soret.problems.problem import Problem

DRAWS = {"random_bits", "random_gamma", "threefry2x32", "rng_bit_generator", "rng_uniform"}

# Characters of a user's line that are shown.
_LINE = 80

# What JAX raises, and what it means for a model.
_MEANINGS = (
    (
        jax.errors.TracerBoolConversionError,
        "it branches in Python on a value that is known only when the program runs; use "
        "jnp.where or jax.lax.cond",
    ),
    (jax.errors.TracerArrayConversionError, "it hands traced values to NumPy; use jax.numpy"),
    (
        jax.errors.TracerIntegerConversionError,
        "it takes as a Python integer what is known only when the program runs; use jnp.take or "
        "jax.lax.dynamic_slice",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "it selects by a mask, and the number of what is selected is not known; use jnp.where",
    ),
    (
        jax.errors.UnexpectedTracerError,
        "it keeps a traced value from one call to the next; return it instead",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "it takes as a Python number what is known only when the program runs; keep it an array",
    ),
)


class ModelWarning(UserWarning):
    """A model that can be run, and hardly does what is meant."""


def check_init(problem: Problem) -> Any:
    """Return the shapes of the parameters that move.

    Raises
    ------
    SettingsError
        If they are none that an ensemble can hold.
    """
    name = problem.name
    try:
        params = eqx.filter_eval_shape(problem.initial, key_shape())
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(f"init(key) of problem {name!r} fails: {explained(error)}") from error
    leaves = jax.tree_util.tree_leaves_with_path(params)
    if not leaves:
        raise SettingsError(
            f"init(key) of problem {name!r} returns no floating-point array that SGD may move; it "
            "needs at least one."
        )
    for path, leaf in leaves:
        place = jax.tree_util.keystr(path) or "its array"
        if str(leaf.dtype) != "float32":
            raise SettingsError(
                f"init(key) of problem {name!r} returns {leaf.dtype} at {place}; "
                f"{_remedy(str(leaf.dtype))}"
            )
        if not leaf.size:
            raise SettingsError(
                f"init(key) of problem {name!r} returns an array of shape {leaf.shape} at {place}, "
                "which holds no number; leave it out."
            )
    return params


def warn_of_ensemble(problem: Problem) -> None:
    """Warn of what makes an ensemble's replicas alike: starts, or noise that is drawn only once.

    Starts that do not depend on the key of `init` may be said to be meant.
    """
    if warn_of_ensemble not in problem.kept:
        problem.kept[warn_of_ensemble] = tuple(_alike(problem))
    for message in problem.kept[warn_of_ensemble]:
        warn(message)


def _alike(problem: Problem) -> Iterator[str]:
    """Say what makes replicas alike; it takes some traces of the model."""
    params = check_init(problem)
    x, label = example_shapes(problem)
    with ensemble_settings():
        same = programs.is_same_again(problem.example_loss, params, x, label)
    if not same:
        yield (
            f"the model of problem {problem.name!r} is another program each time it is traced, as "
            "when NumPy draws random numbers in it: what is compiled holds one draw, the same at "
            "every step and in every replica. Noise belongs into the data "
            "(soret.data.FromFunction draws it anew at every step); what is meant to be constant, "
            "into init."
        )
    if problem.fixed_start:
        return
    traced, _, _ = eqx.filter_make_jaxpr(problem.initial)(key_shape())
    if not any(programs.depends(traced.jaxpr, [True] * len(traced.jaxpr.invars))):
        yield (
            f"init(key) of problem {problem.name!r} does not use its key: every replica starts "
            "from the same parameters, at every seed. Draw them from the key, or say "
            "Problem(..., fixed_start=True) if that is meant."
        )


def check_step(
    problem: Problem, params: Any, x: jax.ShapeDtypeStruct, label: jax.ShapeDtypeStruct
) -> None:
    """Check model, loss and gradient as a step of SGD takes them: mapped over replicas.

    Raises
    ------
    SettingsError
        Naming the part that cannot be traced, mapped or differentiated.
    """
    outputs: list[Any] = []

    def one(params: Any, x: Any, label: Any) -> Any:
        output = problem.output(params, x)
        _check_output(problem, output)
        outputs.append(jax.tree.map(_shape_of, output))
        assert callable(problem.loss)
        return problem.loss(output, label)

    try:
        with ensemble_settings():
            loss = eqx.filter_eval_shape(one, params, x, label)
    except SettingsError:
        raise
    except Exception as error:
        _check_predict(problem, params, x)
        if outputs:
            check_labels(problem.name, problem.loss, problem.data, outputs[0], label)
        raise SettingsError(
            f"problem {problem.name!r} fails on one example of shape {x.shape}: {explained(error)}"
        ) from error
    check_labels(problem.name, problem.loss, problem.data, outputs[0], label)
    shape, dtype = getattr(loss, "shape", None), str(getattr(loss, "dtype", ""))
    if shape != () or dtype != "float32":
        raise SettingsError(
            f"the loss of one example has shape {shape} and type {dtype or None} in problem "
            f"{problem.name!r}; it must be a scalar of type float32."
        )
    whole = problem.predict_batch is not None
    data = (_repeated(x), _repeated(label)) if whole else (x, label)
    step = problem.training_loss if whole else lambda params, pair: one(params, *pair)
    try:
        with ensemble_settings():
            shapes = jax.tree.map(_repeated, (params, data))
            traced = jax.make_jaxpr(jax.vmap(jax.grad(step)))(*shapes).jaxpr
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(
            f"the gradient of problem {problem.name!r} cannot be taken: "
            f"{_why_no_gradient(problem, params, x, label, error)}"
        ) from error
    _check_normalization(problem, params, x)
    _warn_of_frozen_noise(problem, traced)
    _warn_of_probabilities(problem, params, x)
    if programs.is_zero(traced):
        warn(
            f"the gradient of problem {problem.name!r} is zero everywhere: no parameter reaches "
            "the loss but through what has no derivative (round, sign, argmax, comparisons, "
            "integers, stop_gradient)."
        )
        return
    check_own_loss(problem.loss, problem.data, outputs[0])


def explained(error: Exception) -> str:
    """Return an error that tracing raised as half a sentence, with the user's own line."""
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning + where(error)
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    return first + where(error)


def _check_predict(problem: Problem, params: Any, x: jax.ShapeDtypeStruct) -> None:
    """Refuse a model that fails by itself, whatever the loss."""
    try:
        with ensemble_settings():
            eqx.filter_eval_shape(problem.output, params, x)
    except SettingsError:
        raise
    except Exception as error:
        hint = (
            "; it takes a batch: hand over lambda params, x: predict(params, x[None])[0]"
            if _takes_batches(problem, params, x)
            else ""
        )
        raise SettingsError(
            f"predict of problem {problem.name!r} fails on one example of shape {x.shape}: "
            f"{explained(error)}{hint}"
        ) from error


def _check_output(problem: Problem, output: Any) -> None:
    """Refuse what none of Soret's losses takes; a user's own may take anything."""
    if problem.loss not in LOSSES.values():
        return
    if not hasattr(output, "dtype"):
        raise SettingsError(
            f"predict of problem {problem.name!r} returns a {type(output).__name__}; it must "
            "return the output alone, one array (as in predict(params, x)[0])."
        )
    if not jnp.issubdtype(output.dtype, jnp.floating):
        raise SettingsError(
            f"predict of problem {problem.name!r} returns {output.dtype}; it must return "
            "floating-point numbers that the loss can be differentiated by (scores, not classes)."
        )


def _takes_batches(problem: Problem, params: Any, x: jax.ShapeDtypeStruct) -> bool:
    try:
        with ensemble_settings():
            eqx.filter_eval_shape(lambda p, one: problem.output(p, one[None]), params, x)
    except Exception:  # any failure says no more than that this is not the reason
        return False
    return True


def _why_no_gradient(problem: Problem, params: Any, x: Any, label: Any, error: Exception) -> str:
    text = str(error)
    with ensemble_settings():
        jaxpr = jax.make_jaxpr(problem.example_loss)(params, x, label).jaxpr
    loop = programs.part(jaxpr, "while")
    if loop and "while_loop" in text:
        return (
            f"a loop of a length that is not known beforehand, {loop.name} has no reverse-mode "
            "derivative; use jax.lax.scan, a fori_loop with fixed bounds, or a solver's "
            "reverse-mode adjoint"
        )
    for primitive, kind in (("custom_vjp_call", "custom_vjp"), ("custom_jvp_call", "custom_jvp")):
        own = programs.part(jaxpr, primitive)
        if own and kind in text.lower().replace(" ", "_"):
            return f"{own.name} has a derivative of its own ({kind}) that fails: {explained(error)}"
    for primitive in ("pure_callback", "io_callback"):
        if programs.part(jaxpr, primitive):
            return (
                f"a call back into Python ({primitive}) has no derivative; write it in jax.numpy, "
                f"or give it a derivative with jax.custom_vjp{where(error)}"
            )
    return explained(error)


def _check_normalization(problem: Problem, params: Any, x: jax.ShapeDtypeStruct) -> None:
    """Refuse, or warn of, a model that normalizes over the one example that it is given."""
    count = len(jax.tree.leaves(params))
    with ensemble_settings():
        traced = jax.make_jaxpr(problem.output)(params, x).jaxpr
        marked = [place >= count for place in range(len(traced.invars))]
        if not single_example.normalizes_alone(traced, marked):
            return
        constant = single_example.is_constant(problem.output, params, x)
    what = (
        f"predict of problem {problem.name!r} normalizes over the single example that it is given, "
        "as batch normalization in training mode does"
    )
    remedy = (
        "let predict use fixed statistics (running averages, or those of reference examples), and "
        "give predict_batch= for what SGD sees, as soret.problems.dense(batch_normalization=True) "
        "has them; or use layer or group normalization"
    )
    if constant:
        raise SettingsError(f"{what}: its output is the same for every input; {remedy}.")
    warn(f"{what}: of one example's mean and deviation nothing is left to learn; {remedy}.")


def _warn_of_frozen_noise(problem: Problem, traced: Any) -> None:
    """Warn of random numbers that depend neither on the example nor on anything that changes."""
    count = len(traced.invars)
    data = [place >= count - 2 for place in range(count)]
    for equation, of_data in programs.equations(traced, data):
        if equation.primitive.name in DRAWS and not of_data:
            warn(
                f"problem {problem.name!r} draws random numbers ({equation.primitive.name}) with a "
                "key that is always the same: they are one constant, equal in every replica, at "
                "every step and for every example. Noise belongs into the data "
                "(soret.data.FromFunction draws it anew at every step); what is meant to be "
                "constant, into init."
            )
            return


def _warn_of_probabilities(problem: Problem, params: Any, x: jax.ShapeDtypeStruct) -> None:
    """Warn of a model that ends in what the loss does itself."""
    crossed = problem.loss in (LOSSES["cross_entropy"], LOSSES["binary_cross_entropy"])
    if not (crossed or isinstance(problem.loss, LabelSmoothing)):
        return
    with ensemble_settings():
        traced = jax.make_jaxpr(problem.output)(params, x).jaxpr
    last = last_operation(traced)
    if last:
        call = "jax.nn.sigmoid" if last == "logistic" else "jax.nn.softmax"
        warn(
            f"predict of problem {problem.name!r} ends in a {last} function, so it returns "
            "probabilities where the cross-entropy takes scores (logits) and makes probabilities "
            f"of them itself: training stalls. Leave {call} out."
        )


def warn(message: str) -> None:
    """Warn at the user's own line that led here."""
    level, frame = 2, inspect.currentframe()
    frame = frame.f_back if frame is not None else None
    while frame is not None and not programs.is_own(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, ModelWarning, stacklevel=level if frame is not None else 2)


def _shape_of(leaf: Any) -> Any:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else leaf


def _repeated(shape: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((2, *shape.shape), shape.dtype)


def _remedy(dtype: str) -> str:
    if dtype.startswith("complex"):
        return "ensembles run in float32: hold real and imaginary parts as two arrays."
    if dtype == "float64":
        return (
            "ensembles run in float32. Give its arrays that type; with jax_enable_x64 on, "
            "libraries make float64."
        )
    return "ensembles run in float32: give its arrays that type, and cast within predict."


def where(error: Exception) -> str:
    """Return " (line 5 of own.py: `if x > 0:`)": the user's own line, where there is one."""
    found = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in found if programs.is_own(frame.filename)]
    if not frames:
        return ""
    last = frames[-1]
    line = f": `{last.line[:_LINE]}`" if last.line else ""
    return f" (line {last.lineno} of {Path(last.filename).name}{line})"


def example_shapes(problem: Problem) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    """Return the shapes of one example's input and label.

    Raises
    ------
    SettingsError
        If the stream fails.
    """
    if example_shapes not in problem.kept:
        problem.kept[example_shapes] = _example_shapes(problem)
    shapes: tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct] = problem.kept[example_shapes]
    return shapes


def _example_shapes(
    problem: Problem,
) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    if isinstance(problem.data, Dataset):
        x, y = problem.data.inputs, problem.data.labels
    else:
        data = problem.data
        key = jax.ShapeDtypeStruct((2,), jnp.uint32)
        step = jax.ShapeDtypeStruct((), jnp.uint32)
        try:
            with ensemble_settings():
                x, y = jax.eval_shape(lambda k, s: data.draw(k, s, 1), key, step)
        except Exception as error:
            raise SettingsError(f"the stream of problem {problem.name!r} fails: {error}") from error
    return (
        jax.ShapeDtypeStruct(x.shape[1:], x.dtype),
        jax.ShapeDtypeStruct(y.shape[1:], y.dtype),
    )
