"""Positions and velocities along given directions, such as eigenvectors of the Hessian."""

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from soret.errors import SettingsError
from soret.memory import refuse_beyond
from soret.observables.displacement import check_size, velocity_vector
from soret.observables.state import Observable, State, label
from soret.problems import Problem


def position_along(directions: ArrayLike, origin: ArrayLike | None = None) -> Observable:
    """Return the observable `position`: (θ − θ₀)·d for every direction.

    Parameters
    ----------
    directions : (k, P) array_like
        One a row, such as ``soret.landscape.hessian(...).top(k).vectors``; see
        `random_directions` for squared displacements in bounded memory.
    origin : (P,) array_like, optional
        θ₀; default 0. Near it float32 loses nothing.

    Raises
    ------
    SettingsError
        If the arrays are not of these shapes, or not finite.
    """
    rows = _rows(directions)
    start = np.zeros(rows.shape[1], np.float32) if origin is None else np.asarray(origin)
    if start.shape != rows.shape[1:] or not np.isfinite(start).all():
        raise SettingsError(f"origin has shape {start.shape}; it must be {rows.shape[1:]}, finite.")
    start = start.astype(np.float32)

    @label("position")
    def position(problem: Problem, state: State) -> Float[Array, "directions"]:
        theta = ravel_pytree(state.params)[0]
        check_size(problem, theta.size, rows.shape[1], "a direction")
        return jnp.asarray(rows) @ (theta - start)

    return position


def velocity_along(directions: ArrayLike) -> Observable:
    """Return the observable `velocity`: v·d for every direction, v as in `soret.SGD`.

    θ_k − θ_{k−1} = −ηv_k. The limiting-dynamics paper's v has the opposite sign.

    Parameters
    ----------
    directions : (k, P) array_like
        One a row.

    Raises
    ------
    SettingsError
        If directions are not of this shape; when run, if the optimizer keeps no velocity.
    """
    rows = _rows(directions)

    @label("velocity")
    def velocity(problem: Problem, state: State) -> Float[Array, "directions"]:
        v = velocity_vector(problem, state)
        check_size(problem, v.size, rows.shape[1], "a direction")
        return jnp.asarray(rows) @ v

    return velocity


def random_directions(parameters: int, count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return directions (count, P) whose positions keep squared distances on average.

    Entries are N(0, 1/count): |Δ(position)|² has the mean |Δθ|², with a relative standard
    deviation of √(2/count) for a fixed Δθ (Johnson and Lindenstrauss). So squared displacements
    between any two records of a run take `count` numbers a record, whatever the net's size.

    Parameters
    ----------
    parameters : int
        P.
    count : int
    seed : int

    Raises
    ------
    SettingsError
        If there are none, or they would take more memory than may be used.
    """
    if count < 1 or parameters < 1:
        raise SettingsError(f"{count} directions of {parameters} numbers are none.")
    refuse_beyond(
        8 * count * parameters,
        f"{count:,} directions of {parameters:,} numbers",
        "use fewer: their number alone decides how well distances are kept",
    )
    random = np.random.default_rng(seed)
    return random.standard_normal((count, parameters), np.float32) / np.float32(np.sqrt(count))


def _rows(directions: ArrayLike) -> NDArray[np.float32]:
    rows = np.asarray(directions, np.float32)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise SettingsError(
            f"directions have shape {rows.shape}; they must be (k, P), one a row, finite."
        )
    return rows
