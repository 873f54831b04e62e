"""Passages too rare to be waited for, by splitting: forward-flux sampling with SGD as it is."""

from __future__ import annotations

import logging
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from numpy.typing import NDArray

from soret.dynamics.algorithm import Algorithm, axes, check_algorithm, points
from soret.dynamics.arguments import check_integer
from soret.dynamics.compiled import Compiled
from soret.dynamics.keys import check_seed, initial_keys, splitting_keys
from soret.dynamics.observable_checks import check_level
from soret.dynamics.passage import FirstPassage, Thresholds, ordered
from soret.dynamics.sampling import sampler
from soret.dynamics.stepper import Replicas, Stepper
from soret.errors import ConvergenceError, SettingsError
from soret.observables.state import Observable, attributes
from soret.problems import Problem
from soret.problems.model_checks import check_init
from soret.problems.tracing import ensemble_settings

log = logging.getLogger("soret")

# The bytes that the batches of a chunk may take: walkers are many, and far beyond the cache.
_CHUNK_BYTES = 2**22


@ensemble_settings()
def rare_passages(
    problem: Problem,
    algorithm: Algorithm,
    level: Observable,
    thresholds: Thresholds,
    *,
    core: float,
    steps: int = 2000,
    walkers: int = 256,
    repeats: int = 32,
    longest: int = 100_000,
    seed: int = 0,
) -> xr.Dataset:
    r"""Measure how rarely a level reaches thresholds that plain replicas would hardly ever reach.

    Forward-flux sampling [1]_. Walkers that have been at or below `core` cross the first threshold
    at a rate Φ. Of walkers that start where others crossed threshold i, the fraction P_i reaches
    threshold i + 1 before it is back at the core. The rate of passages of threshold k is
    Φ·P_1 ⋯ P_{k−1}, without bias, whatever the dynamics is and however far a step jumps; where
    passages are rare, its inverse is the mean first-passage time from the quasi-stationary state.

    It pays where walkers climb from threshold to threshold. Where thresholds are passed by jumps
    that hardly any walker makes, as in linear regression at small η, the rates scatter from repeat
    to repeat by more than their mean, and so large an error means that they are not to be used.

    Parameters
    ----------
    problem : Problem
        Replicas should start in or near the core.
    algorithm : SGD or Optax
        One point: no list-valued hyperparameter, and no shuffled epochs, since a walker that
        starts anew would have to remember its epoch.
    level : function
        A scalar observable, as for `FirstPassage`.
    thresholds : sequence of float
        Ascending. The first is one that is crossed many times in `steps`; neighbours are best
        placed so that a third to a half of the walkers get from one to the next.
    core : float
        Below the first threshold; a typical level, such as the stationary median.
    steps : int
        Updates that the rate of the first threshold is measured over, after half as many that
        are not looked at.
    walkers : int
        Walkers of each repeat, at each threshold.
    repeats : int
        Independent repetitions, for the error.
    longest : int
        The most updates that a walker may take to one threshold or the other.
    seed : int

    Returns
    -------
    xarray.Dataset
        `rate` (repeat, threshold), passages a step: average it over repeats before inverting it,
        for the mean is free of bias and its inverse is not. `reached` (repeat, threshold), the
        fraction P of walkers that came from the threshold before; 1 at the first.

    Raises
    ------
    SettingsError
        If the arguments do not fit each other.
    ConvergenceError
        If walkers cross the first threshold hardly ever, or wander on for more than `longest`
        steps.

    References
    ----------
    .. [1] R. J. Allen, P. B. Warren, P. R. ten Wolde, "Sampling rare switching events in
       biochemical networks", Phys. Rev. Lett. 94, 018104 (2005).
    """
    bars = FirstPassage(level, thresholds).thresholds
    _check(algorithm, bars, core, steps, walkers, repeats, longest, seed)
    with ensemble_settings():
        _check_memory(algorithm, check_algorithm(algorithm, check_init(problem)))
        process = _Process(problem, algorithm, level, walkers * repeats, float(core))
        owner = np.repeat(np.arange(repeats), walkers)
        choose = np.random.default_rng([seed, repeats, walkers])

        crossings, state = process.cross(seed, bars[0], steps)
        seen = crossings > 0
        flux = np.bincount(owner, crossings, repeats) / (walkers * process.whole(steps))
        if not flux.all():
            raise ConvergenceError(
                f"no walker of a repeat crossed the first threshold, {bars[0]:g}, in {steps} "
                "steps; lower it, or use more steps or walkers."
            )
        reached = np.ones((repeats, len(bars)))
        for stage, bar in enumerate(bars[1:], start=1):
            state = _drawn(state, seen, owner, choose)
            seen, state = process.climb(seed, stage, state, bar, longest)
            reached[:, stage] = np.bincount(owner, seen, repeats) / walkers
            # A repeat of which no walker got here has come to its end, with a rate of 0.
            reached[:, stage] *= reached[:, stage - 1] > 0
            log.info("%s: %.3g of the walkers reached %g", problem.name, seen.mean(), bar)
    about = attributes(level)
    coordinates = {
        "repeat": ("repeat", np.arange(repeats), {"long_name": "repeat"}),
        "threshold": (
            "threshold",
            np.asarray(bars),
            {"long_name": f"threshold of {about['long_name']}", "units": about["units"]},
        ),
    }
    rate = flux[:, None] * np.cumprod(reached, axis=1)
    dims = ("repeat", "threshold")
    return xr.Dataset(
        {
            "rate": (dims, rate, {"long_name": "rate of passages", "units": "1/update"}),
            "reached": (dims, reached, {"long_name": "walkers that came from the one before"}),
        },
        coordinates,
        {"core": float(core), "walkers": walkers, "steps": steps, "seed": int(seed)},
    )


