"""Labels, outputs and losses that belong together: what each named loss takes.

A loss function of the user's own has a meaning that cannot be read off it: of its labels only what
every loss needs is checked, that a stream's are finite (and, in `soret.problems.own_loss`, that no
class is without a say).
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from soret.data import Dataset, Gaussian, GaussianRegression, Stream, Uniform
from soret.errors import SettingsError, TooMuchMemory
from soret.memory import refuse_beyond
from soret.problems import losses
from soret.problems.arguments import first_line
from soret.problems.smoothing import LabelSmoothing
from soret.problems.tracing import ensemble_settings

# A stream's labels and inputs are looked at in a batch drawn with a key of its own.
_KEY = (0x4C414245, 0x4C)
_MOST_DRAWN, _MOST_NUMBERS = 256, 2**20

_HASTY: dict[str, str | bool] = {"xla_backend_optimization_level": 0}  # type: ignore[dict-item]

_ONE_CLASS = (
    "a net that always says so is right; shuffle the examples before some are chosen, or, to "
    "measure on one class alone, give the loss as a function of your own"
)


class _Labels(NamedTuple):
    """The labels that are looked at, and whose they are."""

    values: np.ndarray
    whose: str
    classes: tuple[str, ...]
    whole: bool = True
    """Whether these are all there are."""

    def all_in(self, *allowed: float) -> bool:
        return bool(np.isin(self.values, allowed).all())


def check_labels(
    problem: str, loss: Any, data: Dataset | Stream, output: Any, label: jax.ShapeDtypeStruct
) -> None:
    """Refuse labels and outputs that the loss is not for.

    Of a data set all labels are looked at, of a stream those of a drawn batch (Soret's own streams
    are known). One compilation of the stream's draw, a tenth of a second or two.

    Parameters
    ----------
    problem : str
        The problem's name.
    loss : callable
    data : Dataset or Stream
    output, label : ShapeDtypeStruct
        Of one example. Outputs that are no array are left to the user's own loss.

    Raises
    ------
    SettingsError
        If they do not belong together, with what would be right.
    """
    found = _labels(problem, data)
    check = _CHECKS.get(_kind(loss, output))
    if check is not None and found is not None and hasattr(output, "shape"):
        check(problem, found, output.shape, label.shape)


def decision_threshold(loss: Any, data: Dataset | Stream, labels: np.ndarray) -> float | None:
    """Return above what a scalar output stands for class 1, or None where labels are no classes.

    By what the loss makes of a label: 0 for a logit and for the signs ±1, ½ where the mean square
    takes the numbers 0 and 1 as they are. Vectors of outputs decide by their largest, and
    losses of the user's own are taken to be of logits or scores.

    Parameters
    ----------
    loss : callable
    data : Dataset or Stream
    labels : array
        Those that are to be compared with: classes of a data set; otherwise whole numbers of a
        stream, or 0.0 and 1.0 where the loss is one for two classes.
    """
    labels = np.asarray(labels)
    two = bool(np.isin(labels, (0, 1)).all())
    named_two = loss is losses.binary_cross_entropy or loss is losses.mean_square_sign
    whole = isinstance(data, Dataset) and bool(data.classes)
    whole |= not isinstance(data, Dataset) and labels.dtype.kind in "ui" and labels.ndim == 1
    if not whole and not (named_two and two and labels.ndim == 1):
        return None
    if loss is losses.mean_square:
        return 0.5 if two else None
    return 0.0


def _kind(loss: Any, output: Any) -> Any:
    """Return the named loss whose outputs and labels this one takes."""
    if isinstance(loss, LabelSmoothing):
        scalar = getattr(output, "size", 0) == 1
        return losses.binary_cross_entropy if scalar else losses.cross_entropy
    return next((known for known in _CHECKS if known is loss), None)


def _labels(problem: str, data: Dataset | Stream) -> _Labels | None:
    """Return the labels that are to be looked at; None where the stream is known to be right."""
    if isinstance(data, Dataset):
        return _Labels(data.labels, f"the labels of data set {data.name!r}", data.classes)
    whose = f"the labels that the stream of problem {problem!r} draws"
    if isinstance(data, Gaussian | Uniform):
        return _Labels(np.arange(data.classes, dtype=np.int32), whose, ())
    if isinstance(data, GaussianRegression):
        return _Labels(np.array([-1.5, 0.25, 1.5], np.float32), whose, ())
    if getattr(data, "trusted", False):
        return None
    inputs, labels = _drawn(problem, data)
    for what, values in (("inputs", inputs), ("labels", labels)):
        # bfloat16 and its like are no numbers to NumPy.
        known = values.astype(np.float32) if values.dtype.kind == "V" else values
        if not np.isfinite(known).all():
            raise SettingsError(
                f"the stream of problem {problem!r} draws {what} that are not finite; every one "
                "must be a finite number."
            )
    return _Labels(labels, whose, (), whole=False)


def _drawn(problem: str, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    try:
        return _draw(stream)  # type: ignore[arg-type]
    except TypeError:  # a stream that cannot be hashed, or fails: the latter says so again
        pass
    except TooMuchMemory:
        raise
    except Exception as error:
        raise SettingsError(
            f"the stream of problem {problem!r} fails: {first_line(error)}"
        ) from error
    try:
        return _draw.__wrapped__(stream)
    except TooMuchMemory:
        raise
    except Exception as error:
        raise SettingsError(
            f"the stream of problem {problem!r} fails: {first_line(error)}"
        ) from error


# Problems are made anew from the same stream: once for each point of a comparison, say.
@functools.lru_cache(maxsize=32)
def _draw(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    with ensemble_settings():
        shape = jax.ShapeDtypeStruct((2,), jnp.uint32)
        one = jax.eval_shape(lambda k: stream.draw(k, jnp.uint32(0), 1), shape)
        numbers = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(one))
        n = max(1, min(_MOST_DRAWN, _MOST_NUMBERS // max(1, numbers)))
        # Traced before anything is evaluated: counters of random bits would become constants.
        draw = jax.jit(lambda k: stream.draw(k, jnp.uint32(0), n)).lower(shape)
        # It runs once: what counts is the time to compile.
        program = draw.compile(_HASTY)
        _refuse_what_does_not_fit(program, n)
        with jax.ensure_compile_time_eval():
            inputs, labels = program(jnp.array(_KEY, jnp.uint32))
            return np.asarray(inputs), np.asarray(labels)


def _refuse_what_does_not_fit(program: Any, n: int) -> None:
    sizes = program.memory_analysis()
    if sizes is not None:  # not every backend says
        refuse_beyond(
            sizes.output_size_in_bytes + sizes.temp_size_in_bytes,
            f"drawing {n} example{'s' * (n > 1)} of the stream",
            "use smaller examples",
        )


def _cross_entropy(
    problem: str, labels: _Labels, output: tuple[int, ...], label: tuple[int, ...]
) -> None:
    _check_scores("cross_entropy", "binary_cross_entropy", problem, labels, output, label)
    _check_not_one_class(labels)


def _mean_square_one_hot(
    problem: str, labels: _Labels, output: tuple[int, ...], label: tuple[int, ...]
) -> None:
    _check_scores("mean_square_one_hot", "mean_square_sign", problem, labels, output, label)
    _check_not_one_class(labels)


def _check_scores(
    loss: str,
    of_one: str,
    problem: str,
    labels: _Labels,
    output: tuple[int, ...],
    label: tuple[int, ...],
) -> None:
    if len(output) != 1 or output[0] < 2:
        one = math.prod(output) == 1
        raise SettingsError(
            f"the output of problem {problem!r} has shape {output}; {loss} takes one score for "
            "each of at least two classes" + (f", and {of_one} a single output." if one else ".")
        )
    if label != ():
        raise SettingsError(
            f"{labels.whose} have shape {label} for each example; {loss} takes the number of its "
            "class: np.argmax(labels, axis=1) of one-hot rows."
        )
    if labels.values.dtype.kind not in "ui":
        raise SettingsError(
            f"{labels.whose} are of type {labels.values.dtype}; {loss} takes the number of a class "
            "as an integer, and a data set the names of its classes."
        )
    low, high, n = int(labels.values.min()), int(labels.values.max()), output[0]
    if low < 0 or high >= n:
        more = f": {high + 1} of them, or labels below {n}" if low >= 0 else ""
        raise SettingsError(
            f"{labels.whose} run from {low} to {high}, and the output of problem {problem!r} has "
            f"{n} scores; {loss} takes classes from 0 and one score for each{more}."
        )


def _binary_cross_entropy(
    problem: str, labels: _Labels, output: tuple[int, ...], label: tuple[int, ...]
) -> None:
    _check_one("binary_cross_entropy", "cross_entropy", problem, labels, output, label)
    low, high = labels.values.min(), labels.values.max()
    if low < 0 or high > 1:
        raise SettingsError(
            f"{labels.whose} run from {low:g} to {high:g}; binary_cross_entropy takes labels from "
            f"0 to 1{_mapped(labels)}."
        )
    _check_not_one_class(labels)


def _mean_square_sign(
    problem: str, labels: _Labels, output: tuple[int, ...], label: tuple[int, ...]
) -> None:
    _check_one("mean_square_sign", "mean_square_one_hot", problem, labels, output, label)
    if not labels.all_in(0, 1):
        more = _mapped(labels) or "; mean_square takes real numbers as they are"
        raise SettingsError(
            f"{labels.whose} run from {labels.values.min():g} to {labels.values.max():g}; "
            f"mean_square_sign takes the labels 0 and 1, and makes −1 and +1 of them{more}."
        )
    _check_not_one_class(labels)


def _check_one(
    loss: str,
    of_many: str,
    problem: str,
    labels: _Labels,
    output: tuple[int, ...],
    label: tuple[int, ...],
) -> None:
    if math.prod(output) != 1:
        raise SettingsError(
            f"the output of problem {problem!r} has shape {output}; {loss} takes a single number, "
            f"and {of_many} one for each class."
        )
    if math.prod(label) != 1:
        raise SettingsError(
            f"{labels.whose} have shape {label} for each example; {loss} takes one number, 0 or 1."
        )


def _mean_square(
    problem: str, labels: _Labels, output: tuple[int, ...], label: tuple[int, ...]
) -> None:
    if output != label and not math.prod(output) == math.prod(label) == 1:
        more = (
            "mean_square_one_hot takes one output for each class"
            if labels.classes or (label == () and labels.values.dtype.kind in "ui")
            else "mean_square takes an output of the label's shape"
        )
        raise SettingsError(
            f"the output of problem {problem!r} has shape {output}, and {labels.whose} have shape "
            f"{label} for each example; {more}."
        )
    if len(labels.classes) > 2:
        raise SettingsError(
            f"{labels.whose} are numbers of {len(labels.classes)} classes, of which mean_square "
            "would make quantities, the third class twice as far as the second; "
            "mean_square_one_hot takes one output for each, and labels that are quantities have no "
            "classes."
        )


def _check_not_one_class(labels: _Labels) -> None:
    values = labels.values
    # A stream may draw a rare class later.
    if (
        not labels.whole
        or values.size < 2
        or not labels.all_in(values.flat[0])
        or 0 < values.flat[0] < 1
    ):
        return
    which = labels.classes[int(values.flat[0])] if labels.classes else f"{values.flat[0]:g}"
    raise SettingsError(f"{labels.whose} are all of one class, {which!r}: {_ONE_CLASS}.")


def _mapped(labels: _Labels) -> str:
    if labels.all_in(-1, 1):
        return ": map them to 0 and 1, (y + 1) / 2"
    found = np.unique(labels.values)
    if len(found) == 2:
        return f": map them to 0 and 1, y == {found[1]:g}"
    return ""


_Check = Callable[[str, _Labels, tuple[int, ...], tuple[int, ...]], None]
_CHECKS: dict[Callable[[Array, Array], Array], _Check] = {
    losses.binary_cross_entropy: _binary_cross_entropy,
    losses.cross_entropy: _cross_entropy,
    losses.mean_square: _mean_square,
    losses.mean_square_one_hot: _mean_square_one_hot,
    losses.mean_square_sign: _mean_square_sign,
}
