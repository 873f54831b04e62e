"""The activation rate: how often a hidden unit is on."""

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from soret.data import Gaussian
from soret.errors import SettingsError
from soret.observables.state import State, label
from soret.problems import Problem
from soret.problems.two_layer import preactivations as two_layer_preactivations


@label("activation rate", "fraction")
def activation_rate(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean over hidden units of P(pre-activation > 0) (thermophoresis, Eq. 14).

    Exact for a two-layer net with inputs x ~ N(0, I), where it is the mean of Φ(b_i/‖W_i‖).
    Otherwise the mean over an evaluation batch of 2,048 examples, or as many as there are.

    Raises
    ------
    SettingsError
        If the problem does not say where its hidden units are (`Problem.preactivations`).
    """
    if problem.preactivations is None:
        raise SettingsError(
            f"problem {problem.name!r} has no hidden units to watch; give it preactivations=."
        )
    known = problem.preactivations is two_layer_preactivations
    if known and isinstance(problem.data, Gaussian):
        return gaussian_activation_rate(state.params["W"], state.params.get("b"))
    model = problem.model(state.params)
    inputs, _ = problem.evaluation_batch()
    activations = jax.vmap(problem.preactivations, in_axes=(None, 0))(model, jnp.asarray(inputs))
    return jnp.mean((activations > 0).astype(jnp.float32))


def gaussian_activation_rate(
    W: Float[Array, "hidden inputs"], b: Float[Array, "hidden"] | None
) -> Float[Array, ""]:
    """Return mean Φ(b_i/‖W_i‖), the activation rate under x ~ N(0, I), in closed form.

    W_i·x + b_i is normal with mean b_i and deviation ‖W_i‖. Without a bias it is ½.

    Parameters
    ----------
    W : array, shape (hidden, inputs)
    b : array, shape (hidden,), or None

    Returns
    -------
    array, shape ()
    """
    if b is None:
        return jnp.asarray(0.5, W.dtype)
    return jnp.mean(norm.cdf(b / jnp.linalg.norm(W, axis=1)))
