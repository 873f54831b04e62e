"""The loss and the accuracy on the problem's probe."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from soret.observables.state import State, label
from soret.problems import Problem


@label("loss", "nats")
def loss(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean loss over the problem's probe: 2,048 fixed examples, or all there are.

    In nats where the loss is a cross-entropy.
    """
    inputs, labels = problem.probe()
    return problem.batch_loss(state.params, (jnp.asarray(inputs), jnp.asarray(labels)))


@label("accuracy", "fraction")
def accuracy(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the fraction of the probe classified right: by sign of a scalar, else by argmax."""
    inputs, labels = problem.probe()
    outputs = jax.vmap(problem.output, in_axes=(None, 0))(state.params, jnp.asarray(inputs))
    scalar = outputs.ndim == 1 or outputs.shape[-1] == 1
    guess = (outputs.reshape(len(labels)) > 0) if scalar else jnp.argmax(outputs, axis=-1)
    return jnp.mean((guess.astype(jnp.int32) == jnp.asarray(labels)).astype(jnp.float32))