def _check_memory(algorithm: Algorithm, draws: bool) -> None:
    """Refuse rules by which walkers from one place would go on alike, or that follow a clock."""
    if draws:
        raise SettingsError(
            "the optimizer draws random numbers of its own, and walkers that start anew from one "
            "place would draw the same; use one without."
        )
    if getattr(algorithm, "scheduled", False):
        raise SettingsError(
            "rates of passage are those of a stationary process; use a constant learning rate."
        )


class _Process:
    """SGD on many walkers, compiled for the two things that splitting asks of it."""

    def __init__(
        self, problem: Problem, algorithm: Algorithm, level: Observable, count: int, core: float
    ) -> None:
        self.level, self.core, self.count = level, core, count
        self.point = next(iter(points(algorithm)))
        draws = sampler(problem, int(self.point["batch_size"]), algorithm.sampling)
        self.stepper = Stepper(problem, algorithm, draws, algorithm.structure(self.point))
        self.values = {key: np.full(count, value, np.float32) for key, value in self.point.items()}
        self.device = jax.local_devices()[0]
        keys = jax.ShapeDtypeStruct((count, 2), jnp.uint32)
        shape = jax.eval_shape(self._begin, keys)
        check_level(level, problem, shape)
        number = jax.ShapeDtypeStruct((), jnp.float32)
        chunks = jax.ShapeDtypeStruct((), jnp.uint32)
        self.chunk = self.stepper.longest_chunk(count, _CHUNK_BYTES)
        self._started = Compiled(self._begin, keys)
        options = self.stepper.compiler_options()
        arguments = shape, keys, number, chunks
        self._crossing = Compiled(self._cross, *arguments, chunks, options=options)
        self._climbing = Compiled(self._climb, *arguments, options=options)

    def cross(self, seed: int, bar: float, steps: int) -> tuple[NDArray[np.int64], Replicas]:
        """Let walkers cross the first threshold; return how often they did, and where last."""
        walkers = self._started(self.device, initial_keys(seed, range(self.count)))
        keys = splitting_keys(seed, self.point, 0, range(self.count))
        chunks = self.whole(steps) // self.chunk
        counted, last = self._crossing(
            self.device, walkers, keys, np.float32(bar), np.uint32(chunks // 2), np.uint32(chunks)
        )
        return np.asarray(counted, np.int64), jax.tree.map(np.asarray, last)

    def whole(self, steps: int) -> int:
        """Return the steps of as many whole chunks as it takes."""
        return -(-steps // self.chunk) * self.chunk

    def climb(
        self, seed: int, stage: int, walkers: Replicas, bar: float, longest: int
    ) -> tuple[NDArray[np.bool_], Replicas]:
        """Let walkers go until they reach the threshold or are back; return who did, and where."""
        keys = splitting_keys(seed, self.point, stage, range(self.count))
        most = np.uint32(self.whole(longest) // self.chunk)
        going, up, last = self._climbing(self.device, walkers, keys, np.float32(bar), most)
        if np.any(going):
            raise ConvergenceError(
                f"{int(np.sum(going))} of {self.count} walkers reached neither {bar:g} nor the "
                f"core, {self.core:g}, in {longest} steps; raise the core or longest."
            )
        return np.asarray(up), jax.tree.map(np.asarray, last)

    # Traced by JAX.

    def _begin(self, keys: Array) -> Replicas:
        return self.stepper.begin(keys, self.values)

    def _cross(
        self, walkers: Replicas, keys: Array, bar: Array, unseen: Array, chunks: Array
    ) -> tuple[Array, Replicas]:
        def look(carry: Any, moved: Replicas, number: Array) -> Any:
            _, armed, count, last = carry
            level = self._levels(moved)
            crossed = armed & (level >= bar)
            counted = crossed & (number >= unseen)
            last = self.stepper.where(counted, moved, last)
            return moved, (armed & ~crossed) | (level <= self.core), count + counted, last

        walkers = self.stepper.arranged(walkers)
        level = self._levels(walkers)
        start = (walkers, level <= self.core, jnp.zeros(self.count, jnp.int32), walkers)
        whole = unseen + chunks
        carry = jax.lax.fori_loop(
            jnp.uint32(0), whole, lambda n, c: self._walk(n, c, keys, look), start
        )
        return carry[2], self.stepper.plain(carry[3])

    def _climb(
        self, walkers: Replicas, keys: Array, bar: Array, most: Array
    ) -> tuple[Array, Array, Replicas]:
        def look(carry: Any, moved: Replicas, number: Array) -> Any:
            before, going, up = carry
            after = self.stepper.where(going, moved, before)
            level = self._levels(after)
            reached = going & (level >= bar)
            return after, going & ~reached & (level > self.core), up | reached

        walkers = self.stepper.arranged(walkers)
        # A step may have gone beyond the next threshold already.
        reached = self._levels(walkers) >= bar
        start = (jnp.uint32(0), (walkers, ~reached, reached))
        _, (last, going, up) = jax.lax.while_loop(
            lambda loop: (loop[0] < most) & jnp.any(loop[1][1]),
            lambda loop: (loop[0] + 1, self._walk(loop[0], loop[1], keys, look)),
            start,
        )
        return going, up, self.stepper.plain(last)

    def _walk(self, number: Array, carry: Any, keys: Array, look: Any) -> Any:
        """Make a chunk of steps, looking at the walkers, the first of the carry, after each."""
        steps = number * jnp.uint32(self.chunk) + jnp.arange(self.chunk, dtype=jnp.uint32)
        _, handles = self.stepper.draw(self.stepper.prepare(keys, steps[0]), keys, steps)

        def step(carry: Any, handle: Any) -> tuple[Any, None]:
            return look(carry, self.stepper.step(carry[0], handle, self.values), number), None

        return jax.lax.scan(step, carry, handles)[0]

    def _levels(self, walkers: Replicas) -> Array:
        return ordered(self.stepper.levels(self.level, walkers, jnp.int32(0)))


def _drawn(
    walkers: Replicas,
    there: NDArray[np.bool_],
    owner: NDArray[np.int64],
    choose: np.random.Generator,
) -> Replicas:
    """Draw starts, for every repeat from its own walkers that got there."""
    taken = np.arange(owner.size)
    for repeat in range(owner[-1] + 1):
        mine = np.flatnonzero(owner == repeat)
        arrived = mine[there[mine]]
        if arrived.size:
            taken[mine] = choose.choice(arrived, mine.size)
    return jax.tree.map(lambda leaf: np.asarray(leaf)[taken], walkers)


def _check(
    algorithm: Algorithm,
    bars: Thresholds,
    core: float,
    steps: int,
    walkers: int,
    repeats: int,
    longest: int,
    seed: int,
) -> None:
    check_seed(seed)
    for key, value in (
        ("steps", steps),
        ("walkers", walkers),
        ("repeats", repeats),
        ("longest", longest),
    ):
        check_integer(key, value)
    if axes(algorithm):
        raise SettingsError(
            f"{', '.join(axes(algorithm))} has several values; rare_passages takes one of each."
        )
    if algorithm.sampling == "epochs":
        raise SettingsError("rare_passages cannot sample by epochs; leave sampling out.")
    if not np.isfinite(core) or not core < bars[0]:
        raise SettingsError(f"core is {core:g}; it must lie below the first threshold {bars[0]:g}.")
