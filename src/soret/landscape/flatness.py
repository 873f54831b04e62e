"""How flat a landscape is at many points: trace, norm and largest eigenvalue of the Hessian.

`soret.landscape.hessian` measures one point as exactly as asked. Grids of trained networks take
one compiled program for all of them, a fixed number of products a point, and errors beside.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal

from soret.landscape.chunks import add_chunks, chunk_of
from soret.landscape.evaluation import measured
from soret.landscape.point import whole_number
from soret.landscape.spectra.host import generator
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings

Floats = NDArray[np.float64]


class Flatness(NamedTuple):
    """What `flatness` measures, each of shape (...,), float64; NaN where θ is not finite.

    Attributes
    ----------
    trace, frobenius, top : array
        tr H, ‖H‖_F and the largest eigenvalue.
    trace_error, frobenius_error : array
        Standard errors of the estimates from random signs.
    top_error : array
        An eigenvalue of H lies within this of `top`.
    """

    trace: Floats
    frobenius: Floats
    top: Floats
    trace_error: Floats
    frobenius_error: Floats
    top_error: Floats


def flatness(
    problem: Problem,
    points: ArrayLike,
    examples: int | None = None,
    samples: int = 32,
    iterations: int = 24,
    seed: int = 0,
) -> Flatness:
    """Measure the Hessian of the mean loss at points of a landscape.

    Trace and norm are means of zᵀHz and ‖Hz‖² over random signs z (Hutchinson 1990), the same at
    every point, so that their chance cancels in part where points are compared. The largest
    eigenvalue is Lanczos's, with all vectors kept orthogonal.

    Parameters
    ----------
    problem : Problem
        With a finite data set.
    points : (..., P) array
        Parameters as vectors, as `soret.observables.parameters` records them.
    examples : int, optional
        The first so many; default all.
    samples : int
        Vectors of random signs; at least 2.
    iterations : int
        Of Lanczos, at most P.
    seed : int

    Raises
    ------
    SettingsError
        If the arguments do not fit.
    """
    values, inputs, labels = measured(problem, points, examples)
    flat = values.reshape(-1, values.shape[-1])
    size = flat.shape[1]
    samples = whole_number(samples, "samples", least=2)
    iterations = min(whole_number(iterations, "iterations", least=1), size)
    rng = generator(seed)
    signs = rng.choice(np.array([-1.0, 1.0], np.float32), (samples, size))
    first = rng.normal(size=size).astype(np.float32)
    first /= np.linalg.norm(first)

    def one(vector: Array, signs: Array, first: Array, x: Array, y: Array) -> tuple[Array, ...]:
        def loss(vector: Array, x: Array, y: Array) -> Array:
            params = problem.unflatten(vector)
            return jnp.sum(jax.vmap(problem.example_loss, in_axes=(None, 0, 0))(params, x, y))

        def product(direction: Array) -> Array:
            def summed(x: Array, y: Array) -> Array:
                slope = jax.grad(loss)
                return jax.jvp(lambda at: slope(at, x, y), (vector,), (direction,))[1]

            total: Array = add_chunks(summed, x, y, chunk)
            return total / len(y)

        def forms(sign: Array) -> tuple[Array, Array]:
            found = product(sign)
            return jnp.dot(sign, found), jnp.dot(found, found)

        return *jax.lax.map(forms, signs), *_lanczos(product, first, iterations)

    with ensemble_settings():
        data = jnp.asarray(inputs), jnp.asarray(labels)
        chunk = chunk_of(problem, problem.unflatten(flat[0]), *data)
        program = jax.jit(one)
        given = jnp.asarray(signs), jnp.asarray(first), *data
        rows = [_summary(program(jnp.asarray(vector), *given)) for vector in flat]
    whole = np.array(rows).T.reshape(6, *values.shape[:-1])
    return Flatness(*whole)


def _lanczos(product: object, first: Array, iterations: int) -> tuple[Array, Array]:
    """Return diagonal and off-diagonal of the tridiagonal matrix; the last entry is what is left.

    An exhausted Krylov space gives zeros from there on.
    """
    assert callable(product)

    def step(carry: tuple[Array, Array], number: Array) -> tuple[tuple[Array, Array], Array]:
        basis, vector = carry
        basis = basis.at[number].set(vector)
        new = product(vector)
        diagonal = jnp.dot(new, vector)
        for _ in range(2):  # twice is enough, also in float32
            new = new - (basis @ new) @ basis
        norm = jnp.linalg.norm(new)
        alive = norm > 1e-6 * jnp.abs(diagonal)
        following = jnp.where(alive, new / jnp.where(alive, norm, 1.0), 0.0)
        return (basis, following), jnp.stack([diagonal, jnp.where(alive, norm, 0.0)])

    basis = jnp.zeros((iterations, first.size), first.dtype)
    _, found = jax.lax.scan(step, (basis, first), jnp.arange(iterations))
    return found[:, 0], found[:, 1]


def _summary(found: tuple[Array, ...]) -> list[float]:
    forms, squares, diagonal, beside = (np.asarray(part, np.float64) for part in found)
    if not all(np.isfinite(part).all() for part in (forms, squares, diagonal, beside)):
        return [np.nan] * 6
    trace, trace_error = _mean(forms)
    square, square_error = _mean(squares)
    norm = float(np.sqrt(square))
    values, vectors = eigh_tridiagonal(diagonal, beside[:-1])
    left = float(abs(beside[-1] * vectors[-1, -1]))
    norm_error = square_error / (2 * norm) if norm > 0 else 0.0
    return [trace, norm, float(values[-1]), trace_error, norm_error, left]


def _mean(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
