"""How far and how fast the parameters move."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from soret.errors import SettingsError
from soret.observables.state import Counted, Observable, State, label
from soret.problems import Problem


def displacement_from(point: ArrayLike) -> Observable:
    """Return the observable `squared_displacement`, |θ − θ₀|² from a given point θ₀.

    An observable sees one moment and remembers nothing. So a displacement from a marked step is
    that of a run which begins there (`soret.problems.starting_from`), or comes from positions
    recorded along a run: `soret.inference.squared_displacement`, or, in bounded memory,
    `soret.inference.LagDisplacement`.

    Parameters
    ----------
    point : (P,) array_like
        θ₀ as one vector, as `soret.observables.parameters` records it.

    Raises
    ------
    SettingsError
        If it is not a vector of finite numbers.
    """
    origin = np.asarray(point, np.float32)
    if origin.ndim != 1 or not np.isfinite(origin).all():
        raise SettingsError(
            f"point has shape {origin.shape}; it must be one vector of finite numbers."
        )

    @label("squared displacement")
    def squared_displacement(problem: Problem, state: State) -> Float[Array, ""]:
        theta = ravel_pytree(state.params)[0]
        check_size(problem, theta.size, origin.size, "point")
        return jnp.sum((theta - origin) ** 2)

    return squared_displacement


@label("squared velocity")
def squared_velocity(problem: Problem, state: State) -> Float[Array, ""]:
    """Return ‖v‖² of SGD's momentum buffer: |θ_k − θ_{k−1}|² is η² of it.

    Raises
    ------
    SettingsError
        If the optimizer keeps no velocity: without momentum SGD does not.
    """
    return jnp.sum(velocity_vector(problem, state) ** 2)


def velocity_vector(problem: Problem, state: State) -> Float[Array, "parameters"]:
    """Return v as one vector; refuse optimizers that keep none."""
    velocity = state.velocity.velocity if isinstance(state.velocity, Counted) else state.velocity
    kept: Any = jax.tree.structure(velocity)
    if kept != jax.tree.structure(state.params):
        raise SettingsError(
            f"{problem.name!r} is run without a velocity; use SGD with a momentum above 0."
        )
    return ravel_pytree(velocity)[0]


def check_size(problem: Problem, have: int, given: int, what: str) -> None:
    """Refuse vectors that do not have as many numbers as the problem has parameters."""
    if have != given:
        raise SettingsError(
            f"{what} has {given:,} numbers, but problem {problem.name!r} has {have:,} parameters."
        )
