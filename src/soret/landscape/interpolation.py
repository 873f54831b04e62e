"""Loss and accuracy between solutions: along a line, and in the plane through three."""

import os
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.data.subsets import whole_number
from soret.errors import SettingsError
from soret.landscape.evaluation import as_vector, check_points, evaluate, parameters_of, vectors
from soret.landscape.filters import output_axes
from soret.problems import Problem
from soret.problems.tracing import ensemble_settings

Floats = NDArray[np.float64]

_LINE = np.linspace(-0.5, 1.5, 41)


@dataclass(frozen=True, eq=False)
class Line:
    """Loss and accuracy along θ(α) = (1 − α) θ_start + α θ_end.

    Attributes
    ----------
    positions : (n,) array
        α: 0 at the start, 1 at the end.
    loss, accuracy : (..., n) arrays
    distance : (...,) array
        |θ_end − θ_start|.
    examples : int
        Number of examples that loss and accuracy are means over.
    whole : bool
        Whether those are the whole data set.
    """

    positions: Floats
    loss: Floats
    accuracy: Floats
    distance: Floats
    examples: int
    whole: bool


@dataclass(frozen=True, eq=False)
class Plane:
    """Loss and accuracy in the plane θ = θ_origin + x u + y v.

    Attributes
    ----------
    x, y : (nx,), (ny,) arrays
        Coordinates: in units of |θ| along orthonormal u and v, or, where directions are filter
        normalized, in shares of the norms of the origin's filters.
    loss, accuracy : (ny, nx) arrays
    points : (3, 2) array
        Where origin, first and second lie; where directions are filter normalized only the
        origin lies in the plane, and the other rows say which way the others are.
    examples, whole
        As in `Line`.
    """

    x: Floats
    y: Floats
    loss: Floats
    accuracy: Floats
    points: Floats
    examples: int
    whole: bool


