"""The loss and the accuracy on the problem's probe, and the loss over all the data."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from soret.data import Dataset
from soret.errors import SettingsError
from soret.landscape.chunks import mean_in_chunks
from soret.observables.state import Observable, State, label
from soret.problems import Problem


@label("loss", "nats")
def loss(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean loss over the problem's probe: 2,048 fixed examples, or all there are.

    In nats where the loss is a cross-entropy.
    """
    inputs, labels = problem.probe()
    return problem.batch_loss(state.params, (jnp.asarray(inputs), jnp.asarray(labels)))


def loss_over(examples: int) -> Observable:
    """Return the observable `loss` over another number of examples, some at a time.

    Parameters
    ----------
    examples : int
        How many; `problem.probe(examples)` says which.

    Raises
    ------
    SettingsError
        If there are none.
    """
    if examples < 1:
        raise SettingsError(f"examples is {examples}; a mean takes at least 1.")

    @label("loss", "nats")
    def loss(problem: Problem, state: State) -> Float[Array, ""]:
        inputs, labels = (jnp.asarray(array) for array in problem.probe(examples))
        return mean_in_chunks(problem.example_loss, problem, state.params, inputs, labels)

    return loss


@label("accuracy", "fraction")
def accuracy(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the fraction of the probe classified right: by sign of a scalar, else by argmax."""
    inputs, labels = problem.probe()
    outputs = jax.vmap(problem.output, in_axes=(None, 0))(state.params, jnp.asarray(inputs))
    scalar = outputs.ndim == 1 or outputs.shape[-1] == 1
    guess = (outputs.reshape(len(labels)) > 0) if scalar else jnp.argmax(outputs, axis=-1)
    return jnp.mean((guess.astype(jnp.int32) == jnp.asarray(labels)).astype(jnp.float32))


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
            "observe the loss on the probe, soret.observables.loss."
        )
    inputs, labels = jnp.asarray(problem.data.inputs), jnp.asarray(problem.data.labels)
    return mean_in_chunks(problem.example_loss, problem, state.params, inputs, labels)
