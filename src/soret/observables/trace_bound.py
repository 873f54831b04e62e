r"""The trace of the Hessian of a ReLU net, exactly, and the bound on it (thermophoresis, Eq. 62).

One example, z = W^L h^{L−1}, h^l = σ^l(W^l h^{l−1} + b^l), h⁰ = x, σ^l the diagonal mask of the
units that are on; M_l = W^L σ^{L−1} ⋯ W^{l+1} σ^l takes a change of layer l's pre-activations to
z (M_L = 1); P the Hessian of the cross-entropy with respect to z. Then

.. math::

    \mathrm{Tr}\, H = \sum_l \mathrm{Tr}(P M_l M_l^\top)\, (\|h^{l-1}\|^2 + [\text{bias}])
    \le \mathrm{Tr} P \sum_l \|M_l\|_2^2\, (\|h^{l-1}\|^2 + [\text{bias}]).

The equation is that of the Gauss–Newton matrix. It holds of the Hessian, because z is linear in
each single weight: the diagonal of ∇²z, all that the dropped term adds to the trace, is zero. The
bound then takes Frobenius norms, factor by factor, of M_l and of what leads to h.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from soret.errors import SettingsError
from soret.landscape.derivatives import gradient_along
from soret.observables.state import Observable, State, label
from soret.problems import Params, Problem, binary_cross_entropy, cross_entropy

# Enough for a mean; every one of them costs a product of all weight matrices.
_EXAMPLES = 256
# Columns of the Hessian in memory at once.
_COLUMNS = 64


class Traces(NamedTuple):
    """What is known of one example.

    Attributes
    ----------
    hessian : () array
        Tr H over all weights and biases.
    bound : () array
        The bound on it.
    output : () array
        Tr P.
    """

    hessian: Float[Array, "..."]
    bound: Float[Array, "..."]
    output: Float[Array, "..."]


@label("trace of the Hessian", "nats")
def hessian_trace(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of Tr H over an evaluation batch of 256, exactly.

    Raises
    ------
    SettingsError
        If the problem is not a ReLU net (`two_layer` or `dense`) with cross-entropy. So for all
        observables here.
    """
    return jnp.mean(traces(problem, state).hessian)


