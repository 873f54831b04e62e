"""Starting an ensemble where another one stood: pre-trained, or quasi-stationary."""

import dataclasses
import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree

from soret.data.generator import as_jax_key
from soret.errors import SettingsError
from soret.numerics import default_semantics
from soret.problems.problem import Params, Problem


@default_semantics()
def starting_from(problem: Problem, parameters: xr.DataArray | np.ndarray) -> Problem:
    """Return the problem with starts drawn from given parameters, each as likely as any other.

    Parameters
    ----------
    problem : Problem
    parameters : (..., P) array
        Points θ, flattened as `soret.observables.parameters` records them: of a saved run,
        ``run.parameters.isel(step=-1)``. All axes but the last are pooled. Points with a value
        that is not finite, where a replica diverged, are left out.

    Raises
    ------
    SettingsError
        If the points do not have the problem's P parameters, or none is finite.

    Examples
    --------
    >>> trained = soret.simulate(problem, soret.SGD(0.01, 100),
    ...     observe=soret.observables.parameters, steps=100_000, record_every=100_000)
    >>> again = soret.problems.starting_from(problem, trained.parameters.isel(step=-1))
    """
    values = np.asarray(parameters, np.float32)
    example = _template(problem)
    flat, unravel = ravel_pytree(example)
    if values.ndim < 1 or values.shape[-1] != flat.size:
        raise SettingsError(
            f"parameters have shape {values.shape}; the last axis must have the {flat.size:,} "
            f"parameters of problem {problem.name!r}."
        )
    points = values.reshape(-1, flat.size)
    points = points[np.all(np.isfinite(points), axis=1)]
    if not len(points):
        raise SettingsError("no point of parameters is finite; there is nowhere to start from.")

    def initial(key: jax.Array) -> Params:
        drawn = jax.random.randint(key, (), 0, len(points))
        return problem.model(unravel(jnp.asarray(points)[drawn]))

    settings = {
        **problem.settings,
        "starts": len(points),
        "starts_sha256": hashlib.sha256(points.tobytes()).hexdigest(),
    }
    return dataclasses.replace(problem, init=initial, settings=settings)


def _template(problem: Problem) -> Params:
    """Return parameters of the right shapes, all zero."""
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    shapes = jax.eval_shape(lambda k: problem.initial(as_jax_key(k)), key)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
