"""How flat a landscape is at many points: trace, norm and largest eigenvalue of the Hessian.

`soret.landscape.hessian` measures one point as exactly as asked. Grids of trained networks take
one compiled program for all of them, a fixed number of products a point, and errors beside.
"""

import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal

from soret import memory
from soret.data.subsets import whole_number
from soret.landscape.batches import cached_length, cut
from soret.landscape.derivatives import gradient_along
from soret.landscape.evaluation import axes, measured
from soret.landscape.loop import Loop, Variables, sum_by_batches
from soret.landscape.spectra.host import generator
from soret.numerics import default_device
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings

Floats = NDArray[np.float64]

# What float32 products leave of a vector that should be zero.
_ROUNDING = 1e-6


class Flatness(NamedTuple):
    """What `flatness` measures, each of shape (...,), float64.

    NaN where θ is not finite, or the Hessian there is not.

    Attributes
    ----------
    trace, frobenius, top : array
        tr H, ‖H‖_F and the largest eigenvalue.
    trace_error, frobenius_error : array
        Standard errors of the estimates from random signs.
    top_error : array
        An eigenvalue of H lies within this of `top`: Lanczos's residual, and at least what
        float32 products leave.
    examples : int
        Number of examples that H is a mean over.
    whole : bool
        Whether those are the whole data set.
    """

    trace: Floats
    frobenius: Floats
    top: Floats
    trace_error: Floats
    frobenius_error: Floats
    top_error: Floats
    examples: int
    whole: bool


_MEASURED = Flatness._fields[:6]


class _State(NamedTuple):
    """What goes from one product to the next.

    Attributes
    ----------
    vector : (P,) array
        Lanczos's next direction.
    basis : (iterations, P) array
        Its directions so far; rows further down are another point's.
    forms : (points, samples, 2) array
        zᵀHz and ‖Hz‖².
    tridiagonal : (points, iterations, 2) array
        Diagonal and off-diagonal; the last entry is what is left.
    """

    vector: Any
    basis: Any
    forms: Any
    tridiagonal: Any


