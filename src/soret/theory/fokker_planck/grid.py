"""Rectangular grids of equal cells, their walls, and fields evaluated on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import OutsideDomain, SettingsError

Floats = NDArray[np.float64]
Wall = Literal["reflecting", "absorbing"]
Walls = Wall | Sequence[Wall | Sequence[Wall]]
Field = Callable[[Floats], ArrayLike] | ArrayLike


@dataclass(frozen=True)
class Grid:
    """A rectangle of one or two dimensions, cut into equal cells.

    Parameters
    ----------
    lower, upper : float or sequence of n floats
        Where the walls stand.
    cells : int or sequence of n ints
        Cells along each axis, at least 2. A density is an array of this shape.

    Raises
    ------
    SettingsError
        If lengths differ, n is neither 1 nor 2, a wall is not finite or upper is not above lower.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    cells: tuple[int, ...]

    def __init__(self, lower: ArrayLike, upper: ArrayLike, cells: ArrayLike) -> None:
        low, high = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (lower, upper))
        count = np.atleast_1d(np.asarray(cells))
        if not (low.shape == high.shape == count.shape and low.shape in {(1,), (2,)}):
            raise SettingsError(
                "lower, upper and cells must have one number for each of one or two axes."
            )
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (high > low).all()):
            raise SettingsError(f"The grid goes from {low} to {high}; it must be a rectangle.")
        if count.dtype.kind not in "iu" or (count < 2).any():
            raise SettingsError(f"cells is {count}; it must be whole numbers of at least 2.")
        object.__setattr__(self, "lower", tuple(low.tolist()))
        object.__setattr__(self, "upper", tuple(high.tolist()))
        object.__setattr__(self, "cells", tuple(count.tolist()))

    @property
    def dimensions(self) -> int:
        """1 or 2."""
        return len(self.cells)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The cells' sides h."""
        walls = zip(self.lower, self.upper, self.cells, strict=True)
        return tuple((high - low) / count for low, high, count in walls)

    @property
    def volume(self) -> float:
        """The length or area of a cell; Σ density · volume is mass."""
        return float(np.prod(self.spacing))

    @property
    def centres(self) -> tuple[Floats, ...]:
        """The cells' centres along each axis, n arrays."""
        return tuple(self._along(axis, 0.5) for axis in range(self.dimensions))

    @property
    def points(self) -> Floats:
        """The cells' centres, shape (*cells, n)."""
        return np.stack(np.meshgrid(*self.centres, indexing="ij"), axis=-1)

    def faces(self, axis: int) -> Floats:
        """Return the middles of the faces across an axis, walls included; (*cells + 1, n)."""
        lines = list(self.centres)
        lines[axis] = np.append(self._along(axis, 0.0), self.upper[axis])
        return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)

    def density(self, values: ArrayLike) -> Floats:
        """Return values as a density on this grid, or say what makes it none."""
        array = np.asarray(values, dtype=np.float64)
        if array.shape != self.cells:
            raise SettingsError(f"The density has shape {array.shape}; the grid has {self.cells}.")
        if not np.isfinite(array).all() or (array < 0).any():
            raise OutsideDomain("The density is negative or not finite somewhere.")
        return array

    def _along(self, axis: int, offset: float) -> Floats:
        steps = np.arange(self.cells[axis], dtype=np.float64) + offset
        return self.lower[axis] + self.spacing[axis] * steps


def read_walls(walls: Walls, dimensions: int) -> tuple[tuple[Wall, Wall], ...]:
    """Return the (lower, upper) wall of every axis from one word, a word per axis, or pairs."""
    found: object = walls
    if isinstance(walls, str):
        found = [walls] * dimensions
    elif dimensions == 1 and len(walls) == 2:
        found = [walls]
    pairs = tuple(
        (axis, axis) if isinstance(axis, str) else tuple(axis)
        for axis in cast("Sequence[Wall | Sequence[Wall]]", found)
    )
    words = [word for pair in pairs for word in pair]
    if (
        len(pairs) != dimensions
        or any(len(pair) != 2 for pair in pairs)
        or not {"reflecting", "absorbing"}.issuperset(words)
    ):
        raise SettingsError(
            f"walls is {walls!r}; it must be 'reflecting' or 'absorbing', or for each axis one of "
            "these or a pair (lower, upper) of them."
        )
    return cast("tuple[tuple[Wall, Wall], ...]", pairs)


def evaluate(name: str, field: Field, points: Floats, rank: int) -> Floats:
    """Return a field of vectors (rank 1) or matrices (rank 2) at points (..., n).

    A constant stands for itself everywhere; in one dimension the axes of length 1 may be missing.
    """
    values = np.asarray(field(points) if callable(field) else field, dtype=np.float64)
    n = points.shape[-1]
    shape = points.shape[:-1] + (n,) * rank
    whole = values.shape == shape or values.shape == (n,) * rank
    if n == 1 and not whole and values.size in {1, int(np.prod(shape))}:
        values = values.reshape(shape if values.size > 1 else (1,) * rank)
    elif not whole:
        raise SettingsError(f"The {name} has shape {values.shape}; at these points it is {shape}.")
    if not np.isfinite(values).all():
        raise OutsideDomain(f"The {name} is not finite everywhere on the grid.")
    return np.broadcast_to(values, shape)
