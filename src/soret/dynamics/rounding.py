"""Updates that float32 rounds away: found after a block is done, by a program of their own.

A parameter stays where it is if its update is below half a unit in the last place, u < ½ ulp(θ),
at every step, however many there are. Whether that has happened is asked in two stages, so that
the steps themselves cost nothing more:

1. Did any parameter end exactly where it began? In a long run, also: does any stay exactly where
   it is while the compiled program makes one chunk of further steps?
2. If so, the updates of `_BATCHES` further mini-batches are computed at the end of the run, in
   float64 from the float32 gradient. An update is lost where it is not zero, and adding it in
   float32 changes nothing. A parameter counts where most of its updates are lost and the loss
   tells: over the run, their drift or their diffusion would have moved it by `_TELLS` units in
   the last place; and there, where it would be by then (at most `_FAR` such units away), drift
   or diffusion are still about what they were.

So neither a dead unit counts, whose gradient is zero, nor a minimum that was reached as exactly
as float32 can: a little way off it, the gradient turns round.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from soret.dynamics.algorithm import Point
from soret.dynamics.compiled import Compiled
from soret.dynamics.keys import Keys
from soret.numerics import double_precision

if TYPE_CHECKING:
    from soret.dynamics.program import Ensemble, Program

_BATCHES, _REPLICAS = 16, 8
_TELLS, _FAR = 64, 4096
# Updates below half a unit in the last place add up to `_TELLS` units in so many steps, not sooner.
_FEWEST_STEPS = 2 * _TELLS
# A share below this is not told: a net that fits has some parameters whose gradient is nearly 0.
_LEAST = 0.01
# One further chunk is at most a thousandth of the block.
_LONG = 1000
# Numbers held at once: batches times replicas times parameters. Of larger problems two batches of
# one replica are looked at, beyond `_LARGEST` none.
_MOST, _LARGEST = 2**22, 2**24
# What one of them takes, measured: gradients and updates in both precisions.
_BYTES = 40


class RoundingWarning(UserWarning):
    """Updates are too small for float32: parameters stay where they are."""


def call_bytes(program: Program) -> int:
    """Return about what `shares` takes while it looks."""
    return _BYTES * _batches(program) * _replicas(program) * _parameters(program)


def kept(program: Program, ensemble: Ensemble) -> Any:
    """Return what `share` needs of the start of a block, or None where that is too much."""
    return ensemble.params if _batches(program) else None


def shares(
    program: Program,
    began: Any,
    ensemble: Ensemble,
    keys: Keys,
    values: Mapping[str, NDArray[np.float32]],
    steps: int,
    device: jax.Device,
    lanes: Sequence[tuple[int, slice]],
) -> dict[int, float]:
    """Return the share of parameters whose updates are rounded away at the end of a block.

    Parameters
    ----------
    program : Program
    began : pytree
        The parameters at the start, as `kept` returned them.
    ensemble : Ensemble
        The block at the end.
    keys, values, device
        As in `Program.advance`.
    steps : int
        Steps made.
    lanes : list of (int, slice)
        Points of the grid, and where in the block their replicas are.

    Returns
    -------
    dict
        By point, for each that is asked for.
    """
    if steps < _FEWEST_STEPS:
        return {place: 0.0 for place, _ in lanes}
    chunks = steps // program.chunk
    further: Any = None
    found = {}
    for place, part in lanes:
        here = _cut(ensemble, part)
        point = {key: float(value[part.start]) for key, value in values.items()}
        still = _unmoved(_cut(began, part), here.params)
        if not still and chunks >= _LONG and program.watch is None:
            if further is None:
                further, _ = program.advance(ensemble, keys, values, chunks, chunks + 1, device)
            still = _unmoved(here.params, _cut(further.params, part))
        found[place] = _measure(program, here, keys[part], point, steps, device) if still else 0.0
    return found


def _cut(tree: Any, part: slice) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[part], tree)


def worst(points: Mapping[int, Point], shares: Mapping[int, float]) -> dict[str, Any]:
    """Return what a run says of updates rounded away: the largest share and where, if any."""
    if max(shares.values(), default=0.0) < _LEAST:
        return {}
    at = max(sorted(shares), key=lambda place: shares[place])
    where = ", ".join(f"{key} = {value:g}" for key, value in points[at].items())
    return {"rounded_away": float(shares[at]), "rounded_away_at": where}


def warn(attributes: Mapping[Any, Any]) -> None:
    """Warn of a run whose attributes say that updates were rounded away."""
    if attributes.get("rounded_away", 0) > 0:
        warnings.warn(
            f"the updates of {attributes['rounded_away']:.2g} of the parameters are lost in "
            f"float32, at {attributes['rounded_away_at']}: they are below half a unit in the last "
            "place, so that these parameters stay where they are; use a larger learning rate, or "
            "let parameters count from their start, so that they begin at 0.",
            RoundingWarning,
            stacklevel=4,
        )


def _unmoved(before: Any, after: Any) -> bool:
    """Return whether any parameter is exactly where it was, which is not at 0."""
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    return any(
        bool(np.any((np.asarray(a) == np.asarray(b)) & np.isfinite(a) & (np.asarray(a) != 0)))
        for a, b in pairs
    )


def _batches(program: Program) -> int:
    """Return how many mini-batches there is room for, at most `_BATCHES`; 0 for less than 2."""
    parameters = _parameters(program)
    if 2 * parameters > _LARGEST:
        return 0
    found = min(_BATCHES, max(2, _MOST // parameters), program.stepper.sampler.longest)
    return found if found >= 2 else 0


def _replicas(program: Program) -> int:
    """Return how many replicas of a point there is room for."""
    numbers = _batches(program) * _parameters(program)
    return int(np.clip(_MOST // max(1, numbers), 1, _REPLICAS))


def _parameters(program: Program) -> int:
    leaves = jax.tree.leaves(program.ensemble_shape.params)
    return max(1, sum(leaf.size // leaf.shape[0] for leaf in leaves))


def _measure(
    program: Program, ensemble: Ensemble, keys: Keys, point: Point, steps: int, device: jax.Device
) -> float:
    batches, count = _batches(program), min(_replicas(program), len(keys))
    params, velocity = jax.tree.map(
        lambda leaf: np.asarray(leaf)[:count], (ensemble.params, ensemble.velocity)
    )
    gradients = program.once(_gradients, count, steps, batches)
    at = _flat(params)[:, None]
    alive = np.isfinite(at).all(axis=2, keepdims=True)

    def updates(at: Any) -> NDArray[np.float64]:
        slopes = jax.tree.map(np.asarray, gradients(device, at, np.asarray(keys[:count])))
        moved = _updated(program, slopes, velocity, at, point, device)
        return _flat(moved, 2).astype(np.float64) - _flat(at)[:, None].astype(np.float64)

    with np.errstate(all="ignore"):
        found = updates(params)
        lost = (found != 0) & ((at + found).astype(np.float32) == at)
        often = alive[:, 0] & (lost.sum(axis=1) > 0.5 * np.maximum(1, (found != 0).sum(axis=1)))
        ulp = np.spacing(np.abs(at[:, 0])).astype(np.float64)
        drift, scatter = found.mean(axis=1), found.std(axis=1)
        far = np.maximum(steps * np.abs(drift), np.sqrt(steps) * scatter)
        counted = often & (far >= _TELLS * ulp)
        if not counted.any():
            return 0.0
        away = np.where(drift < 0, -1.0, 1.0) * np.minimum(far, _FAR * ulp)
        there = np.where(counted, at[:, 0] + away, at[:, 0]).astype(np.float32)
        again = updates(_like(params, there))
        lasting = _about(again.mean(axis=1) / drift) & (steps * np.abs(drift) >= _TELLS * ulp)
        shaking = _about(again.std(axis=1) / scatter) & (np.sqrt(steps) * scatter >= _TELLS * ulp)
        counted &= lasting | shaking
    return float(counted.sum() / counted.size)


def _about(ratio: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (ratio > 0.5) & (ratio < 2)


def _gradients(program: Program, count: int, steps: int, batches: int) -> Compiled:
    """Compile the gradients of further mini-batches: leaves (replicas, batches, ...)."""
    sampler = program.stepper.sampler
    gradient = jax.grad(program.stepper.loss)
    numbers = np.arange(steps, steps + batches, dtype=np.uint32)

    def all_of(params: Any, keys: Array) -> Any:
        prepared = jax.vmap(sampler.prepare, in_axes=(0, None))(keys, jnp.uint32(steps))
        _, handles = jax.vmap(sampler.draw, in_axes=(0, 0, None))(
            prepared, keys, jnp.asarray(numbers)
        )
        one = jax.vmap(lambda p, handle: gradient(p, sampler.gather(handle)), in_axes=(None, 0))
        return jax.vmap(one)(params, handles)

    shapes = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((count, *leaf.shape[1:]), leaf.dtype),
        (program.ensemble_shape.params, program.keys_shape),
    )
    return Compiled(all_of, *shapes, options={"xla_backend_optimization_level": 0})


@double_precision()
def _updated(
    program: Program, gradients: Any, velocity: Any, params: Any, point: Point, device: jax.Device
) -> Any:
    """Return the parameters after each of the updates, in float64: (replicas, batches, ...)."""
    gradients, velocity, params = jax.tree.map(_wide, (gradients, velocity, params))
    values = {key: np.float64(np.float32(value)) for key, value in point.items()}
    count, batches = jax.tree.leaves(gradients)[0].shape[:2]
    update = program.once(_update, count, batches, tuple(values))
    return jax.tree.map(np.asarray, update(device, gradients, velocity, params, values))


def _update(program: Program, count: int, batches: int, names: Sequence[str]) -> Compiled:
    """Compile an update after each of the gradients of each replica, whatever the point."""
    stepper = program.stepper

    def wide(leaf: Any, *axes: int) -> jax.ShapeDtypeStruct:
        dtype = jnp.float64 if leaf.dtype == jnp.float32 else leaf.dtype
        return jax.ShapeDtypeStruct((*axes, *leaf.shape[1:]), dtype)

    def one(gradient: Any, velocity: Any, params: Any, values: Any) -> Any:
        return stepper.algorithm.update(gradient, velocity, params, values, stepper.structure)[0]

    each = jax.vmap(one, in_axes=(0, None, None, None))
    params, velocity = program.ensemble_shape.params, program.ensemble_shape.velocity
    return Compiled(
        jax.vmap(each, in_axes=(0, 0, 0, None)),
        jax.tree.map(lambda leaf: wide(leaf, count, batches), params),
        jax.tree.map(lambda leaf: wide(leaf, count), velocity),
        jax.tree.map(lambda leaf: wide(leaf, count), params),
        {name: jax.ShapeDtypeStruct((), jnp.float64) for name in names},
        options={"xla_backend_optimization_level": 0},
    )


def _wide(leaf: NDArray[Any]) -> NDArray[Any]:
    return leaf.astype(np.float64) if leaf.dtype == np.float32 else leaf


def _flat(tree: Any, axes: int = 1) -> NDArray[Any]:
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    return np.concatenate([leaf.reshape(*leaf.shape[:axes], -1) for leaf in leaves], axis=axes)


def _like(tree: Any, flat: NDArray[np.float32]) -> Any:
    """Put numbers, (replicas, parameters), into the form of a tree."""
    leaves = jax.tree.leaves(tree)
    ends = np.cumsum([leaf[0].size for leaf in leaves])[:-1]
    parts = np.split(flat, ends, axis=1)
    shaped = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(jax.tree.structure(tree), shaped)
