"""The loss and the accuracy on an evaluation batch, and the loss over all the data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from soret.data import Dataset
from soret.data.subsets import whole_number
from soret.errors import SettingsError
from soret.landscape.batches import mean_example
from soret.landscape.evaluation import is_right
from soret.observables.state import Observable, State, label
from soret.problems import Params, Problem
from soret.problems.evaluation_batch import Drawn, note
from soret.problems.labels import decision_threshold


@label("loss", "nats")
def loss(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean loss over an evaluation batch of 2,048 examples, or all there are.

    In nats where the loss is a cross-entropy.
    """
    inputs, labels = problem.evaluation_batch()
    return problem.batch_loss(state.params, (jnp.asarray(inputs), jnp.asarray(labels)))


def loss_over(examples: int) -> Observable:
    """Return the observable `loss` over another number of examples, some at a time.

    Parameters
    ----------
    examples : int
        How many; `problem.evaluation_batch(examples)` draws them.

    Raises
    ------
    SettingsError
        If there are none.
    """
    if examples < 1:
        raise SettingsError(f"examples is {examples}; a mean takes at least 1.")

    @label("loss", "nats")
    def loss(problem: Problem, state: State) -> Float[Array, ""]:
        inputs, labels = (jnp.asarray(array) for array in problem.evaluation_batch(examples))
        return mean_example(problem.example_loss, problem, state.params, inputs, labels)

    return loss


@label("accuracy", "fraction")
def accuracy(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the fraction of an evaluation batch of 2,048 that is classified right.

    By the sign of a scalar output (under mean_square, by whether it is nearer 1 than 0), else by
    the largest.

    Raises
    ------
    SettingsError
        If the labels are no classes.
    """
    inputs, labels = problem.evaluation_batch()
    threshold = _threshold(problem, labels)
    outputs = jax.vmap(problem.output, in_axes=(None, 0))(state.params, jnp.asarray(inputs))
    return jnp.mean(is_right(outputs, jnp.asarray(labels), threshold))


def accuracy_over(chosen: int | np.integer[Any] | NDArray[np.integer[Any]]) -> Observable:
    """Return the observable `accuracy` over other examples, some at a time.

    Parameters
    ----------
    chosen : int or (n,) integer array
        How many, as `problem.evaluation_batch(chosen)` draws them; or which examples.

    Raises
    ------
    SettingsError
        If there are none.
    """
    which = np.asarray(chosen)
    number = None if which.ndim else whole_number(chosen, "chosen")
    if number is None and (which.ndim != 1 or not which.size or which.dtype.kind not in "iu"):
        raise SettingsError(
            f"chosen has shape {which.shape} and type {which.dtype}; it must be a list of at "
            "least one whole number."
        )

    def examples_of(problem: Problem) -> tuple[Array, Array, np.ndarray]:
        """Return the inputs, their labels, and the labels that tell what is measured."""
        if number is not None:
            inputs, labels = problem.evaluation_batch(number)
            every = problem.data.labels if isinstance(problem.data, Dataset) else labels
            return jnp.asarray(inputs), jnp.asarray(labels), every
        if not isinstance(problem.data, Dataset):
            raise SettingsError(
                f"problem {problem.name!r} draws from a stream; accuracy_over takes a number of "
                "examples from it."
            )
        note(Drawn(len(which), len(problem.data), "as chosen"))
        inputs, labels = problem.data.inputs[which], problem.data.labels[which]
        return jnp.asarray(inputs), jnp.asarray(labels), problem.data.labels

    @label("accuracy", "fraction")
    def accuracy(problem: Problem, state: State) -> Float[Array, ""]:
        inputs, labels, every = examples_of(problem)
        threshold = _threshold(problem, every)

        def right(params: Params, x: Array, y: Array) -> Array:
            return is_right(problem.output(params, x)[None], y[None], threshold)[0]

        return mean_example(right, problem, state.params, inputs, labels)

    return accuracy


@label("mean loss over all data")
def full_loss(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean loss L(θ) over all the data.

    By the problem's own closed form where it has one, and else summed over the whole data set,
    some examples at a time: that costs as much as an epoch's forward passes.

    Raises
    ------
    SettingsError
        If the data are a stream and the problem has no closed form.
    """
    if problem.full_loss is not None:
        return problem.full_loss(state.params)
    if not isinstance(problem.data, Dataset):
        raise SettingsError(
            f"problem {problem.name!r} draws from a stream and has no full_loss in closed form; "
            "observe the loss on an evaluation batch, soret.observables.loss."
        )
    inputs, labels = map(jnp.asarray, problem.evaluation_batch(len(problem.data)))
    return mean_example(problem.example_loss, problem, state.params, inputs, labels)


def _threshold(problem: Problem, labels: np.ndarray) -> float:
    threshold = decision_threshold(problem.loss, problem.data, labels)
    if threshold is None:
        raise SettingsError(
            f"problem {problem.name!r} has real labels, and accuracy is of classes; observe the "
            "loss."
        )
    return threshold
