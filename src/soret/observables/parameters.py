"""The parameters themselves, for measuring afterwards at the points that a run went through."""

from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from soret.observables.state import State, label
from soret.problems import Problem


@label("parameters")
def parameters(problem: Problem, state: State) -> Float[Array, "parameters"]:
    """Return θ as one vector, leaf after leaf: as many numbers a record as the problem has.

    `Problem.unflatten` makes parameters of it again.
    """
    return ravel_pytree(state.params)[0]
