"""Surfaces with named minima that the claims share, their Boltzmann laws, and SGD on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import soret
from soret.claims.ranges import In, Several
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SURFACES = ("double", "tilted", "wide or deep", "funnel", "plane")
"""The last two in two dimensions; the others in one."""


STEEPEST = 20.0
"""The largest curvature at a minimum, below which SGD is stable at η < 2/20."""

HOTTEST = 10.0
"""T beside a barrier of 1, beyond which the wells are nothing."""

RATIO_WHY = (
    "10 %: what is right to leading order in η is off by a few per cent at these η, and formulas "
    "that differ do so by a factor, ½, 3/2 or 2"
)
POWER_WHY = (
    "a quarter of the way from the power predicted to the rival's, so that it is three times "
    "nearer to the first"
)
"""Why the tolerances of `soret.claims.judging` are what they are, for statements to say."""

RATE = In(above=0, below=2 / STEEPEST, why="SGD to be stable at curvatures up to 20")
STABLE = Several(RATE, fewest=2, why="a power of it")
HEAT = In(above=0, at_most=HOTTEST, why="wells to be seen")


def check_heats(claim: Any) -> None:
    """Refuse temperatures that know of no well.

    Raises
    ------
    SettingsError
    """
    points = points_of(claim.learning_rates, claim.batch_sizes, claim.variances)
    for eta, batch, variance in {point for scan in points.values() for point in scan}:
        heat = eta * variance / (2 * batch)
        if heat > HOTTEST:
            raise SettingsError(
                f"learning_rates, batch_sizes and variances must keep T = ησ²/(2S) at most "
                f"{HOTTEST:g} beside barriers of 1, got {heat:.3g} at η = {eta:g}, S = {batch}, "
                f"σ² = {variance:g}."
            )


def well_of(name: str) -> Any:
    """Return a surface by its name; every barrier is about 1, curvatures are 1 to 20."""
    problems = soret.problems
    if name == "double":
        return problems.DoubleWell()
    if name == "tilted":
        return problems.TiltedDoubleWell(tilt=0.3)
    if name == "wide or deep":
        return problems.WideAndNarrowWells(ratio=9.0, tilt=-0.3)
    if name == "funnel":
        return problems.FunnelWells(ratio=4.0, across=(4.0,))
    if name == "plane":
        return problems.TiltedDoubleWell(across=(4.0,), tilt=0.3)
    raise SettingsError(f"there is no surface {name!r}; there are {', '.join(SURFACES)}.")


def problem_of(well: Any, variance: float, start: Any = None, **noise: Any) -> Any:
    """Return SGD's problem on a surface, started in either minimum with equal odds."""
    return soret.problems.surface(
        well.potential,
        start=_either(well) if start is None else start,
        strength=variance,
        name=type(well).__name__,
        **noise,
    )


def along(well: Any, points: int = 4001) -> Floats:
    """Return points of the first coordinate, out to where L is 12 barriers above the floor."""
    x = np.linspace(-5, 4, 20_001)
    inside = x[well.along(x) < well.floor + 12 * well.barrier]
    return np.linspace(inside[0], inside[-1], points)


def marginal(well: Any, heat: float, x: Floats) -> Floats:
    """Return Boltzmann's density of the first coordinate at T = heat: the others are Gaussian."""
    weights = np.exp(-(well.along(x) - well.floor) / heat)
    if isinstance(well, soret.problems.FunnelWells):
        weights = weights / np.sqrt(well.hessian_across(x))
    return np.asarray(weights / (weights.sum() * (x[1] - x[0])))


def mean_loss(well: Any, heat: float) -> float:
    """Return the mean of L − floor under Boltzmann's law, T/2 for every direction across."""
    x = along(well)
    density = marginal(well, heat, x)
    inner = float((density * (well.along(x) - well.floor)).sum() * (x[1] - x[0]))
    return inner + heat / 2 * (well.dimensions - 1)


def boltzmann_odds(well: Any, heat: float) -> float:
    """Return p_A/p_B of Boltzmann's law, A left of the saddle, by quadrature."""
    x, border = along(well, 40_001), float(well.saddles[0, 0])
    density = marginal(well, heat, x)
    return float(density[x < border].sum() / density[x > border].sum())


def laplace_odds(well: Any, heat: Any) -> Any:
    """Return p_A/p_B by the formula of the slides."""
    losses, hessians = minima_of(well)
    return soret.theory.equilibrium.minima_ratio(losses, hessians, heat)


def minima_of(well: Any) -> Any:
    """Return (L_A, L_B) and (H_A, H_B)."""
    left, right = well.minima
    losses = float(well.potential(left)), float(well.potential(right))
    return losses, (well.hessian(left), well.hessian(right))


def finite_rate(well: Any, learning_rate: float) -> float:
    """Return what a finite η is worth beside Boltzmann's odds, to first order, whatever T is."""
    losses, hessians = minima_of(well)
    odds = soret.theory.equilibrium.finite_rate_ratio(losses, hessians, 1.0, learning_rate)
    return float(odds / laplace_odds(well, 1.0))


def effective_temperature(well: Any, losses: Floats, guess: float) -> Floats:
    """Return for every replica the T at which Boltzmann's law has its mean loss.

    Linear about the T of all replicas' mean, so that their average is that.

    Parameters
    ----------
    well : Well
    losses : (R,) array
        Mean of L − floor of each replica.
    guess : float
        A temperature within a factor 10.
    """
    from scipy import optimize

    mean = float(losses.mean())
    found = optimize.brentq(lambda t: mean_loss(well, t) - mean, guess / 10, guess * 10, xtol=1e-10)
    slope = (mean_loss(well, found * 1.001) - mean_loss(well, found * 0.999)) / (0.002 * found)
    return np.asarray(found + (losses - mean) / slope)


def settled(run: xr.Dataset, share: float = 0.5) -> Floats:
    """Return θ after a share of the steps, (replica, record, n) or with the grid's axis before."""
    late = run.parameters.sel(step=slice(share * float(run.step[-1]), None))
    lost = int((run.diverged_at >= 0).sum())
    if lost:
        raise SettingsError(f"{lost} replicas diverged; take a smaller learning rate.")
    # In one order in memory, so that sums round alike whether or not the run was loaded.
    return np.array(late.values, dtype=np.float64, order="C")


def points_of(
    rates: Sequence[float], batches: Sequence[int], variances: Sequence[float]
) -> dict[str, list[tuple[float, int, float]]]:
    """Return the (η, S, σ²) of three scans that share their first point."""
    eta, batch, variance = rates[0], batches[0], variances[0]
    return {
        "η": [(value, batch, variance) for value in rates],
        "S": [(eta, value, variance) for value in batches],
        "σ²": [(eta, batch, value) for value in variances],
    }


def heat_of(point: tuple[float, int, float]) -> float:
    """Return T = ησ²/(2S)."""
    return float(soret.theory.equilibrium.temperature(*point))


def key_of(point: tuple[float, int, float]) -> str:
    """Return a point's name."""
    return "-".join(f"{value:g}" for value in point)


def _either(well: Any) -> Any:
    import jax
    import jax.numpy as jnp

    left, right = (jnp.asarray(place, jnp.float32) for place in np.asarray(well.minima))
    return lambda key: jnp.where(jax.random.bernoulli(key), left, right)
