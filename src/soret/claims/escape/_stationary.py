"""Stationary laws of linear regression with one parameter: three theories, and what runs show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import soret

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret.problems import Problem

    Floats = NDArray[np.float64]

# The paper's, Gaussian noise of the exact covariance, and the exact recursion.
THEORIES = ("the paper", "exact covariance", "exact recursion")

_FARTHEST = 2.5
_GRID = 4000


@dataclass(frozen=True)
class Bowl:
    """L* and h of a surface with one parameter, and the minimum θ*."""

    minimum: float
    minimum_loss: float
    curvature: float

    @classmethod
    def of(cls, problem: Problem) -> Bowl:
        """Read off what the data say."""
        found = soret.problems.regression_statistics(problem.data)
        return cls(float(found.minimum[0]), found.minimum_loss, float(found.hessian[0, 0]))

    @property
    def scale(self) -> float:
        """√(2L*/h), where L = 2L*."""
        return float(np.sqrt(2 * self.minimum_loss / self.curvature))

    def settings(self) -> dict[str, float]:
        """Return the numbers, for a saved run's attributes."""
        return {
            "minimum": self.minimum,
            "minimum_loss": self.minimum_loss,
            "curvature": self.curvature,
        }


def laws(
    bowl: Bowl, rates: tuple[float, ...], batches: tuple[int, ...], cells: int = 320
) -> xr.Dataset:
    """Return the exact law of x = z/s for each η and B, on one grid, with Kesten's α.

    log P(x), of both signs, and −d log P/d log L. Cells are finer than a tenth of a step.
    """
    import xarray as xr

    x = np.linspace(0, _FARTHEST, _GRID)
    shape = (len(rates), len(batches))
    table, slopes, tails = np.empty((*shape, x.size)), np.empty((*shape, x.size)), np.empty(shape)
    for i, rate in enumerate(rates):
        for j, batch in enumerate(batches):
            law = soret.theory.escape.recursion_law(
                bowl.minimum_loss,
                rate,
                batch,
                bowl.curvature,
                farthest=_FARTHEST * 1.02 * bowl.scale,
                cells=cells,
            )
            table[i, j] = np.log(law.density_at(x * bowl.scale) * bowl.scale)
            at = law.centers / bowl.scale
            slopes[i, j] = np.interp(x, at, law.local_exponent() * (1 + at**2) / at**2)
            tails[i, j] = law.tail
    return xr.Dataset(
        {
            "log_density": (("learning_rate", "batch_size", "x"), table),
            "local_exponent": (("learning_rate", "batch_size", "x"), slopes),
            "kesten": (("learning_rate", "batch_size"), tails),
        },
        {"learning_rate": list(rates), "batch_size": list(batches), "x": x},
        bowl.settings(),
    )


def bowl_of(law: xr.Dataset) -> Bowl:
    """Return the bowl that laws were computed for."""
    return Bowl(law.attrs["minimum"], law.attrs["minimum_loss"], law.attrs["curvature"])


def log_densities(law: xr.Dataset, rate: float, batch: int) -> dict[str, Floats]:
    """Return log P(x) on the grid for each theory; x = z/s, of both signs."""
    bowl = bowl_of(law)
    theory, x = soret.theory.escape, law.x.values
    point = (bowl.minimum_loss, rate, batch, bowl.curvature)
    exact = law.log_density.sel(learning_rate=rate, batch_size=batch).values
    made = [theory.stationary_law(*point), theory.regression_law(*point)]
    logs = [m.log_density(x * bowl.scale) + np.log(bowl.scale) for m in made]
    return dict(zip(THEORIES, [*logs, exact], strict=True))


def share_beyond(x: Floats, log_density: Floats, at: Floats) -> Floats:
    """Return P(|x| > at), of what lies on the grid."""
    density = np.exp(log_density)
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    return np.asarray(1 - np.interp(at, x, mass) / mass[-1])