@ensemble_settings()
def line(
    problem: Problem,
    start: ArrayLike,
    end: ArrayLike,
    positions: ArrayLike = _LINE,
    examples: int | None = None,
    *,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Line:
    """Measure along the straight line through two solutions (Goodfellow et al. 2015).

    Parameters
    ----------
    problem : Problem
        With a finite data set: pass the network with validation data to see its loss there.
    start, end : (..., P) arrays
        Parameters as vectors; several pairs give several lines.
    positions : (n,) array
        α, 0 at the start and 1 at the end.
    examples : int, optional
        So many, drawn at random; default all.
    seed : int
        Seed of the draw, where not all examples are taken.
    out : path, optional
        A folder that a long measurement is resumed from.
    progress : bool, optional
        Whether to show a bar; default: where standard error is a terminal.

    Raises
    ------
    SettingsError
        If the arguments do not fit, start and end are the same, or the points are too many for
        memory.

    References
    ----------
    Goodfellow, Vinyals, Saxe (2015), arXiv:1412.6544. Keskar et al. (2017), arXiv:1609.04836.
    """
    a, b = _exact(problem, start=start, end=end)
    at = np.asarray(positions, np.float64)
    if a.shape != b.shape or a.ndim < 1:
        raise SettingsError(f"start has shape {a.shape} and end {b.shape}; they must be the same.")
    if at.ndim != 1 or not at.size or not np.isfinite(at).all():
        raise SettingsError(f"positions is {positions!r}; it must be a list of finite numbers.")
    distance = np.linalg.norm(b - a, axis=-1)
    if (distance == 0).any():
        raise SettingsError("start and end are the same point, between which there is no line.")
    size = a.shape[-1]
    # In float64, with what it is computed from.
    check_points(a.size // size * at.size, size, copies=8)
    points = a[..., None, :] + at[:, None] * (b - a)[..., None, :]
    found = evaluate(problem, points, examples, seed=seed, out=out, progress=progress)
    return Line(at, found.loss, found.accuracy, distance, *found[2:])


@ensemble_settings()
def plane(
    problem: Problem,
    origin: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    size: int = 21,
    margin: float = 0.3,
    filter_normalized: bool = False,
    examples: int | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Plane:
    """Measure on a grid in the plane through three solutions (Garipov et al. 2018).

    Parameters
    ----------
    problem : Problem
        With a finite data set.
    origin, first, second : (P,) arrays
        Parameters as vectors.
    size : int
        Points a side.
    margin : float
        By how much the grid reaches beyond the three, as a share of their extent; where
        directions are filter normalized it reaches from −1 − margin to 1 + margin.
    filter_normalized : bool
        Whether the directions from the origin to the other two are scaled, filter by filter, to
        the norms of the origin's own: distances then mean the same in networks whose weights
        differ in scale (Li et al. 2018). They are not made orthogonal.
    examples : int, optional
        So many, drawn at random; default all.
    seed : int
        Seed of the draw, where not all examples are taken.
    out : path, optional
        A folder that a long measurement is resumed from.
    progress : bool, optional
        Whether to show a bar; default: where standard error is a terminal.

    Raises
    ------
    SettingsError
        If the arguments do not fit, the three lie on one line, a filter-normalized direction
        vanishes, or the points are too many for memory.

    References
    ----------
    Garipov et al. (2018), arXiv:1802.10026. Li et al. (2018), arXiv:1712.09913.
    """
    side = whole_number(size, "size", least=2)
    if not 0 <= margin < np.inf:
        raise SettingsError(f"`margin` must be a finite number of at least 0, got {margin!r}.")
    corners = _exact(problem, origin=origin, first=first, second=second)
    if len({vector.shape for vector in corners}) > 1 or corners[0].ndim != 1:
        raise SettingsError("origin, first and second must be vectors of one length.")
    if not all(np.isfinite(vector).all() for vector in corners):
        raise SettingsError("origin, first and second must be vectors of finite numbers.")
    check_points(side**2, corners[0].size, copies=8)
    zero, one, two = corners
    u, v = one - zero, two - zero
    along = np.linalg.norm(u)
    across = v - (v @ u) / along**2 * u if along > 0 else v
    if not along > 0 or not np.linalg.norm(across) > 1e-6 * np.linalg.norm(v):
        raise SettingsError("origin, first and second lie on one line; use soret.landscape.line.")
    if filter_normalized:
        u, v = (filter_normalize(problem, direction, zero) for direction in (u, v))
        if not (u.any() and v.any()):
            raise SettingsError(
                "a direction vanishes when it is filter normalized, as where all filters of the "
                "origin are zero; use filter_normalized=False."
            )
        x = y = np.linspace(-1 - margin, 1 + margin, side)
        points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    else:
        u = u / along
        height = float(np.linalg.norm(across))
        points = np.array([[0.0, 0.0], [along, 0.0], [v @ u, height]])
        v = across / height
        x, y = (_reach(points[:, axis], margin, side) for axis in (0, 1))
    grid = zero + y[:, None, None] * v + x[None, :, None] * u
    found = evaluate(problem, grid, examples, seed=seed, out=out, progress=progress)
    return Plane(x, y, found.loss, found.accuracy, points, *found[2:])


@ensemble_settings()
def filter_normalize(
    problem: Problem,
    direction: ArrayLike,
    like: ArrayLike,
    *,
    outputs: Literal["first", "last"] | None = None,
) -> Floats:
    """Scale a direction filter by filter to the norms that the filters of `like` have.

    A filter is what makes one output of a layer: a row of a weight matrix (outputs, inputs), a
    column of a kernel (inputs, outputs). Biases and other vectors do not move, as in the source.

    Parameters
    ----------
    problem : Problem
    direction, like : (P,) arrays
    outputs : {"first", "last"}, optional
        Which axis of arrays counts outputs, as in PyTorch and Equinox, or as in Flax and Haiku.
        By default it is read from the model: axes that are summed over in a product or a
        convolution count inputs. Where that does not tell, arrays called ``W``, ``K`` or ``weight``
        have outputs first, those called ``kernel`` last.

    Raises
    ------
    SettingsError
        If the vectors do not have the problem's parameters, or the model does not tell inputs
        from outputs.

    References
    ----------
    Li et al. (2018), arXiv:1712.09913, Sec. 4.
    """
    wanted = (parameters_of(problem),)
    vectors = [np.asarray(vector, np.float64) for vector in (direction, like)]
    if any(vector.shape != wanted for vector in vectors):
        raise SettingsError(f"direction and like must be vectors of shape {wanted}.")
    if outputs not in (None, "first", "last"):
        raise SettingsError(f"outputs is {outputs!r}; use 'first' or 'last', or leave it out.")
    leaves = [jax.tree.leaves(problem.moving(problem.unflatten(vector))) for vector in vectors]
    if outputs is None:
        kept = output_axes(problem)
    else:
        kept = [(0,) if outputs == "first" else (leaf.ndim - 1,) for leaf in leaves[0]]
    return np.concatenate(
        [
            _normalized(np.asarray(d, float), np.asarray(t, float), axes)
            for d, t, axes in zip(*leaves, kept, strict=True)
        ]
    )


def _exact(problem: Problem, **given: ArrayLike) -> list[Floats]:
    """Return vectors in float64, once it is clear that float32 can hold them."""
    found = {name: as_vector(problem, vector) for name, vector in given.items()}
    for name, vector in found.items():
        vectors(vector, name)
    return [np.asarray(vector, np.float64) for vector in found.values()]


def _normalized(
    direction: np.ndarray, like: np.ndarray, outputs: tuple[int, ...] | None
) -> np.ndarray:
    if direction.ndim < 2 or outputs is None:
        return np.zeros(direction.size)
    summed = tuple(axis for axis in range(direction.ndim) if axis not in outputs)
    norms, reference = (
        np.sqrt(np.sum(array**2, axis=summed, keepdims=True)) for array in (direction, like)
    )
    return np.asarray(direction * (reference / np.where(norms > 0, norms, 1.0))).ravel()


def _reach(values: Floats, margin: float, size: int) -> Floats:
    beyond = margin * (values.max() - values.min())
    return np.linspace(values.min() - beyond, values.max() + beyond, size)
