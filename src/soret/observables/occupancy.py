"""Where a population of walkers is, on a circle."""

import jax.numpy as jnp
from jaxtyping import Array, Float32

from soret.observables.state import Observable, State, label
from soret.problems import Problem
from soret.problems.arguments import at_least


def occupancy(cells: int) -> Observable:
    """Make an observable for `soret.problems.random_walk`: the share of walkers in every cell.

    Walkers move on the line; where g has period 1 that is a circle, cut into equal cells of which
    the first begins at 0.

    Parameters
    ----------
    cells : int
        At least 2.

    Returns
    -------
    Observable of shape (cells,)
        For walks in one dimension.

    Raises
    ------
    SettingsError
        If there are fewer than 2 cells.
    """
    at_least("cells", cells, 2)

    @label("share of walkers")
    def occupancy(problem: Problem, state: State) -> Float32[Array, "cell"]:
        turn = state.params["q"].reshape(-1)
        cell = jnp.floor((turn - jnp.floor(turn)) * cells).astype(jnp.int32) % cells
        return jnp.bincount(cell, length=cells) / jnp.float32(turn.size)

    return occupancy
