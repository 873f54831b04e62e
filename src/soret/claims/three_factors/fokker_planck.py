"""The Fokker–Planck equation carries the density of an ensemble of SGD runs through time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Declared, Experiments, Measurement, Result, Runs, Source, Statement, claim
from soret.claims.judging import judged, near
from soret.claims.memory import grid_bytes, refuse_beyond
from soret.claims.ranges import COUNT, REPLICAS, In, Several
from soret.claims.three_factors._surfaces import HEAT, RATE

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Largest difference of two distributions. An Euler step of ηh ≈ 0.1 displaces what moves by about a
# hundredth of it, and the rivals are further than 0.05 away at their best time; halfway is kept
# free for the noise of the ensemble. Chosen before any run.
DISTANCE_TOLERANCE = 0.03

_START, _SPREAD = -0.3, 0.15
"""Where the first coordinate starts, and the standard deviation of every coordinate there."""

_WHY = (
    "0.03 between distributions along any direction: Euler steps displace by about a hundredth, "
    "rivals are more than 0.05 away, and the interval (Dvoretzky, Kiefer and Wolfowitz) is kept "
    "free between."
)

CASES = ("isotropic", "loss", "oblique")
_OBLIQUE = np.array([[1.0, 0.6], [0.6, 1.0]])


@claim(
    "three-factors/fokker-planck",
    statement="The density of SGD's ensemble obeys ∂P/∂t = ∇·[ηgP + (η²/2S)∇·(CP)], with the "
    "covariance C inside both derivatives.",
    source=Source("three-factors", "slides “Fokker–Planck equation”; paper Sec. 2.1, Eq. 5"),
    quick={"replicas": 16_384, "cells": 80},
    resolution=["cells"],
    statements=[
        Statement(
            name="evolution",
            text="The density of an ensemble of SGD runs obeys ∂P/∂t = ∇·[ηgP + (η²/2S)∇·(CP)].",
            where="slides “Fokker–Planck equation”",
            origin="printed",
            tolerance=_WHY,
            holds="under constant noise, isotropic or oblique, the density evolves by the "
            "Fokker–Planck equation ({held} of {count} times, {measured} away where furthest off)",
            fails="under constant noise the density does not evolve by the Fokker–Planck equation "
            "({failed} of {count} times, {measured}, {low} to {high}, away)",
            unclear="whether the density under constant noise evolves by the Fokker–Planck "
            "equation is undecided ({low} to {high} away)",
        ),
        Statement(
            name="inside",
            text="Where the noise differs from place to place, its covariance C stands inside both "
            "derivatives, ∇·∇·(CP).",
            where="slides “Fokker–Planck equation”",
            origin="printed",
            tolerance=_WHY,
            holds="under noise that follows the loss its covariance stands inside both derivatives "
            "({measured} away where furthest off)",
            fails="under noise that follows the loss the equation with the covariance inside both "
            "derivatives is {measured} ({low} to {high}) away",
            unclear="whether under noise that follows the loss its covariance stands inside both "
            "derivatives is undecided ({low} to {high} away)",
        ),
    ],
)
class FokkerPlanckEquation:
    """Ensembles on double wells, released near the saddle, against the density that was evolved.

    Three noises: isotropic in one dimension; following the loss, C = 2L(θ)H*, in one dimension
    (where C depends on the place it matters on which side of it the derivatives stand); and in two
    dimensions oblique, with correlation 0.6 between the coordinates. Compared are distributions
    along the coordinates, and in the plane along both diagonals too. Their largest difference is
    known of 16,384 replicas to ±0.011 (95 %, Dvoretzky, Kiefer and Wolfowitz).

    The rivals are equations that differ in one place: no gradient noise at all (isotropic), Fick's
    form ∇·(C∇P) in place of ∇·∇·(CP) (loss), and isotropic noise of the same strength (oblique).
    Surfaces, starts and times are ours; the slides have none.
    """

    learning_rate: Annotated[float, "η", RATE] = 0.01
    batch_size: Annotated[int, "S", COUNT] = 4
    heat: Annotated[float, "T = ησ²/(2S) of the mean direction, beside a barrier of 1", HEAT] = 0.3
    steps: Annotated[
        tuple[int, ...], "steps after which densities are compared", Several(COUNT)
    ] = (20, 60, 200)
    replicas: Annotated[int, "replicas", REPLICAS] = 131_072
    cells: Annotated[
        int,
        "cells of the grid in two dimensions, either axis; in one 5 times",
        In(at_least=8, at_most=2000),
    ] = 120

    def check(self) -> None:
        """Refuse grids that do not fit into memory."""
        refuse_beyond(grid_bytes(self.cells**2), "the grid in the plane", cells=self.cells)

    def experiments(self) -> Experiments:
        """Run the ensembles, and evolve densities by the equation and by its rivals."""
        every = int(np.gcd.reduce(self.steps))
        made: dict[str, Declared] = {}
        for case in CASES:
            well = _well(case)
            made[case] = soret.Experiment(
                problem=soret.problems.surface(
                    well.potential, start=_start(well.dimensions), name=case, **self._noise(case)
                ),
                algorithm=soret.SGD(self.learning_rate, self.batch_size),
                observe=soret.observables.parameters,
                steps=max(self.steps),
                replicas=self.replicas,
                record_every=every,
            )
            made[f"{case}-law"] = self._law(case)
        return made

    def saved(self, runs: Runs) -> Runs:
        """Call a case's law by the case."""
        return {name.replace("-law", " law"): run for name, run in runs.items()}

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: no distance from the evolved density, at any time."""
        results = []
        for case in CASES:
            law = runs[f"{case} law"]
            for step in self.steps:
                found, rivals, size = [], [], 0
                for i, direction in enumerate(_directions(_well(case).dimensions)):
                    here = law.sel(direction=i, step=step)
                    position = _along(runs[case], step, direction)
                    size = position.size
                    found.append(_distance(position, here))
                    rivals.append(float(abs(here.within - here.rival).max()))
                # DKW: with 95 % the whole distribution is as near as this to what was drawn from.
                band = float(np.sqrt(np.log(2 / 0.05) / (2 * size)))
                measured = max(found)
                interval = (max(0.0, measured - band), measured + band)
                results.append(
                    judged(
                        f"distance from the evolved density ({case}, t = {self._time(step)})",
                        measured,
                        interval,
                        predicted=0.0,
                        rival=round(max(rivals), 4),
                        within=near(0.0, DISTANCE_TOLERANCE),
                        note=f"the largest along {law.sizes['direction']} directions; {size} "
                        "replicas",
                        statement="inside" if case == "loss" else "evolution",
                    )
                )
        return results

    def control(self, runs: Runs) -> Runs:
        """Return positions drawn from the rivals' densities; along every direction separately."""
        made = dict(runs)
        rng = np.random.default_rng(0)
        for case in CASES:
            law = runs[f"{case} law"]
            # As many numbers as there are replicas, so that the bands are the same.
            drawn = rng.random(runs[case].sizes["replica"])
            parts = {}
            for i, direction in enumerate(_directions(_well(case).dimensions)):
                for step in self.steps:
                    here = law.sel(direction=i, step=step)
                    parts[f"{direction}-{step}"] = (
                        "replica",
                        np.interp(drawn, here.rival.values, here.edge.values),
                    )
            made[case] = runs[case].assign(parts)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Histograms with the evolved densities and the rivals', a row a noise."""
        from soret.claims.three_factors._fokker_planck_figure import EvolutionRow, evolution_figure

        rows = []
        for i, case in enumerate(CASES):
            law = runs[f"{case} law"]
            # In the plane the diagonal is where the rival shows.
            direction = "x" if case != "oblique" else "x + y"
            place = _directions(_well(case).dimensions).index(direction)
            rows.append(
                EvolutionRow(
                    _TITLES[case],
                    [_along(runs[case], step, direction) for step in self.steps],
                    law.sel(direction=place).edge.values,
                    law.sel(direction=place).within.values,
                    law.sel(direction=place).rival.values,
                    [self._time(step) for step in self.steps],
                    results[i * len(self.steps) : (i + 1) * len(self.steps)],
                    direction,
                    _RIVALS[case],
                )
            )
        return {"fokker-planck": evolution_figure(rows)}

    def _time(self, step: int) -> str:
        return f"{step * self.learning_rate:g}"

    def _noise(self, case: str) -> dict[str, Any]:
        """Return what `soret.problems.surface` is told of the noise."""
        strength = 2 * self.heat * self.batch_size / self.learning_rate
        if case == "isotropic":
            return {"strength": strength}
        if case == "oblique":
            return {"noise": "anisotropic", "strength": strength, "matrix": _OBLIQUE}
        # C = 2sL at a mean loss of about the barrier.
        return {"noise": "loss", "strength": strength / 2, "matrix": np.eye(1)}

    def _law(self, case: str) -> Measurement:
        return Measurement(lambda given: self._laws(case))

    def _laws(self, case: str) -> xr.Dataset:
        """Return distributions along directions, by the equation and by its rival."""
        import xarray as xr

        from soret.theory.fokker_planck import FokkerPlanck, Grid

        well, n = _well(case), _well(case).dimensions
        cells = [5 * self.cells] if n == 1 else [self.cells, self.cells]
        grid = Grid([-2.4, -2.4][:n], [2.4, 2.4][:n], cells)
        twice = 2 * self.heat

        def drift(p: Floats) -> Floats:
            return np.asarray(-well.gradient(p))

        def following(p: Floats) -> Floats:
            return np.asarray(twice * well.potential(p)[..., None, None])

        def fick(p: Floats) -> Floats:
            # ∇·(½D∇P) = ½∇∇(DP) − ∇·(½∇D P): a drift of ½∇D is added.
            return np.asarray(-well.gradient(p) * (1 - twice / 2))

        pair: Any = {
            "isotropic": ((drift, twice * np.eye(n)), (drift, 1e-4 * np.eye(n))),
            "loss": ((drift, following), (fick, following)),
            "oblique": ((drift, twice * _OBLIQUE), (drift, twice * np.eye(n))),
        }[case]
        away = grid.points - np.array([_START, 0.0])[:n]
        begin = np.exp(-0.5 * (away / _SPREAD) ** 2).prod(-1)
        begin /= begin.sum() * grid.volume
        order = np.argsort(self.steps)
        times = np.array(self.steps)[order] * self.learning_rate
        found = {}
        for name, (a, d) in zip(("within", "rival"), pair, strict=True):
            evolved = FokkerPlanck(a, d, grid).evolve(begin, times)[np.argsort(order)]
            found[name] = np.stack([_within(evolved, way, grid) for way in _directions(n)])
        edges = np.stack([_edges(way, grid) for way in _directions(n)])
        return xr.Dataset(
            {name: (("direction", "step", "place"), values) for name, values in found.items()}
            | {"edge": (("direction", "place"), edges)},
            {"direction": range(len(_directions(n))), "step": list(self.steps)},
        )


