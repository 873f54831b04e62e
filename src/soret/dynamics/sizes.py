"""How much an ensemble takes, from counts and shapes alone: before a list of it is made."""

from collections.abc import Iterable
from math import prod

import jax

from soret.dynamics.algorithm import Algorithm, axes
from soret.dynamics.passage import FirstPassage
from soret.errors import SettingsError
from soret.memory import readable, refuse_beyond

_REMEDY = "use fewer replicas, grid points or thresholds, record less often, or allow more memory"
# Keys of replicas are counted in 32 bits.
_MOST_REPLICAS = 2**32
# What a block costs to be in the plan and have a result, and a point to be in the grid: measured.
_BLOCK, _POINT = 2048, 512


def grid_size(algorithm: Algorithm) -> int:
    """Return the number of points of the grid, without running through them."""
    return prod(len(values) for values in axes(algorithm).values())


def held(
    algorithm: Algorithm,
    replicas: int,
    records: int,
    watch: FirstPassage | None,
    one_record: int = 0,
    parameters: int = 0,
) -> int:
    """Return the bytes that the results take, and the grid.

    Parameters
    ----------
    algorithm, replicas, watch
        As in `simulate`.
    records : int
        Records of a replica.
    one_record : int
        Bytes of one record of one replica.
    parameters : int
        Parameters of one replica: returned where replicas are held.
    """
    one = 4 + one_record * records
    if watch is not None:
        one += 8 * len(watch.thresholds) + 8 + (4 * parameters if watch.hold else 0)
    points = grid_size(algorithm)
    # Twice: the blocks' own records and the arrays that they are put together into.
    return 2 * one * points * replicas + _POINT * points + 8 * (replicas + records)


def blocks(algorithm: Algorithm, replicas: int, size: int) -> int:
    """Return the bytes that a plan of blocks of some size takes."""
    return _BLOCK * grid_size(algorithm) * -(-replicas // size)


def one_record(shapes: Iterable[jax.ShapeDtypeStruct]) -> int:
    """Return the bytes of one record of one replica."""
    return sum(shape.size * shape.dtype.itemsize for shape in shapes)


def refuse(
    needed: int, algorithm: Algorithm, replicas: int, records: int, limit: int | None
) -> None:
    """Refuse an ensemble that takes more memory than may be used.

    Raises
    ------
    SettingsError
        If it does, or has more replicas than there are keys for.
    """
    if replicas > _MOST_REPLICAS:
        raise SettingsError(f"replicas is {replicas:,}; it must be at most 2³².")
    points = grid_size(algorithm)
    at = f" at each of {points:,} points" if points > 1 else ""
    refuse_beyond(
        needed,
        f"the run of {replicas:,} replica{'s' * (replicas > 1)}{at}, recorded {records:,} times,",
        _REMEDY,
        limit,
    )


def one_replica(name: str, needed: int, limit: int) -> str:
    """Return the sentence that says that not even one replica fits."""
    return (
        f"one replica of {name!r} takes about {readable(needed)} and {readable(limit)} may be "
        "used; use a smaller batch or problem, or record less often."
    )
