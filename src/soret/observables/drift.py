"""The mean change of an observable per step: its two parts, and a closed form for one of them."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from soret.data import Dataset, Gaussian, Uniform, generator
from soret.errors import SettingsError
from soret.landscape.derivatives import gradient_along
from soret.observables.state import Observable, State, attributes, label, name
from soret.problems import Problem
from soret.problems.evaluation_batch import Drawn, note
from soret.problems.two_layer import preactivations as two_layer_preactivations

# A key of its own: what is drawn here must not be what the run trains on.
_KEY = (0x44524946, 0x54)


def drift(observable: Observable, inputs: int = 1024) -> Observable:
    r"""Return an observable that measures what moves another one, at batch size 1.

    One step θ ← θ − ηg, with g the gradient of one example, changes φ(θ) on average by

    .. math::

        E[\Delta\varphi \mid \theta] = -\eta\, \nabla\varphi \cdot \nabla L
            + \tfrac12 \eta^2\, E[g^\top \nabla^2\varphi\, g] + O(\eta^3),

    by Taylor's formula, since E[g] = ∇L. In the second term stands the second moment of g, not
    its covariance: E[g gᵀ] = C + ∇L∇Lᵀ.

    Parameters
    ----------
    observable : function
        A scalar function φ of problem and state, twice differentiable in the parameters. (A
        fraction counted over examples is not: its derivatives are zero.)
    inputs : int
        How many inputs are drawn afresh, from streams, at every measurement.

    Returns
    -------
    function
        ``(problem, state) -> (2,)``: the gradient part −∇φ·∇L, to be multiplied by η, and the
        noise part ½ E[gᵀ∇²φ g], to be multiplied by η²; both per step and without bias. Its
        name is that of `observable` with "_drift" after it.

        A data set is averaged over whole. From a stream's fresh inputs the two parts have
        sampling errors that are independent between replicas and between records; random labels
        are averaged over exactly, each input bearing every label with equal weight.
    """

    def measure(problem: Problem, state: State) -> Float[Array, "2"]:
        examples = _examples(problem, state, inputs)
        slope = jax.grad(lambda params: observable(problem, state._replace(params=params)))

        def one(x: Array, y: Array) -> Array:
            g = jax.grad(problem.example_loss)(state.params, x, y)
            ascent, curved = gradient_along(slope, state.params, g)
            return jnp.stack([-_dot(ascent, g), _dot(g, curved) / 2])

        return jnp.mean(jax.vmap(one)(*examples), axis=0)

    measure.__name__ = f"{name(observable)}_drift"
    what = attributes(observable)
    measure.long_name = f"drift of the {what['long_name']}: gradient part/η, noise part/η²"  # type: ignore[attr-defined]
    measure.units = f"{what['units']} per step".replace("dimensionless ", "")  # type: ignore[attr-defined]
    return measure


@label("drift of the activation rate at balance, over η²", "fraction per step")
def balanced_drift(problem: Problem, state: State) -> Float[Array, ""]:
    r"""Return −mean φ(b_i/‖W_i‖)²/8: what the activation rate falls a step, over η², at balance.

    φ is the standard normal density. For a two-layer net f = V·h, h = ReLU(Wx + b), on Gaussian
    inputs with random labels, once V fluctuates about its minimum 0 while W and b are slow.
    To lowest order in f one step changes V by −(η/4) E[h hᵀ]V and a noise of covariance
    (η²/4) E[h hᵀ], so that E[V Vᵀ] settles where (η/4)(A Σ + Σ A) = (η²/4) A, A = E[h hᵀ]: at
    Σ = (η/2) I, whatever A, if W and b are held. In training, where they are not, it
    falls to about half of that. The mean gradient that this leaves for unit i, ¼ E[f V_i ∇h_i], is
    (η/8) E[h_i ∇h_i], so that with m = ‖W_i‖, z = b_i/m and Stein's lemma

    .. math::

        \Delta b = -\tfrac18\eta^2\, m\,(\varphi(z) + z\,\Phi(z)), \qquad
        \Delta m = -\tfrac18\eta^2\, m\,\Phi(z), \qquad
        \Delta z = -\tfrac18\eta^2\, \varphi(z), \qquad
        \Delta\Phi(z) = -\tfrac18\eta^2\, \varphi(z)^2 .

    All of it is gradient part: the noise part of W and b is of order V²η² = O(η³).

    Raises
    ------
    SettingsError
        If the problem is not a two-layer net with bias on Gaussian inputs.
    """
    known = problem.preactivations is two_layer_preactivations
    if not (known and isinstance(problem.data, Gaussian) and "b" in state.params):
        raise SettingsError(
            f"problem {problem.name!r} is no two-layer net with bias on Gaussian inputs, for which "
            "alone the drift at balance is known."
        )
    z = state.params["b"] / jnp.linalg.norm(state.params["W"], axis=1)
    return -jnp.mean(norm.pdf(z) ** 2) / 8


def _examples(problem: Problem, state: State, n: int) -> tuple[Array, Array]:
    """Return examples that stand for the population."""
    data = problem.data
    if isinstance(data, Dataset):
        every = problem.evaluation_batch(len(data))
        return jnp.asarray(every[0]), jnp.asarray(every[1])
    note(Drawn(n, None, "from the stream, anew at every record"))
    # The parameters' own bits go into the key: replicas that measured with the same inputs would
    # share their sampling error, and an interval over replicas would not see it.
    whole = sum(jnp.sum(leaf) for leaf in jax.tree.leaves(state.params))
    bits = jax.lax.bitcast_convert_type(jnp.asarray(whole, jnp.float32), jnp.uint32)
    key = generator.fold(jnp.array(_KEY, jnp.uint32), bits)
    x, y = data.draw(key, state.step.astype(jnp.uint32), n)
    if not isinstance(data, Gaussian | Uniform):
        return x, y
    labels = jnp.repeat(jnp.arange(data.classes, dtype=y.dtype), n)
    return jnp.tile(x, (data.classes, *[1] * (x.ndim - 1))), labels


def _dot(first: Any, second: Any) -> Array:
    products = jax.tree.map(lambda a, b: jnp.sum(a * b), first, second)
    return jnp.sum(jnp.stack(jax.tree.leaves(products)))