_TITLES = {
    "isotropic": "isotropic noise, 1-D",
    "loss": "noise that follows the loss, 1-D",
    "oblique": "oblique noise, 2-D",
}
_RIVALS = {
    "isotropic": "rival: no noise",
    "loss": "rival: Fick's form ∇·(C∇P)",
    "oblique": "rival: isotropic noise",
}


def _well(case: str) -> Any:
    wells: Any = {
        "isotropic": {},
        "loss": {"floor": 0.5},
        "oblique": {"across": (3.0,)},
    }
    return soret.problems.DoubleWell(**wells[case])


def _start(n: int) -> Any:
    import jax
    import jax.numpy as jnp

    centre = np.array([_START, 0.0], np.float32)[:n]
    return lambda key: jnp.asarray(centre) + _SPREAD * jax.random.normal(key, (n,), jnp.float32)


def _directions(n: int) -> list[str]:
    return ["x"] if n == 1 else ["x", "y", "x + y", "x − y"]


def _edges(direction: str, grid: Any) -> Floats:
    """Return where a distribution is known: borders of cells, for diagonals sums of centres."""
    low, high, count = grid.lower[0], grid.upper[0], grid.cells[0]
    if direction in ("x", "y"):
        return np.linspace(low, high, 2 * count + 1)
    return np.linspace(2 * low, 2 * high, 2 * count + 1)


