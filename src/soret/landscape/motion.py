"""What the limiting dynamics at a point depend on: curvature and noise, direction by direction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array

from soret.errors import ConvergenceError, SettingsError
from soret.landscape.curvature import Curvature
from soret.landscape.derivatives import linear_gradient, linear_map
from soret.landscape.gradients import example_gradients
from soret.landscape.operators import SymmetricOperator
from soret.landscape.point import Point, point
from soret.landscape.products import Batches, in_groups
from soret.problems import Params, Problem
from soret.problems.tracing import ensemble_settings

# Parameters up to which every eigenpair is computed.
_ALL = 2500


@dataclass(frozen=True, eq=False)
class NoisyModes:
    """Eigenpairs of the Hessian, with mean and variance of one example's gradient along each.

    Attributes
    ----------
    curvature : (k,) array
        Eigenvalues, falling in size. Some may be negative.
    vectors : (k, P) array
        One a row.
    noise : (k,) array
        Variance of one example's gradient along each.
    gradient : (k,) array
        The mean gradient along each.
    rest_noise : float
        Variance of the gradient in all other directions together; 0 where there are none.
    rest : int
        Number of other directions: their curvature is taken to be 0.
    examples : int
        Number of examples measured over.
    whole : bool
        Whether those are the whole data set.
    """

    curvature: np.ndarray
    vectors: np.ndarray
    noise: np.ndarray
    gradient: np.ndarray
    rest_noise: float
    rest: int
    examples: int
    whole: bool


@ensemble_settings()
def noisy_modes(
    problem: Problem,
    params: Params,
    top: int | None = None,
    examples: int | None = None,
    *,
    others: Sequence[Params] = (),
    seed: int = 0,
) -> NoisyModes:
    """Measure what `soret.theory.phase_space.Modes` needs at a point of a landscape.

    Noise that depends on θ but has no mean makes variances and correlations those of its mean
    over the stationary law. One point does not tell that mean where a few examples make most of
    the noise, as in a net that fits its data: give others of the same stretch of training.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays
    top : int, optional
        Eigenpairs of largest size only. Default: all of them, up to 2,500 parameters.
    examples : int, optional
        As in `soret.landscape.hessian`.
    others : sequence of pytrees, optional
        Further points: Hessian and noise are means over all of them; the gradient is that at
        `params`.
    seed : int
        Seed of the draw of examples.

    Raises
    ------
    SettingsError
        If a net is too large for all eigenpairs, or one example is to stand for many.
    ConvergenceError
        If curvature or gradients are not finite.
    """
    here = point(problem, params, examples, seed)
    flats = [here.flat, *(point(problem, other, examples, seed).flat for other in others)]
    if here.examples < 2 and not here.whole:
        raise SettingsError("one example of many has no covariance; use at least 2 examples.")
    measure = _Measure(here)

    def products(vectors: np.ndarray) -> np.ndarray:
        return np.asarray(np.mean([measure.hessian(flat, vectors) for flat in flats], 0))

    operator = SymmetricOperator(here.size, in_groups(products, measure.together), "mean Hessian")
    curvature = Curvature(here, operator)
    if top is None:
        if curvature.size > _ALL:
            raise SettingsError(
                f"{curvature.size:,} parameters are too many for all eigenpairs; give top."
            )
        values, columns = scipy.linalg.eigh(curvature.dense())
        order = np.argsort(-abs(values))
        values, vectors = values[order], np.ascontiguousarray(columns.T[order])
    else:
        found = curvature.top(top, "magnitude")
        values, vectors = found.values, found.vectors
    slopes = [measure.slopes(flat, vectors) for flat in flats]
    if not all(np.isfinite(part).all() for pair in slopes for part in pair):
        raise ConvergenceError(
            "the gradients of the examples are not finite; measure where the loss has a gradient."
        )
    along = np.mean([variance for _, variance in slopes], 0)
    rest = curvature.size - len(values)
    trace = np.mean([measure.trace(flat) for flat in flats]) if rest else 0.0
    return NoisyModes(
        values,
        vectors,
        along,
        slopes[0][0],
        max(0.0, float(trace - along.sum())),
        rest,
        here.examples,
        here.whole,
    )


class _Measure:
    """Hessian products and gradient noise as functions of θ: compiled once for many points."""

    def __init__(self, here: Point) -> None:
        self._here = here
        sizes = Batches(here, lambda flat, *batch: batch)
        self._batch, self.together = sizes.size, sizes.together
        self._freedom = here.examples - (0 if here.whole else 1)

        def hessian(flat: Array, vectors: Array, x: Array, y: Array, weights: Array) -> Array:
            def loss(flat: Array) -> Array:
                return jnp.dot(weights, here.losses(flat, x, y))

            return jax.vmap(linear_gradient(loss, flat))(vectors)

        def slopes(
            flat: Array, vectors: Array, x: Array, y: Array, weights: Array
        ) -> tuple[Array, Array]:
            push = linear_map(lambda flat: here.losses(flat, x, y), flat)[1]
            found = jax.vmap(push)(vectors) * weights
            return found.sum(1), (found**2).sum(1)

        def squares(flat: Array, x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
            rows = example_gradients(here.problem, here.unflatten(flat), x, y) * weights[:, None]
            return rows.sum(0), (rows**2).sum()

        self._hessian, self._slopes, self._squares = (
            jax.jit(hessian),
            jax.jit(slopes),
            jax.jit(squares),
        )

    def hessian(self, flat: Array, vectors: np.ndarray) -> np.ndarray:
        """Return the products of vectors in rows with the Hessian of the mean loss."""
        return self._sum(self._hessian, flat, vectors.astype(np.float32)) / self._here.examples

    def slopes(self, flat: Array, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of the examples' gradients along vectors in rows."""
        groups = [
            np.stack(self._sum(self._slopes, flat, part.astype(np.float32)))
            for part in np.array_split(vectors, -(-len(vectors) // self.together))
        ]
        first, second = np.concatenate(groups, 1)
        n = self._here.examples
        return first / n, np.maximum(second - first**2 / n, 0.0) / self._freedom

    def trace(self, flat: Array) -> float:
        """Return the trace of the covariance of the examples' gradients."""
        first, second = self._sum(self._squares, flat)
        return float(second - first @ first / self._here.examples) / self._freedom

    def _sum(self, program: Callable[..., Any], *arguments: Any) -> Any:
        """Add up what a program makes of the batches, in float64."""
        total: Any = None
        for batch in self._here.batches(self._batch):
            with ensemble_settings():
                part = program(*arguments, *map(jnp.asarray, batch))
            part = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), part)
            total = part if total is None else jax.tree.map(np.add, total, part)
        return total