def shell_exponent(x: Floats, log_density: Floats, low: float, high: float) -> float:
    """Return the exponent that Eq. 17 would be fitted with on low ≤ |x| < high."""
    fine = np.linspace(low, min(high, x[-1]), 20_001)
    weights = np.exp(np.interp(fine, x, log_density))
    weights[[0, -1]] /= 2
    mean = float((weights * np.log1p(fine**2)).sum() / weights.sum())
    return soret.inference.expected_exponent(mean, 1.0, shell=(low, high))


def local_exponents(law: xr.Dataset, rate: float, batch: int, variance: float) -> dict[str, Floats]:
    """Return −d log P/d log L on the grid, L/L* = 1 + x², and that of a Gaussian of a variance."""
    x, logs = law.x.values, log_densities(law, rate, batch)
    with np.errstate(divide="ignore", invalid="ignore"):
        made = {t: -np.gradient(logs[t], x) * (1 + x**2) / (2 * x) for t in THEORIES[:2]}
    exact = law.local_exponent.sel(learning_rate=rate, batch_size=batch).values
    return {**made, THEORIES[2]: exact, "Gibbs, of the same variance": (1 + x**2) / (2 * variance)}


def excess_kurtosis(x: Floats, log_density: Floats) -> float:
    """Return E x⁴/(E x²)² − 3, of what lies on the grid."""
    density = np.exp(log_density)
    density[0] /= 2
    moments = [float((density * x**k).sum()) for k in (0, 2, 4)]
    return moments[2] * moments[0] / moments[1] ** 2 - 3


def kurtosis_interval(x: Floats) -> tuple[float, tuple[float, float]]:
    """Return the excess kurtosis of samples of chains, and its 95 % interval over them."""
    bootstrap = soret.inference.bootstrap
    square, fourth = (x**2).mean(1), (x**4).mean(1)
    shares = bootstrap.resampling_weights(len(x), 2000, np.random.default_rng(0x5EED))
    many = (shares @ fourth) / (shares @ square) ** 2 - 3
    return float(fourth.mean() / square.mean() ** 2 - 3), bootstrap.expanded_percentile(
        many, 0.95, len(x)
    )


def places(run: xr.Dataset, bowl: Bowl, burn: int, **point: Any) -> Floats:
    """Return (θ − θ*)/s of the records after a number of steps, (replica, record)."""
    chosen = run.sel(step=run.step > burn, **point)
    theta = chosen.parameters.isel(parameters_dim_0=0).transpose("replica", "step").values
    return np.asarray((theta.astype(np.float64) - bowl.minimum) / bowl.scale)


def drawn_from(x: Floats, log_density: Floats, uniform: Floats) -> Floats:
    """Return numbers of both signs with a density on the grid, from uniform ones below 1."""
    beyond = share_beyond(x, log_density, x)
    sides = 2 * uniform - 1
    return np.asarray(np.sign(sides) * np.interp(np.abs(sides), 1 - beyond, x))


def counts(x: Floats, edges: Floats) -> Floats:
    """Return the counts of each chain between edges, (R, m)."""
    place = np.searchsorted(edges, x, "right") - 1
    return np.stack([(place == k).sum(1) for k in range(edges.size - 1)], axis=1).astype(float)


def histogram_edges(x: Floats, log_density: Floats, samples: int) -> Floats:
    """Return edges of tenths, then thirds of what is beyond while it is worth 100 samples."""
    shares = [*np.linspace(1, 0.1, 10)]
    while shares[-1] / 3 * samples > 100:
        shares.append(shares[-1] / 3)
    beyond = share_beyond(x, log_density, x)
    edges = np.interp(-np.array(shares), -beyond, x)
    edges[0] = 0.0
    return np.append(edges, np.inf)


def probabilities(x: Floats, log_density: Floats, edges: Floats) -> Floats:
    """Return P(|x| between edges)."""
    return -np.diff(share_beyond(x, log_density, np.minimum(edges, x[-1])))
