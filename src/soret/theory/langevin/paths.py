"""Ensembles of paths of an SDE, by diffrax, labelled like an ensemble of SGD runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray

from soret.errors import SettingsError
from soret.floats import real
from soret.numerics import double_precision
from soret.theory.langevin.equations import SDE

# Steps are counted in 32 bits.
_MOST_STEPS = 2**31 - 1
# −ζ(½)/√(2π).
_BETWEEN = 0.5826


@dataclass(frozen=True)
class FirstPassage:
    """Watch at every step for the first time that a level reaches thresholds.

    A path that crosses between two steps and is back at the next is missed, so times come out
    too long, by order √step: as if the threshold were 0.5826 standard deviations of a step's level
    further away (Broadie, Glasserman and Kou 1997). `corrected` moves it back by that much,
    |σᵀ∇level|√step at the place where the path is; the bias left is of order step.

    Parameters
    ----------
    level : callable
        A number for one point (n,), in JAX, such as the loss.
    thresholds : sequence of float
        Increasing.
    corrected : bool
        Times of the path in continuous time, nearly, instead of those of its steps.
    """

    level: Callable[[Array], Array]
    thresholds: Sequence[float]
    corrected: bool = False

    def __post_init__(self) -> None:
        values = np.asarray(self.thresholds, dtype=float)
        if values.ndim != 1 or not values.size or not (np.diff(values) > 0).all():
            raise SettingsError(f"thresholds is {self.thresholds}; it must be an increasing list.")


def integrate(
    sde: SDE,
    start: ArrayLike,
    *,
    step: float,
    steps: int,
    replicas: int = 64,
    record_every: int | None = None,
    seed: int = 0,
    watch: FirstPassage | None = None,
) -> xr.Dataset:
    """Integrate independent paths by Euler–Maruyama steps of one size.

    That method converges to Itô's solution (weakly with the first power of the step), which is
    the one that SGD tends to: its noise does not know of the step that it makes. Solvers of higher
    order that are usual for ODEs, such as Heun's, would converge to Stratonovich's, which for noise
    √(2TLH) differs by the drift TH∇L/2, as large as what makes the tails.

    Parameters
    ----------
    sde : SDE
    start : array_like, shape (n,) or (replicas, n)
    step : float
        Δt.
    steps : int
        Of every path.
    replicas : int
        Independent paths. The first of them do not depend on how many there are.
    record_every : int, optional
        Steps between records; must divide `steps`. Default: only the start and the end.
    seed : int
    watch : FirstPassage, optional
        A path that has reached every threshold ends there.

    Returns
    -------
    xarray.Dataset
        `theta` (replica, time, theta_dim_0), float64 whatever the configuration of JAX, NaN once a
        path has ended. `diverged_at` (replica): the first recorded time at which a path was
        not finite, −1 where it never was. With `watch`, `first_passage` (replica, threshold) in
        units of t, NaN where the threshold was not reached until `watched_until` (replica).

    Raises
    ------
    SettingsError
        If shapes or numbers do not fit, before anything is integrated.
    """
    record_every = steps if record_every is None else record_every
    _check(step, steps, replicas, record_every)
    with double_precision():
        begin = _starts(start, replicas)
        _check_shapes(sde, begin.shape[1], watch)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(
            jax.random.key(seed), jnp.arange(replicas, dtype=jnp.uint32)
        )
        one = _one_path(sde, step, steps, record_every, watch)
        found = jax.device_get(jax.jit(jax.vmap(one))(keys, begin))
    times = np.asarray(step * np.arange(0, steps + 1, record_every), dtype=np.float64)
    theta, passed, last = (np.array(part, dtype=np.float64) for part in found)
    ended = np.asarray(step * last, dtype=np.float64)
    return _label(theta, times, passed, ended, watch, {"step": step, "seed": int(seed)})


class _Increments(diffrax.AbstractPath):
    """Brownian increments by the number of the step, t being counted in steps.

    diffrax's own path takes the time, rounded to float32, for its counter and repeats itself once a
    step is lost in that rounding.
    """

    key: Array
    size: int
    scale: float
    t0 = 0.0
    t1 = jnp.inf

    def evaluate(self, t0: Any, t1: Any = None, left: bool = True) -> Any:
        # t is t1·(k/n), which rounding puts beside k.
        key = jax.random.fold_in(self.key, jnp.rint(t0).astype(jnp.uint32))
        increment = self.scale * jax.random.normal(key, (self.size,), jnp.float64)
        return {"theta": increment, "passed": jnp.zeros(())}


class _Watching(diffrax.Euler):
    """Euler–Maruyama that notes the step at which a level has reached its thresholds."""

    level: Callable[[Array], Array]
    thresholds: tuple[float, ...]

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: Any, made_jump: Any
    ) -> Any:
        y1, *_, result = super().step(terms, t0, t1, y0, args, solver_state, made_jump)
        new = jnp.isnan(y0["passed"]) & _reached(self.level, self.thresholds, y1["theta"])
        y1 = {"theta": y1["theta"], "passed": jnp.where(new, jnp.rint(t1), y0["passed"])}
        return y1, None, {"y0": y0, "y1": y1}, None, result


def _level(sde: SDE, step: float, watch: FirstPassage) -> Callable[[Array], Array]:
    """Return the level as it is compared with thresholds."""
    if not watch.corrected:
        return watch.level
    slope, reach = jax.grad(watch.level), _BETWEEN * float(np.sqrt(step))
    return lambda theta: (
        watch.level(theta) + reach * jnp.linalg.norm(slope(theta) @ sde.noise(theta))
    )


def _reached(level: Callable[[Array], Array], thresholds: Sequence[float], theta: Array) -> Array:
    return jnp.asarray(level(theta)) >= jnp.asarray(thresholds, jnp.float64)


def _one_path(
    sde: SDE, step: float, steps: int, record_every: int, watch: FirstPassage | None
) -> Callable[[Array, Array], tuple[Array, Array, Array]]:
    """Return what one path does: key and start to records, passages and its last step."""
    thresholds = tuple(float(c) for c in watch.thresholds) if watch else ()
    level = _level(sde, step, watch) if watch else jnp.sum
    records = [float(k) for k in range(0, steps + 1, record_every)]

    def drift(t: Any, y: Any, args: Any) -> Any:
        move = step * jnp.asarray(sde.drift(y["theta"]), jnp.float64)
        return {"theta": move, "passed": jnp.zeros_like(y["passed"])}

    def noise(t: Any, y: Any, args: Any) -> Any:
        kick = jnp.asarray(sde.noise(y["theta"]), jnp.float64)
        return {"theta": kick, "passed": jnp.zeros_like(y["passed"])}

    def path(key: Array, start: Array) -> tuple[Array, Array, Array]:
        directions = jax.eval_shape(sde.noise, start).shape[1]
        increments = _Increments(key, directions, float(np.sqrt(step)))
        passed = (
            jnp.where(_reached(watch.level, thresholds, start), 0.0, jnp.nan)
            if watch
            else jnp.zeros(0)
        )
        found = diffrax.diffeqsolve(
            diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(noise, increments)),
            _Watching(level, thresholds) if watch else diffrax.Euler(),
            0.0,
            float(steps),
            1.0,
            {"theta": start, "passed": passed},
            saveat=diffrax.SaveAt(
                subs=[
                    diffrax.SubSaveAt(ts=records, fn=lambda t, y, args: y["theta"]),
                    diffrax.SubSaveAt(t1=True, fn=lambda t, y, args: (y["passed"], t)),
                ]
            ),
            adjoint=diffrax.ForwardMode(),
            max_steps=None,
            throw=False,
            event=diffrax.Event(lambda t, y, args, **kw: ~jnp.isnan(y["passed"]).any())
            if watch
            else None,
        )
        theta, (passed, last) = found.ys
        return theta, passed[-1] * step, jnp.rint(last[-1])

    return path


def _label(
    theta: NDArray[np.float64],
    times: NDArray[np.float64],
    passed: NDArray[np.float64],
    ended: NDArray[np.float64],
    watch: FirstPassage | None,
    attributes: dict[str, Any],
) -> xr.Dataset:
    """Put names on axes; beyond the end of a path there is nothing."""
    over = times > ended[:, None] + 1e-9 * times[-1]
    theta = np.where(over[..., None], np.nan, theta)
    lost = ~np.isfinite(theta).all(-1) & ~over
    diverged = np.where(lost.any(1), times[lost.argmax(1)], -1.0)
    theta[lost] = np.nan
    unit = "units of t = ηk"
    made = xr.Dataset(
        {
            "theta": (
                ("replica", "time", "theta_dim_0"),
                theta,
                {"long_name": "parameters θ", "units": "dimensionless"},
            ),
            "diverged_at": (
                "replica",
                diverged,
                {
                    "long_name": "recorded time at which the path was first not finite",
                    "units": unit,
                },
            ),
        },
        {
            "replica": ("replica", np.arange(len(theta)), {"long_name": "replica"}),
            "time": ("time", times, {"long_name": "time t", "units": unit}),
        },
        attributes | {"diverged": int(lost.any(1).sum())},
    )
    if watch is None:
        return made
    made = made.assign_coords(
        threshold=("threshold", np.asarray(watch.thresholds, float), {"long_name": "threshold"})
    )
    made["first_passage"] = (
        ("replica", "threshold"),
        passed,
        {"long_name": "first time at which the level reached the threshold", "units": unit},
    )
    made["watched_until"] = (
        "replica",
        ended,
        {"long_name": "time until which the path was watched", "units": unit},
    )
    return made


def _check(step: float, steps: int, replicas: int, record_every: int) -> None:
    if real("step", step, SettingsError).ndim or not (np.isfinite(step) and step > 0):
        raise SettingsError(f"step is {step}; it must be above 0.")
    for name, value in (("steps", steps), ("replicas", replicas), ("record_every", record_every)):
        number = real(name, value, SettingsError)
        if number.ndim or not float(number).is_integer() or not 1 <= value <= _MOST_STEPS:
            raise SettingsError(f"{name} is {value}; it must be a whole number of at least 1.")
    if steps % record_every:
        raise SettingsError(f"record_every is {record_every}; it must divide steps, {steps}.")


def _starts(start: ArrayLike, replicas: int) -> Array:
    begin = np.asarray(start, dtype=np.float64)
    if begin.ndim not in (1, 2) or (begin.ndim == 2 and len(begin) != replicas) or not begin.size:
        raise SettingsError(
            f"start has shape {begin.shape}; it must be (n,) or ({replicas}, n), one a replica."
        )
    if not np.isfinite(begin).all():
        raise SettingsError("start is not finite everywhere.")
    return jnp.asarray(np.broadcast_to(begin, (replicas, begin.shape[-1])))


def _check_shapes(sde: SDE, n: int, watch: FirstPassage | None) -> None:
    point = jax.ShapeDtypeStruct((n,), jnp.float64)
    drift, noise = (jax.eval_shape(part, point) for part in (sde.drift, sde.noise))
    if drift.shape != (n,) or noise.ndim != 2 or noise.shape[0] != n:
        raise SettingsError(
            f"at a point of shape ({n},) the drift has shape {drift.shape} and the noise "
            f"{noise.shape}; they must be ({n},) and ({n}, m)."
        )
    if watch is not None and jax.eval_shape(watch.level, point).shape != ():
        raise SettingsError("the level that is watched is no number; it must be a scalar.")