@ensemble_settings()
def flatness(
    problem: Problem,
    points: ArrayLike,
    examples: int | None = None,
    samples: int = 32,
    iterations: int = 24,
    seed: int = 0,
    *,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Flatness:
    """Measure the Hessian of the mean loss at points of a landscape.

    Trace and norm are means of zᵀHz and ‖Hz‖² over random signs z (Hutchinson 1990), the same at
    every point, so that their chance cancels in part where points are compared. The largest
    eigenvalue is Lanczos's, with all vectors kept orthogonal.

    Parameters
    ----------
    problem : Problem
        With a finite data set.
    points : (..., P) array, or pytree
        Parameters as vectors, as `soret.observables.parameters` records them.
    examples : int, optional
        So many, drawn at random; default all.
    samples : int
        Vectors of random signs; at least 2.
    iterations : int
        Of Lanczos, at most P.
    seed : int
        Of the examples that are drawn, and of the random vectors.
    out : path, optional
        A folder that a long measurement is resumed from, and its result loaded.
    progress : bool, optional
        Whether to show a bar; default: where standard error is a terminal.

    Raises
    ------
    SettingsError
        If the arguments do not fit.
    RunError
        If `out` holds something else, or is damaged.
    KeyboardInterrupt
        On Ctrl-C, after saving what can be resumed.
    """
    values, inputs, labels = measured(problem, points, examples, seed)
    flat = values.reshape(-1, values.shape[-1])
    count, size = flat.shape
    samples = whole_number(samples, "samples", least=2)
    iterations = min(whole_number(iterations, "iterations", least=1), size)
    memory.refuse_beyond(
        8 * (samples + iterations) * size + 24 * count * (samples + iterations),
        f"{samples:,} random vectors and {iterations:,} of Lanczos, of {size:,} parameters,",
        "use fewer samples or iterations",
        min(memory.limit_bytes(), memory.device_limit_bytes(default_device())),
    )
    rng = generator(seed)
    signs = rng.choice(np.array([-1.0, 1.0], np.float32), (samples, size))
    first = rng.normal(size=size).astype(np.float32)
    first /= np.linalg.norm(first)
    batches = cut(len(labels), cached_length(problem, problem.unflatten(flat[0]), inputs, labels))
    products = samples + iterations

    def slope(vector: Array, x: Array, y: Array, weights: Array) -> Array:
        def loss(vector: Array) -> Array:
            params = problem.unflatten(vector)
            losses = jax.vmap(problem.example_loss, in_axes=(None, 0, 0))(params, x, y)
            return jnp.sum(weights * losses)

        return jax.grad(loss)(vector)

    def direction_of(which: Array, state: _State, signs: Array, first: Array) -> Array:
        at = which - samples  # Lanczos's iteration, from 0
        start = jnp.where(at == 0, first, state.vector)
        return jnp.where(at < 0, signs[jnp.minimum(which, samples - 1)], start)

    def added(
        number: Array, state: _State, batch: tuple[Array, ...], flat: Array, *start: Array
    ) -> Array:
        direction = direction_of(number % products, state, *start)
        at = flat[number // products]
        return gradient_along(lambda theta: slope(theta, *batch), at, direction)[1]

    def finish(
        number: Array, total: Array, last: Array, state: _State, _: Array, *start: Array
    ) -> _State:
        point, which = number // products, number % products
        direction = direction_of(which, state, *start)
        at = which - samples
        found = total / len(labels)
        forms = jnp.stack([jnp.dot(direction, found), jnp.dot(found, found)])
        forms = state.forms.at[point, jnp.minimum(which, samples - 1)].set(
            jnp.where(at < 0, forms, state.forms[point, samples - 1])
        )
        row = jnp.maximum(at, 0)
        basis = state.basis.at[row].set(direction)
        vector, diagonals = jax.lax.cond(
            (at >= 0) & last,
            lambda: _orthogonal(basis, row, found),
            lambda: (state.vector, jnp.zeros(2, jnp.float32)),
        )
        tridiagonal = state.tridiagonal.at[point, row].set(diagonals)
        return _State(vector, basis, forms, tridiagonal)

    def result(made: tuple[np.ndarray, _State]) -> Variables:
        state = made[1]
        pairs = zip(state.forms, state.tridiagonal, strict=True)
        whole = np.array([_summary(*forms.T, *diagonals.T) for forms, diagonals in pairs])
        columns = whole.T.reshape(6, *values.shape[:-1])
        return {
            name: (axes(values), column) for name, column in zip(_MEASURED, columns, strict=True)
        }

    begin = _State(
        vector=np.zeros(size, np.float32),
        basis=np.zeros((iterations, size), np.float32),
        forms=np.zeros((count, samples, 2), np.float32),
        tridiagonal=np.zeros((count, iterations, 2), np.float32),
    )
    found = Loop(
        "flatness",
        sum_by_batches(batches, added, finish),
        (np.zeros(size, np.float32), begin),
        (inputs, labels, flat, signs, first),
        count * products * batches.count,
        result,
    ).run(out, progress)
    whole = len(labels) == len(problem.data)  # type: ignore[arg-type]
    columns = {name: found[name].values for name in _MEASURED}
    return Flatness(**columns, examples=len(labels), whole=whole)


def _orthogonal(basis: Array, row: Array, product: Array) -> tuple[Array, Array]:
    """Return Lanczos's next direction, and the row of the tridiagonal matrix.

    An exhausted Krylov space gives zeros from there on.
    """
    own = jnp.where(jnp.arange(len(basis))[:, None] <= row, basis, 0.0)
    diagonal = jnp.dot(product, basis[row])
    new = product
    for _ in range(2):  # twice is enough, also in float32
        new = new - (own @ new) @ own
    norm = jnp.linalg.norm(new)
    alive = norm > _ROUNDING * jnp.linalg.norm(product)
    following = jnp.where(alive, new / jnp.where(alive, norm, 1.0), 0.0)
    return following, jnp.stack([diagonal, jnp.where(alive, norm, 0.0)])


def _summary(*found: np.ndarray) -> list[float]:
    forms, squares, diagonal, beside = (np.asarray(part, np.float64) for part in found)
    if not all(np.isfinite(part).all() for part in (forms, squares, diagonal, beside)):
        return [np.nan] * 6
    trace, trace_error = _mean(forms)
    square, square_error = _mean(squares)
    norm = float(np.sqrt(square))
    # Behind an exhausted Krylov space there is nothing: its zeros are no eigenvalues of H.
    end = int(np.argmax(beside == 0)) + 1 if (beside == 0).any() else len(beside)
    values, vectors = eigh_tridiagonal(diagonal[:end], beside[: end - 1])
    left = max(float(abs(beside[end - 1] * vectors[-1, -1])), _ROUNDING * float(abs(values).max()))
    norm_error = square_error / (2 * norm) if norm > 0 else 0.0
    return [trace, norm, float(values[-1]), trace_error, norm_error, left]


def _mean(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
