"""A small trained net: its Hessian, its gradient noise, and SGD about its minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims import Continuation, Given, Measurement

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HIDDEN, FEATURES, EXAMPLES = 4, 6, 400
DECAY = 0.005
"""Weight decay, without which a net has directions that nothing confines."""


def around_the_minimum(
    rate: float, batch: int, steps: int, replicas: int
) -> dict[str, Measurement | Continuation]:
    """Train a net to its minimum, measure H and C there, and let SGD go from there."""
    problem = _problem()
    like = soret.Experiment(
        problem=problem,
        algorithm=soret.SGD(rate, batch, weight_decay=DECAY),
        observe=soret.observables.parameters,
        steps=steps,
        replicas=replicas,
        record_every=steps // 100,
    )

    def start(given: Given) -> dict[str, Any]:
        minimum = given["net/minimum"].parameters.values
        return {"problem": soret.problems.starting_from(problem, minimum[None])}

    return {
        "net/minimum": Measurement(lambda given: _measured(problem)),
        "net": Continuation(like, start, after=("net/minimum",)),
    }


def together(found: xr.Dataset, run: xr.Dataset) -> xr.Dataset:
    """Return what is judged of the net's minimum and of SGD about it.

    Returns
    -------
    Dataset
        hessian (with the weight decay) and covariance (P, P); moment (replica, P), the mean square
        of every replica along the Hessian's eigenvectors, curvatures rising.
    """
    _, vectors = np.linalg.eigh(found.hessian.values)
    away = run.parameters.isel(step=slice(50, None)).values.astype(float) - found.parameters.values
    moment = ((away @ vectors) ** 2).mean(1)
    return found.drop_vars("parameters").assign(moment=(("replica", "direction"), moment))


def _measured(problem: Any) -> xr.Dataset:
    """Return the minimum, and H (with the weight decay) and C there."""
    import xarray as xr

    flat = _minimum(problem)
    params = problem.unflatten(flat)
    hessian = soret.landscape.hessian(problem, params).dense() + DECAY * np.eye(flat.size)
    noise = soret.landscape.gradient_noise(problem, params).dense()
    axes = ("row", "column")
    return xr.Dataset(
        {
            "parameters": ("parameter", flat),
            "hessian": (axes, (hessian + hessian.T) / 2),
            "covariance": (axes, (noise + noise.T) / 2),
        }
    )


def laws(net: xr.Dataset, rate: float, batch: int) -> tuple[Floats, Floats, Floats]:
    """Return curvatures, and variances along them by the recursion and by Boltzmann's law.

    Boltzmann's has σ² = tr C/P.
    """
    equilibrium = soret.theory.equilibrium
    hessian, noise = net.hessian.values, net.covariance.values
    curvature, vectors = np.linalg.eigh(hessian)
    law = equilibrium.sgd_recursion(hessian, noise, rate, batch).covariance
    heat = float(equilibrium.temperature(rate, batch, np.trace(noise) / len(noise)))
    return curvature, np.einsum("ij,ik,kj->j", vectors, law, vectors), heat / curvature


def _problem() -> Any:
    """Return a net that tells even from odd digits by their first principal components."""
    import jax.numpy as jnp

    digits = soret.data.load("digits")
    pixels = digits.inputs.reshape(len(digits.inputs), -1).astype(float)
    _, _, ways = np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)
    # A component's sign is arbitrary, and a library's choice.
    ways = ways * np.sign(ways[np.arange(len(ways)), abs(ways).argmax(1)])[:, None]
    found = (pixels - pixels.mean(0)) @ ways[:FEATURES].T
    data = soret.Dataset(
        "digits, principal components",
        (found / found.std(0))[:EXAMPLES].astype(np.float32),
        (digits.labels % 2)[:EXAMPLES].astype(np.int32),
        ("even", "odd"),
    )
    return soret.problems.dense(
        hidden=(HIDDEN,), data=data, labels="real", scaling="none", activation=jnp.tanh
    )


def _minimum(problem: Any) -> Any:
    """Return θ at the minimum of L + (λ/2)|θ|², by BFGS in float64 from one start."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree
    from scipy import optimize

    from soret.numerics import double_precision

    start, _ = ravel_pytree(problem.initial(jax.random.key(0)))
    inputs, labels = problem.data.inputs, problem.data.labels
    with double_precision():
        template = problem.unflatten(np.asarray(start))
        _, unflatten = ravel_pytree(
            jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), template)
        )
        x, y = jnp.asarray(inputs, jnp.float64), jnp.asarray(labels)

        def loss(theta: Any) -> Any:
            return problem.batch_loss(unflatten(theta), (x, y)) + DECAY / 2 * (theta @ theta)

        both = jax.jit(jax.value_and_grad(loss))

        def value(theta: Floats) -> tuple[float, Floats]:
            level, slope = both(jnp.asarray(theta))
            return float(level), np.asarray(slope)

        found = optimize.minimize(
            value, np.asarray(start, float), jac=True, method="BFGS", options={"gtol": 1e-7}
        )
    return np.asarray(found.x, np.float32)
