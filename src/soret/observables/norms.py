"""Norms of parameters."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from soret.errors import SettingsError
from soret.observables.state import State, label
from soret.problems import Problem


@label("norm of V")
def weight_norm(problem: Problem, state: State) -> Float[Array, ""]:
    """Return ‖V‖₂, the norm of the output layer (thermophoresis, Fig. 4).

    Raises
    ------
    SettingsError
        If the parameters have no entry "V".
    """
    if not isinstance(state.params, dict) or "V" not in state.params:
        raise SettingsError(
            f"problem {problem.name!r} has no output layer V; use parameter_norm instead."
        )
    return jnp.linalg.norm(state.params["V"].reshape(-1))


@label("norm of all parameters")
def parameter_norm(problem: Problem, state: State) -> Float[Array, ""]:
    """Return ‖θ‖₂ over every parameter."""
    squares = [jnp.sum(leaf**2) for leaf in jax.tree.leaves(state.params)]
    return jnp.sqrt(jnp.sum(jnp.stack(squares)))
