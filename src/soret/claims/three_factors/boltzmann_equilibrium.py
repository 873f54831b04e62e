"""With noise of covariance σ²1 SGD settles in Boltzmann's distribution at T = nσ²/2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import Declared, Experiments, Measurement, Result, Runs, Source, Statement, claim
from soret.claims.counts import check_multiple
from soret.claims.judging import judge_number, judge_power, judged, mean_interval, near
from soret.claims.ranges import BATCH_SIZES, COUNT, RATES, In, Several
from soret.claims.three_factors._surfaces import (
    POWER_WHY,
    RATIO_WHY,
    STABLE,
    along,
    check_heats,
    effective_temperature,
    heat_of,
    marginal,
    mean_loss,
    points_of,
    problem_of,
    settled,
    well_of,
)
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Largest difference of two distributions of the first coordinate. A Gaussian of the same mean and
# variance is 0.1 away from a law with two wells at these temperatures; half of that must be kept
# apart. Chosen before any run.
DISTANCE_TOLERANCE = 0.05

_FACTORS = ("η", "S", "σ²")
_MAP_SURFACE = "double"
_RECORDS = 40


@claim(
    "three-factors/boltzmann-equilibrium",
    statement="With gradient noise of covariance σ²1, SGD's stationary law is Boltzmann's, "
    "P ∝ exp(−2L/(nσ²)), which knows η, S and σ² only through σ²η/S.",
    source=Source("three-factors", "slides “Equilibrium distribution”; paper Sec. 2.2, Eq. 8"),
    quick={
        "learning_rates": (0.0075, 0.015),
        "batch_sizes": (2, 1),
        "variances": (800 / 3, 1600 / 3),
        "replicas": 512,
        "steps": 8000,
        "points": 9,
    },
    resolution=["steps", "points"],
    statements=[
        Statement(
            name="boltzmann",
            text="With gradient noise of covariance σ²1 the stationary distribution of SGD is "
            "Boltzmann's, P ∝ exp(−2L/(nσ²)).",
            where="slides “Equilibrium distribution”",
            origin="printed",
            tolerance="0.05 between the distributions of the first coordinate: half of what a "
            "Gaussian of the same mean and variance is off by. The interval is from quarters of "
            "the replicas, which err on the safe side.",
            holds="under isotropic noise the distribution is Boltzmann's ({measured} away where "
            "furthest off)",
            fails="under isotropic noise the distribution is not Boltzmann's but {measured} ({low} "
            "to {high}) away",
            unclear="whether the distribution under isotropic noise is Boltzmann's is undecided "
            "({low} to {high} away)",
        ),
        Statement(
            name="temperature",
            text="The temperature of SGD's stationary distribution under such noise is nσ²/2 = "
            "ησ²/(2S).",
            where="slides “Equilibrium distribution”: P = P₀ exp(−2L/(nσ²))",
            origin="printed",
            tolerance=f"{RATIO_WHY}.",
            holds="the temperature of SGD is nσ²/2 ({measured} of that where furthest off)",
            fails="the temperature of SGD is not nσ²/2 but {measured} ({low} to {high}) of that",
            unclear="whether the temperature of SGD is nσ²/2 is undecided ({low} to {high} of "
            "that)",
        ),
        Statement(
            name="factors",
            text="η, S and σ² enter the stationary distribution through σ²η/S only.",
            where="slides “Equilibrium distribution”: “Stationary solutions only depend on σ²η/S”",
            origin="printed",
            tolerance=f"{POWER_WHY}; small η, for at a finite one η counts apart.",
            holds="at small η the temperature goes as η, 1/S and σ² ({held} of {count} powers)",
            fails="the temperature does not go as σ²η/S: {quantity} is {measured} ({low} to "
            "{high}), not {predicted}",
            unclear="whether the temperature goes as σ²η/S is undecided: {quantity} is {low} to "
            "{high} where {predicted} is predicted",
        ),
    ],
)
class BoltzmannEquilibrium:
    """Temperatures and densities of SGD on three surfaces, and how both fail at a large η.

    The temperature T of an ensemble is that at which Boltzmann's law has its mean loss. Each factor
    is scanned with the others fixed; predicted are T = ησ²/(2S) and powers 1, −1, 1. The rivals:
    T = ησ²/S, and that the noise of a step, η²σ²/S, is the temperature (powers 2 in η), or that a
    factor does not matter. The density of the first coordinate is compared with Boltzmann's by the
    largest difference of the distributions; the rival is a Gaussian.

    At a finite η the law depends on η apart from T: to first order it is Boltzmann's for
    L − (η/4)|∇L|² + (ηT/2)ΔL (`soret.theory.equilibrium.modified_loss`, ours). The map compares all
    of it with the density of the recursion itself, which in one dimension is solved for exactly.
    Surfaces and numbers are ours. All three see the same random numbers; "plane" is "tilted" with a
    direction across, so that along the path the two are one piece of evidence and not two.
    """

    surfaces: Annotated[
        tuple[Literal["double", "tilted", "wide or deep", "funnel", "plane"], ...],
        "double, tilted, wide or deep, funnel, plane",
        Several(),
    ] = (
        "double",
        "tilted",
        "plane",
    )
    learning_rates: Annotated[tuple[float, ...], "η; the first is the common point's", STABLE] = (
        0.005,
        0.0075,
        0.01,
    )
    batch_sizes: Annotated[tuple[int, ...], "S; the first is the common point's", BATCH_SIZES] = (
        4,
        3,
        2,
    )
    variances: Annotated[tuple[float, ...], "σ²; the first is the common point's", RATES] = (
        800.0,
        1100.0,
        1600.0,
    )
    replicas: Annotated[int, "replicas at every point", In(at_least=40, why="a distribution")] = (
        2048
    )
    steps: Annotated[int, "updates; the second half counts", COUNT] = 100_000
    points: Annotated[int, "points of the map along either axis", In(at_least=2, at_most=200)] = 21

    def check(self) -> None:
        """Refuse steps that are not recorded evenly."""
        check_multiple("steps", self.steps, _RECORDS)
        check_heats(self)

    def experiments(self) -> Experiments:
        """Run SGD at every point; solve for the recursion's law over η and T."""
        made: dict[str, Declared] = {}
        for name in self.surfaces:
            well = well_of(name)
            for scan, rates, batches, variance in (
                ("η", self.learning_rates, self.batch_sizes[:1], self.variances[0]),
                ("S", self.learning_rates[:1], self.batch_sizes[1:], self.variances[0]),
                *(
                    (f"σ²-{i}", self.learning_rates[:1], self.batch_sizes[:1], variance)
                    for i, variance in enumerate(self.variances[1:])
                ),
            ):
                made[f"{name}/{scan}"] = soret.Experiment(
                    problem=problem_of(well, variance),
                    algorithm=soret.SGD(rates, batches),
                    observe=soret.observables.parameters,
                    steps=self.steps,
                    replicas=self.replicas,
                    record_every=self.steps // _RECORDS,
                )
        made["map"] = Measurement(lambda given: _map(self.points))
        return made

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: powers 1, −1, 1, T over nσ²/2 of 1, Boltzmann's density."""
        scans = points_of(self.learning_rates, self.batch_sizes, self.variances)
        results = []
        for name in self.surfaces:
            for place, (factor, points) in enumerate(scans.items()):
                results.append(
                    judge_power(
                        f"power of {factor} in the temperature ({name})",
                        np.array([point[place] for point in points], dtype=float),
                        np.stack([self._heats(runs, name, point) for point in points]),
                        predicted=-1.0 if factor == "S" else 1.0,
                        rival=2.0 if factor == "η" else 0.0,
                        statement="factors",
                    )
                )
            base = scans["η"][0]
            results.append(
                judge_number(
                    f"temperature over nσ²/2 ({name})",
                    self._heats(runs, name, base) / heat_of(base),
                    predicted=1.0,
                    rival=2.0,
                    note=f"at η = {base[0]:g}",
                    statement="temperature",
                )
            )
            results.append(self._judge_density(runs, name))
        return results

    def control(self, runs: Runs) -> Runs:
        """Return a Gaussian law in one well, too hot by a half whatever the factors are."""
        made = dict(runs)
        rng = np.random.default_rng(0)
        hot = 1.5 * heat_of((self.learning_rates[0], self.batch_sizes[0], self.variances[0]))
        for name, run in runs.items():
            if name != "map":
                well = well_of(name.partition("/")[0])
                wide = np.sqrt(hot / np.diag(well.hessian(well.minima[0])))
                theta = run.parameters
                values = theta * 0 + rng.normal(size=theta.shape)
                axis = "parameters_dim_0"
                values = values * _on(axis, wide)
                values = values + _on(axis, well.minima[0])
                made[name] = run.assign(parameters=values.transpose(*theta.dims))
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Temperatures, densities against the loss, the map, and all ratios."""
        from soret.claims.three_factors._boltzmann_equilibrium_figure import (
            BoltzmannPanel,
            boltzmann_figure,
        )

        scans = points_of(self.learning_rates, self.batch_sizes, self.variances)
        every = dict.fromkeys(point for points in scans.values() for point in points)
        panels = [
            BoltzmannPanel(
                name,
                [(heat_of(point), self._heats(runs, name, point)) for point in every],
                [self._density(runs, name, point) for point in every],
                [r for r in results if f"({name})" in r.quantity],
            )
            for name in self.surfaces
        ]
        return {"boltzmann": boltzmann_figure(panels, runs["map"], _MAP_SURFACE)}

    def _positions(self, runs: Runs, name: str, point: tuple[float, int, float]) -> Floats:
        """Return θ of the later half, (replica, record, n)."""
        eta, batch, variance = point
        if variance != self.variances[0]:
            run = runs[f"{name}/σ²-{self.variances.index(variance) - 1}"]
        else:
            run = runs[f"{name}/{'S' if batch != self.batch_sizes[0] else 'η'}"]
        return settled(
            run.sel(learning_rate=eta, batch_size=batch).transpose("replica", "step", ...)
        )

    def _heats(self, runs: Runs, name: str, point: tuple[float, int, float]) -> Floats:
        well = well_of(name)
        losses = well.potential(self._positions(runs, name, point)) - well.floor
        return effective_temperature(well, losses.mean(1), heat_of(point))

    def _judge_density(self, runs: Runs, name: str) -> Result:
        """Test the distribution of the first coordinate at the common point."""
        from scipy import stats

        base = points_of(self.learning_rates, self.batch_sizes, self.variances)["η"][0]
        x = along(well_of(name))
        law = marginal(well_of(name), heat_of(base), x)
        within = np.cumsum(law) * (x[1] - x[0])
        mean = float((law * x).sum() * (x[1] - x[0]))
        spread = float(np.sqrt((law * (x - mean) ** 2).sum() * (x[1] - x[0])))
        rival = float(abs(within - stats.norm.cdf(x, mean, spread)).max())
        found = self._positions(runs, name, base)[..., 0]
        if len(found) < 40:
            raise SettingsError("fewer than 40 replicas make no distribution; take more.")

        def distance(part: Floats) -> float:
            ordered = np.sort(part.ravel())
            expected = np.interp(ordered, x, within)
            count = (np.arange(ordered.size) + 0.5) / ordered.size
            return float(abs(count - expected).max())

        # Groups are fewer replicas and so further away: their mean errs on the safe side.
        groups = np.array([distance(part) for part in np.array_split(found, 4)])
        whole = distance(found)
        _, (low, high) = mean_interval(groups)
        interval = (max(0.0, min(whole, low)), max(whole, high))
        return judged(
            f"distance from Boltzmann's distribution ({name})",
            whole,
            interval,
            predicted=0.0,
            rival=round(rival, 4),
            within=near(0.0, DISTANCE_TOLERANCE),
            note="largest difference of the distributions of the first coordinate",
            interval_is="from quarters of the replicas, wide",
            statement="boltzmann",
        )

    def _density(
        self, runs: Runs, name: str, point: tuple[float, int, float]
    ) -> tuple[Floats, Floats, float]:
        """Return V and −T ln ρ in bins of the first coordinate, aligned, and T."""
        well, heat = well_of(name), heat_of(point)
        found = self._positions(runs, name, point)[..., 0].ravel()
        x = along(well)
        law = marginal(well, heat, x)
        low, high = (float(edge) for edge in np.quantile(found, [0.002, 0.998]))
        edges = np.linspace(low, high, 31)
        counts = np.histogram(found, edges)[0]
        middle = (edges[1:] + edges[:-1]) / 2
        kept = counts > 30
        density = counts[kept] / (found.size * (edges[1] - edges[0]))
        # ln ρ + ln Z, with Z of Boltzmann's law: nothing is fitted.
        zero = heat * np.log(np.interp(middle[kept], x, law)) + well.along(middle[kept])
        return well.along(middle[kept]), zero - heat * np.log(density), heat


def _on(axis: str, values: Floats) -> xr.DataArray:
    import xarray as xr

    return xr.DataArray(values, dims=axis)


def _map(points: int) -> xr.Dataset:
    """Return the recursion's temperature over ησ²/(2S), and distances from two laws."""
    import xarray as xr

    equilibrium, well = soret.theory.equilibrium, well_of(_MAP_SURFACE)
    sharpest = float(well.hessian(well.minima[0]).max())
    heats, shares = np.geomspace(0.05, 0.8, points), np.geomspace(0.02, 1.5, points)
    found = np.full((3, points, points), np.nan)
    for j, heat in enumerate(heats):
        x = along(well)
        x = x[well.along(x) < 0.3 + 25 * heat]
        x = np.linspace(x[0] - 0.2, x[-1] + 0.2, 500)
        gap = x[1] - x[0]
        for i, share in enumerate(shares):
            eta = share / sharpest
            try:
                exact = equilibrium.stationary_density(well.slope, x, eta, heat)
            except soret.SoretError:
                # SGD leaves the surface: there is no law.
                continue
            modified = equilibrium.modified_loss(
                well.along(x), well.slope(x) ** 2, well.curvature(x), heat, eta
            )
            energy = float((exact * well.along(x)).sum() * gap)
            slope = (mean_loss(well, 1.01 * heat) - mean_loss(well, 0.99 * heat)) / (0.02 * heat)
            found[0, i, j] = 1 + (energy - mean_loss(well, heat)) / slope / heat
            inner = abs(x) < 2.2
            for k, loss in ((1, well.along(x)), (2, modified)):
                law = equilibrium.boltzmann(loss[inner], heat, gap)
                found[k, i, j] = 0.5 * abs(law - exact[inner]).sum() * gap
    names = ("temperature", "boltzmann", "modified")
    return xr.Dataset(
        {name: (("share", "heat"), part) for name, part in zip(names, found, strict=True)},
        {"share": shares, "heat": heats},
    )