@label("bound on the trace of the Hessian", "nats")
def hessian_trace_bound(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of the bound of Eq. 62 over an evaluation batch of 256."""
    return jnp.mean(traces(problem, state).bound)


@label("trace of the Hessian over Tr P")
def hessian_trace_over_output(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of Tr H/Tr P: what weights and units make of the trace, without the loss."""
    found = traces(problem, state)
    return jnp.mean(found.hessian / found.output)


@label("bound on the trace of the Hessian over Tr P")
def hessian_trace_bound_over_output(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the mean of the bound over Tr P."""
    found = traces(problem, state)
    return jnp.mean(found.bound / found.output)


@label("largest trace of the Hessian over its bound")
def tightest_trace_bound(problem: Problem, state: State) -> Float[Array, ""]:
    """Return the largest Tr H/bound of an example: above 1 the bound is violated."""
    found = traces(problem, state)
    return jnp.max(_ratio(found.hessian, found.bound))


def dropped_trace(examples: int) -> Observable:
    """Return an observable: the trace of the term that Eq. 45 drops, over Tr H; the largest.

    Parameters
    ----------
    examples : int
        How many, in an evaluation batch; each costs as many Hessian–vector products as
        there are parameters.
    """

    @label("relative trace of the dropped term")
    def measure(problem: Problem, state: State) -> Float[Array, ""]:
        exact = traces(problem, state, examples).hessian
        inputs, labels = problem.evaluation_batch(examples)
        dropped = jax.vmap(lambda x, y: trace_of_dropped_term(problem, state.params, x, y))
        return jnp.max(_ratio(jnp.abs(dropped(jnp.asarray(inputs), jnp.asarray(labels))), exact))

    measure.__name__ = "dropped_trace"
    return measure


def trace_of_dropped_term(problem: Problem, params: Params, x: Array, y: Array) -> Array:
    """Return Tr Σ_k ∂ℓ/∂z_k ∇²z_k of one example of any problem, by automatic differentiation.

    Taken by itself and not as the difference of Tr ∇²ℓ and the rest, which float32 cannot resolve
    where the net is sure: p(1 − p) is then a difference of numbers near 1.
    """
    theta, unravel = ravel_pytree(params)
    assert callable(problem.loss)
    force = jax.grad(problem.loss)(problem.output(params, x), y)
    slope = jax.grad(lambda v: jnp.sum(force * problem.output(unravel(v), x)))

    def diagonal(i: Array) -> Array:
        unit = jnp.zeros_like(theta).at[i].set(1)
        return gradient_along(slope, theta, unit)[1][i]

    return jnp.sum(jax.lax.map(diagonal, jnp.arange(theta.size), batch_size=_COLUMNS))


def traces(problem: Problem, state: State, examples: int = _EXAMPLES) -> Traces:
    """Return the traces of each example of an evaluation batch: arrays (examples,)."""
    layers = _layers(problem, state.params)
    spread = _SPREADS.get(problem.loss)
    if spread is None:
        raise SettingsError(
            f"the loss of problem {problem.name!r} is no cross-entropy, for which alone the bound "
            "on the Hessian's trace is known."
        )
    inputs, _ = problem.evaluation_batch(examples)
    return jax.vmap(lambda x: _of_one(layers, spread, x))(jnp.asarray(inputs))


def _ratio(part: Array, whole: Array) -> Array:
    """Return part/whole; nothing of nothing, as where all units are off, is 0."""
    return jnp.where(part == 0, 0, part / jnp.where(part == 0, 1, whole))


Layer = tuple[Array, Array | None]


def _of_one(layers: list[Layer], spread: Callable[[Array, Array], Array], x: Array) -> Traces:
    hidden, masks = [x], []
    for W, b in layers[:-1]:
        a = W @ hidden[-1] + (0 if b is None else b)
        masks.append((a > 0).astype(a.dtype))
        hidden.append(a * masks[-1])
    W, b = layers[-1]
    z = W @ hidden[-1] + (0 if b is None else b)
    output = spread(z, jnp.eye(len(z), dtype=z.dtype))

    # ‖h‖ at most, through Frobenius norms, before each layer.
    forward = [jnp.linalg.norm(x)]
    for (W, b), mask in zip(layers[:-1], masks, strict=True):
        longest = forward[-1] * jnp.sqrt(mask @ jnp.sum(W**2, axis=1))
        forward.append(longest if b is None else longest + jnp.linalg.norm(mask * b))

    exact = bound = jnp.zeros((), x.dtype)
    M, backward = jnp.eye(len(z), dtype=z.dtype), jnp.ones((), z.dtype)
    for n in reversed(range(len(layers))):
        W, b = layers[n]
        extra = 0 if b is None else 1
        exact += spread(z, M) * (jnp.sum(hidden[n] ** 2) + extra)
        bound += backward * (forward[n] ** 2 + extra)
        if n:
            M = M @ W * masks[n - 1]
            backward *= masks[n - 1] @ jnp.sum(W**2, axis=0)
    return Traces(exact, output * bound, output)


def _spread_of_classes(z: Float[Array, "classes"], M: Float[Array, "classes n"]) -> Array:
    """Return Tr(P M Mᵀ), P = diag(p) − ppᵀ: the variance of M's rows under p.

    As a sum of squares it is exact where p is nearly 0 and 1, the difference is not.
    """
    p = jax.nn.softmax(z)
    # M_k − Σ_j p_j M_j, without taking apart what is nearly equal.
    away = (M[:, None] - M[None]) * p[None, :, None]
    return p @ jnp.sum(jnp.sum(away, axis=1) ** 2, axis=1)


def _spread_of_two(z: Float[Array, "1"], M: Float[Array, "1 n"]) -> Array:
    """Return Tr(P M Mᵀ), P = p(1 − p)."""
    return jax.nn.sigmoid(z[0]) * jax.nn.sigmoid(-z[0]) * jnp.sum(M**2)


_SPREADS: dict[Any, Callable[[Array, Array], Array]] = {
    cross_entropy: _spread_of_classes,
    binary_cross_entropy: _spread_of_two,
}


def _layers(problem: Problem, params: Any) -> list[Layer]:
    """Return weights and biases from the first layer to the last."""
    if problem.name == "two_layer":
        return [(params["W"], params.get("b")), (jnp.atleast_2d(params["V"]), None)]
    if problem.name == "dense" and problem.settings.get("activation") == "relu":
        return [(layer["W"], layer.get("b")) for layer in params]
    raise SettingsError(
        f"problem {problem.name!r} is not known to be a ReLU net; use two_layer, or dense with its "
        "default activation."
    )
