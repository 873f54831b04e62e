"""What an experiment would hold in memory, estimated before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from soret import memory

if TYPE_CHECKING:
    from soret import Experiment

# Below this share of the memory an estimate from above is enough: an exact one traces the model.
_CLEARLY = 0.05
_SMALLEST_RECORD = 1024


def refuse_beyond(needed: float, what: str, **settings: Any) -> None:
    """Refuse what takes more memory than there is.

    Parameters
    ----------
    needed : float
        Bytes.
    what : str
        What takes them, for the sentence.
    **settings
        The settings that it follows from.

    Raises
    ------
    SettingsError
    """
    told = ", ".join(f"{name}={value}" for name, value in settings.items())
    memory.refuse_beyond(needed, f"{told + ': ' if told else ''}{what}", "use smaller ones")


def check_experiment(name: str, experiment: Experiment) -> None:
    """Refuse an ensemble whose parameters, or whose results, do not fit into memory.

    Raises
    ------
    SettingsError
    """
    from soret.dynamics import sizes
    from soret.dynamics.algorithm import values_of

    problem, algorithm, watch = experiment.problem, experiment.algorithm, experiment.watch
    ensemble = (algorithm, experiment.replicas, experiment.records)
    # Counts alone come first: no list of a grid or of blocks is made of them.
    sizes.refuse(sizes.held(*ensemble, watch), *ensemble, None)
    one = parameter_bytes(problem)
    batch = int(max(values_of(algorithm.hyperparameters["batch_size"])))
    # Parameters, gradient, and what an update makes of them; and a batch.
    refuse_beyond(
        3 * one + batch * _example_bytes(problem), f"one replica of {name!r} with its batch"
    )
    least = max(len(experiment.observables), 1) * max(one, _SMALLEST_RECORD)
    if sizes.held(*ensemble, watch, least, one) > _CLEARLY * memory.limit_bytes():
        recorded = _record_bytes(problem, experiment.observables)
        sizes.refuse(sizes.held(*ensemble, watch, recorded, one // 4), *ensemble, None)


def parameter_bytes(problem: Any) -> int:
    """Return the bytes of one replica's parameters, without drawing them."""
    import equinox as eqx

    return _bytes(eqx.filter_eval_shape(problem.initial, _key()))


def _example_bytes(problem: Any) -> int:
    """Return the bytes that an example takes in a batch."""
    from soret.problems.model_checks import example_shapes

    return _bytes(example_shapes(problem))


def _record_bytes(problem: Any, observables: Sequence[Any]) -> int:
    """Return the bytes of one replica's record."""
    import jax
    import jax.numpy as jnp

    from soret.observables.state import State

    params = jax.eval_shape(problem.initial, _key())
    step = jax.ShapeDtypeStruct((), jnp.int32)

    def observe(params: Any, velocity: Any, step: Any) -> list[Any]:
        return [one(problem, State(params, velocity, step)) for one in observables]

    return _bytes(jax.eval_shape(observe, params, params, step))


def _bytes(shapes: Any) -> int:
    import jax

    leaves = [leaf for leaf in jax.tree.leaves(shapes) if hasattr(leaf, "dtype")]
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)


def _key() -> Any:
    import jax

    from soret.data.generator import as_jax_key

    return jax.eval_shape(as_jax_key, jax.ShapeDtypeStruct((2,), "uint32"))


def grid_bytes(cells: float) -> float:
    """Return about what a Fokker–Planck grid of so many cells takes: sparse, with its factors."""
    return 2000.0 * cells
