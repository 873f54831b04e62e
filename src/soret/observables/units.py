"""The state of the hidden units of a two-layer net with a scalar output."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from soret.errors import SettingsError
from soret.observables.state import State, label
from soret.problems import Params, Problem


@label("mean bias")
def mean_bias(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of b over hidden units.

    Raises
    ------
    SettingsError
        If the parameters are not V, W and b with one output.
    """
    return jnp.mean(_parameters(problem, state)["b"])


@label("mean of W")
def mean_hidden_weight(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of W over inputs and hidden units, with a bias or without.

    Raises
    ------
    SettingsError
        If the parameters are not V and W with one output.
    """
    return jnp.mean(_parameters(problem, state, ("V", "W"))["W"])


@label("mean |V|")
def mean_output_weight(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of |V| over hidden units; errors as for `mean_bias`."""
    return jnp.mean(jnp.abs(_parameters(problem, state)["V"]))


@label("V, b and ‖W‖ of every hidden unit")
def hidden_units(problem: Problem, state: State) -> Float[Array, "3 hidden"]:
    """Return what the theory of one unit's noise needs: V, b and ‖W‖; errors as for `mean_bias`."""
    params = _parameters(problem, state)
    return jnp.stack([params["V"], params["b"], jnp.linalg.norm(params["W"], axis=1)])


@label("E(p − y)², labels fair")
def balanced_residual(problem: Problem, state: State) -> Float[Array, ""]:
    """Return E(p − y)² of a net with one logit, over both labels alike: ¼ + E(p − ½)².

    Over an evaluation batch of 256 examples.
    """
    inputs, _ = problem.evaluation_batch(256)
    logits = jax.vmap(problem.output, in_axes=(None, 0))(state.params, jnp.asarray(inputs))
    return 0.25 + jnp.mean((jax.nn.sigmoid(logits) - 0.5) ** 2)


def _parameters(problem: Problem, state: State, names: tuple[str, ...] = ("V", "W", "b")) -> Params:
    params = state.params
    if not isinstance(params, dict) or not set(names) <= set(params) or params["V"].ndim != 1:
        wanted = f"{', '.join(names[:-1])} and {names[-1]}"
        raise SettingsError(
            f"problem {problem.name!r} has no {wanted} of a two-layer net with one output."
        )
    return params
