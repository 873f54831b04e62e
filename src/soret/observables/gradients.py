"""How much the gradient of one example varies."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from soret import landscape
from soret.errors import SettingsError
from soret.observables.state import Observable, State, label
from soret.problems import Problem


def gradient_variance_over(examples: int) -> Observable:
    """Return the observable `gradient_variance` over another number of examples.

    It costs about as much as a step with that batch size. The same examples are used at every
    record and in every replica, so that their choice shifts all curves alike.

    Parameters
    ----------
    examples : int
        How many; `problem.evaluation_batch(examples)` draws them.

    Raises
    ------
    SettingsError
        If there are fewer than two.
    """
    if examples < 2:
        raise SettingsError(f"examples is {examples}; a variance takes at least 2.")

    @label("mean gradient variance")
    def gradient_variance(problem: Problem, state: State) -> Float[Array, ""]:
        inputs, labels = problem.evaluation_batch(examples)
        return landscape.gradient_variance(
            problem, state.params, jnp.asarray(inputs), jnp.asarray(labels)
        )

    return gradient_variance


@label("mean gradient variance")
def gradient_variance(problem: Problem, state: State) -> Float[Array, ""]:
    """Return tr C / P: the variance of one example's gradient, averaged over the P parameters.

    Over an evaluation batch of 256 examples (thermophoresis, Eq. 17 and Fig. 2, middle
    and bottom). For any net and loss.
    """
    return gradient_variance_over(256)(problem, state)


def noise_strength_over(examples: int) -> Observable:
    """Return the observable `noise_strength` over another number of examples.

    Cheaper than `gradient_variance_over` the same number by what holding gradients costs; for a
    network of millions of parameters it is still the gradient of one example after the other.

    Parameters
    ----------
    examples : int
        How many; `problem.evaluation_batch(examples)` draws them.

    Raises
    ------
    SettingsError
        If there are fewer than two.
    """
    if examples < 2:
        raise SettingsError(f"examples is {examples}; a noise strength takes at least 2.")

    @label("noise strength")
    def noise_strength(problem: Problem, state: State) -> Float[Array, ""]:
        inputs, labels = problem.evaluation_batch(examples)
        return landscape.noise_strength(
            problem, state.params, jnp.asarray(inputs), jnp.asarray(labels)
        )

    return noise_strength


@label("noise strength")
def noise_strength(problem: Problem, state: State) -> Float[Array, ""]:
    """Return 𝒩 = mean |∇ℓ|² − |∇L|² = tr C over an evaluation batch of 256 (escape, Sec. 5.2)."""
    return noise_strength_over(256)(problem, state)
