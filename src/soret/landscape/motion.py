"""What the limiting dynamics at a point depend on: curvature and noise, direction by direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import scipy.linalg
from jaxtyping import Array

from soret.errors import ConvergenceError, SettingsError
from soret.landscape.curvature import Curvature, apply_linear, linear_gradients
from soret.landscape.derivatives import linear_map
from soret.landscape.flat import FlatProblem
from soret.landscape.gradients import example_gradients
from soret.landscape.operators import SymmetricOperator
from soret.landscape.point import Point, point
from soret.landscape.products import Batches, in_groups, rows
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
    hessians = Batches(here, here.model.compiled(linear_gradients)).at(flats)
    product = here.model.compiled(rows, apply_linear)

    def products(vectors: np.ndarray) -> np.ndarray:
        given = vectors.astype(np.float32)
        found = [batches.sum(product, given) for batches in hessians]
        return np.asarray(np.mean(found, 0) / here.examples)

    operator = SymmetricOperator(
        here.size, in_groups(products, hessians[0].together), "mean Hessian"
    )
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
    slopes = _slopes(here, flats, vectors)
    if not all(np.isfinite(part).all() for pair in slopes for part in pair):
        raise ConvergenceError(
            "the gradients of the examples are not finite; measure where the loss has a gradient."
        )
    along = np.mean([variance for _, variance in slopes], 0)
    rest = curvature.size - len(values)
    trace = np.mean(_traces(here, flats)) if rest else 0.0
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


def _slopes(
    here: Point, flats: Sequence[Array], vectors: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return mean and variance of the examples' gradients along vectors in rows, at every θ."""
    moments = here.model.compiled(_moments_along)
    batches = Batches(here, here.model.compiled(_linear_losses))
    groups = np.array_split(vectors.astype(np.float32), -(-len(vectors) // batches.together))
    n, found = here.examples, []
    for one in batches.at(flats):
        first, second = np.concatenate([np.stack(one.sum(moments, group)) for group in groups], 1)
        found.append((first / n, np.maximum(second - first**2 / n, 0.0) / _freedom(here)))
    return found


def _traces(here: Point, flats: Sequence[Array]) -> list[float]:
    """Return the trace of the covariance of the examples' gradients at every θ."""
    moments = here.model.compiled(_moments)
    sums = [batches.sum(moments) for batches in Batches(here).at(flats)]
    return [float(two - one @ one / here.examples) / _freedom(here) for one, two in sums]


def _freedom(here: Point) -> int:
    return here.examples - (0 if here.whole else 1)


def _linear_losses(model: FlatProblem) -> Any:
    def linearize(flat: Array, x: Array, y: Array, weights: Array) -> Any:
        return linear_map(lambda flat: weights * model.losses(flat, x, y), flat)[1]

    return linearize


def _moments_along(_: FlatProblem) -> Any:
    def moments(push: Any, vectors: Array) -> tuple[Array, Array]:
        found = jax.vmap(push)(vectors)
        return found.sum(1), (found**2).sum(1)

    return moments


def _moments(model: FlatProblem) -> Any:
    def moments(batch: tuple[Array, ...]) -> tuple[Array, Array]:
        flat, x, y, weights = batch
        found = example_gradients(model.problem, model.unflatten(flat), x, y) * weights[:, None]
        return found.sum(0), (found**2).sum()

    return moments