def _within(evolved: Floats, direction: str, grid: Any) -> Floats:
    """Return distributions along a direction, (times, places)."""
    mass = evolved * grid.volume
    if direction in ("x", "y"):
        line = mass if mass.ndim == 2 else mass.sum(2 if direction == "x" else 1)
        whole = np.concatenate([np.zeros((len(line), 1)), np.cumsum(line, 1)], axis=1)
        places = np.arange(2 * line.shape[1] + 1) / 2
        return np.stack([np.interp(places, np.arange(line.shape[1] + 1), row) for row in whole])
    count = mass.shape[1]
    turned = mass if direction == "x + y" else mass[:, :, ::-1]
    number = np.add.outer(np.arange(count), np.arange(count))
    line = np.stack([np.bincount(number.ravel(), part.ravel(), 2 * count - 1) for part in turned])
    # A cell's sum of coordinates is spread as a triangle over two spacings around its middle.
    half = np.cumsum(line, 1) - line / 2
    zeros, ones = np.zeros((len(line), 1)), np.ones((len(line), 1))
    return np.concatenate([zeros, half, ones], axis=1)


def _along(run: xr.Dataset, step: int, direction: str) -> Floats:
    """Return where the replicas are along a direction."""
    if f"{direction}-{step}" in run:
        return np.asarray(run[f"{direction}-{step}"].values)
    theta = run.parameters.sel(step=step).values.astype(np.float64)
    if direction in ("x", "y"):
        return np.asarray(theta[:, "xy".index(direction)])
    return np.asarray(theta[:, 0] + (1 if "+" in direction else -1) * theta[:, 1])


def _distance(positions: Floats, law: xr.Dataset) -> float:
    """Return Kolmogorov's distance of positions from a distribution."""
    ordered = np.sort(positions)
    expected = np.interp(ordered, law.edge.values, law.within.values)
    count = np.arange(ordered.size)
    above = abs((count + 1) / ordered.size - expected).max()
    return float(max(above, abs(count / ordered.size - expected).max()))
