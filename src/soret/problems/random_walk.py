"""Inhomogeneous random walks q ← q − ηζg(q), as SGD makes them (thermophoresis, Eq. 8)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32, Int32

from soret.data import FromFunction
from soret.numerics import default_semantics
from soret.problems.arguments import at_least, function, number, text
from soret.problems.problem import Problem


class _Signs(FromFunction):
    """A stream that need not be looked at before it is used."""

    trusted = True


WalkParams = dict[str, Float32[Array, "..."]]
"""q (2, pairs, n), where walkers are, and start (pairs, n), where they began."""


@default_semantics()
def random_walk(
    field: Callable[[Float[Array, "n"]], Float[Array, "n"]],
    dimensions: int,
    *,
    pairs: int = 1024,
    tilt: float = 0.0,
    name: str = "random_walk",
) -> Problem:
    """Build a population of walkers with steps ±ηg(q), one fair sign for all coordinates.

    A replica is a population. Its walkers come in pairs that start at the same place and take
    opposite steps: each of them is as fair a walker as any, and together they say what the
    population does on average with far less noise. Walkers start in the unit box, at a density
    proportional to exp(tilt·Σ q_i).

    With a batch of one the step is the walk's; larger batches average signs.

    Parameters
    ----------
    field : callable
        g, for one point of shape (n,).
    dimensions : int
        n ≥ 1.
    pairs : int
        Pairs of walkers in a population.
    tilt : float
        ∂_i log ρ at the start.
    name : str
        What the walk is called in a saved run.

    Raises
    ------
    SettingsError
        If the sizes do not fit.
    """
    at_least("dimensions", dimensions, 1)
    at_least("pairs", pairs, 1)
    number("tilt", tilt)
    text("name", name)
    function("field", field, "a point, (n,) to (n,)")
    step = jax.vmap(jax.vmap(field))

    def initial(key: Array) -> WalkParams:
        share = jax.random.uniform(key, (pairs, dimensions), jnp.float32)
        # The inverse of the distribution function (exp(tilt·q) − 1)/(exp(tilt) − 1).
        start = jnp.log1p(share * jnp.expm1(tilt)) / tilt if tilt else share
        return {"q": jnp.stack([start, start]), "start": start}

    def predict(params: WalkParams, signs: Float32[Array, "pairs"]) -> Float[Array, ""]:
        # Held fixed, g is the gradient of q·g and not of something else.
        steps = jax.lax.stop_gradient(step(params["q"]))
        shared = jnp.stack([signs, -signs])[..., None]
        return jnp.sum(shared * steps * params["q"])

    def sample(key: Array) -> tuple[Float32[Array, "pairs"], Int32[Array, ""]]:
        return jax.random.rademacher(key, (pairs,), jnp.float32), jnp.zeros((), jnp.int32)

    return Problem(
        init=initial,
        predict=predict,
        loss=lambda output, _: output,
        data=_Signs(sample, "fair signs"),
        name=name,
        settings={"dimensions": dimensions, "pairs": pairs, "tilt": tilt},
    )
