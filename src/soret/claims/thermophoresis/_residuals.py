"""What `fading` watches: p − y and ∇f of single examples; and labels that a net can learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import soret

ERROR, SLOPE, NOISE, CORRELATION = range(4)
"""Where E(p − y)², E|∇f|², E[(p − y)²|∇f|²] and the correlation of the squares stand."""


@dataclass(frozen=True)
class Learnable:
    """Gaussian inputs whose label is 1 where x₁x₂ > 0: no linear model is better than guessing.

    Parameters
    ----------
    features : int
    """

    features: int

    def stream(self) -> soret.data.FromFunction:
        """Return the stream."""
        import jax
        import jax.numpy as jnp

        features = self.features

        def sample(key: Any) -> tuple[Any, Any]:
            x = jax.random.normal(key, (features,))
            return x, (x[0] * x[1] > 0).astype(jnp.int32)

        return soret.data.FromFunction(
            sample, f"Gaussian inputs ({features}), label 1 where x₁x₂ > 0"
        )


def moments(examples: int) -> soret.observables.Observable:
    """Return an observable of shape (4,): `ERROR`, `SLOPE`, `NOISE` and `CORRELATION`.

    For a net with one logit f and p = 1/(1 + exp(−f)); over so many examples, the same at every
    record. ∇f is with respect to all parameters. The correlation is NaN where a square does not
    vary.
    """

    @soret.observables.label("E(p − y)², E|∇f|², E(p − y)²|∇f|², correlation of the squares")
    def residual_moments(problem: Any, state: Any) -> Any:
        import jax
        import jax.numpy as jnp

        inputs, labels = problem.evaluation_batch(examples)

        def one(x: Any, y: Any) -> tuple[Any, Any]:
            output, gradient = jax.value_and_grad(problem.output)(state.params, x)
            square = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(gradient))
            return (jax.nn.sigmoid(output) - y) ** 2, square

        error, slope = jax.vmap(one)(jnp.asarray(inputs), jnp.asarray(labels))
        return jnp.stack(
            [
                jnp.mean(error),
                jnp.mean(slope),
                jnp.mean(error * slope),
                jnp.corrcoef(error, slope)[0, 1],
            ]
        )

    return residual_moments
