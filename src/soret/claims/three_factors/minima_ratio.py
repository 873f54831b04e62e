"""The odds of two minima: deeper and wider wins, and more noise evens the odds of unequal depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import Declared, Experiments, Measurement, Result, Runs, Source, Statement, claim
from soret.claims.counts import check_multiple
from soret.claims.escape._rates import LAST_ORDER, limit
from soret.claims.judging import RATIO_TOLERANCE, judged, near
from soret.claims.memory import grid_bytes, refuse_beyond
from soret.claims.ranges import BATCH_SIZES, COUNT, RATES, REPLICAS, In, Several
from soret.claims.three_factors import _odds as odds
from soret.claims.three_factors._surfaces import (
    POWER_WHY,
    RATIO_WHY,
    STABLE,
    check_heats,
    finite_rate,
    heat_of,
    laplace_odds,
    minima_of,
    points_of,
    problem_of,
    well_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Point = tuple[float, int, float]
_RECORDS = 200


@claim(
    "three-factors/minima-ratio",
    statement="SGD is found in minimum A rather than B with the odds "
    "√(det H_B/det H_A)·exp[(2/(nσ²))(L_B − L_A)]: deeper and wider wins, more noise evens the "
    "odds, and η, S and σ² count through σ²η/S alone.",
    source=Source("three-factors", "slides “Flat vs. sharp minima”; paper Sec. 2.3, Eq. 10"),
    quick={
        "learning_rates": (0.0075, 0.015),
        "batch_sizes": (2, 1),
        "variances": (400 / 3, 800 / 3),
        "replicas": 768,
        "steps": 24_000,
        "points": 9,
        "cells": 50,
    },
    resolution=["steps", "points", "cells"],
    statements=[
        Statement(
            name="formula",
            text="For weak isotropic noise the stationary odds of two minima are "
            "√(det H_B/det H_A)·exp[(2/(nσ²))(L_B − L_A)]: deeper and wider wins.",
            where="slides “Flat vs. sharp minima”",
            origin="printed",
            tolerance=f"{RATIO_WHY}. The interval is the last term of the extrapolation to T = 0, "
            "and none of chance: nothing here is.",
            holds="for weak noise the Fokker–Planck equation has the formula's odds ({measured} of "
            "them where furthest off)",
            fails="for weak noise the Fokker–Planck equation has {measured} ({low} to {high}) of "
            "the formula's odds",
            unclear="whether the Fokker–Planck equation has the formula's odds for weak noise is "
            "undecided ({low} to {high} of them)",
            regardless=["learning_rates", "batch_sizes", "variances"],
        ),
        Statement(
            name="sgd",
            text="SGD under isotropic noise is found in the minima with the odds of the stationary "
            "solution of the Fokker–Planck equation.",
            where="slides “Equilibrium distribution” and “Flat vs. sharp minima”",
            origin="printed",
            tolerance=odds.ODDS_WHY,
            holds="SGD's odds are the Fokker–Planck equation's ({measured} of them where "
            "furthest off)",
            fails="SGD's odds are not those of the Fokker–Planck equation but {measured} ({low} to "
            "{high}) of them",
            unclear="whether SGD's odds are those of the Fokker–Planck equation is undecided "
            "({low} to {high} of them)",
        ),
        Statement(
            name="factors",
            text="Larger η or σ² or smaller S evens the odds of unequal depth: the logarithm that "
            "depth gives them goes as S/(ησ²).",
            where="slides “Three Factors Influencing Minima in SGD”: “Higher noise makes "
            "probabilities of deep / shallow minima closer”, and the formula there",
            origin="printed",
            tolerance=f"{POWER_WHY}. The interval is over replicas.",
            holds="noise evens the odds of depth, whose logarithm goes as S/(ησ²) ({held} of "
            "{count} powers)",
            fails="the logarithm of the odds of depth does not go as S/(ησ²): {quantity} is "
            "{measured} ({low} to {high}), not {predicted}",
            unclear="whether the logarithm of the odds of depth goes as S/(ησ²) is undecided: "
            "{quantity} is {low} to {high} where {predicted} is predicted",
        ),
    ],
)
class MinimaRatio:
    """Three surfaces, three factors, three answers: formula, Fokker–Planck equation, ensemble.

    In one dimension a tilted double well and one whose narrow well is the deeper, in two a well
    that is as deep as the other and narrower across. Barriers are about 1. Each factor is scanned
    from a common first point with the others fixed; a half of the replicas start in either
    minimum, and the second half of the steps counts. The rival is depth alone, or for wells alike
    in width that noise makes no choice.

    The formula is Laplace's: it is judged in the limit of weak noise, and SGD where the wells still
    exchange replicas. The maps show where it stops: at barriers below about 4T to 8T, at η so large
    that ηh is no longer small (SGD then likes flat minima better than Boltzmann's law, to first
    order by exp[(η/4)(tr H_B − tr H_A)], ours, as long as η|h| is small on the barrier too), and
    under anisotropic noise, where a direction across with a times the noise counts a times in
    ½ ln det H (ours, for directions across that are fast).
    The surfaces and all numbers are ours; the slides have none.
    """

    surfaces: Annotated[
        tuple[Literal["double", "tilted", "wide or deep", "funnel", "plane"], ...],
        "double, tilted, wide or deep, funnel, plane",
        Several(),
    ] = (
        "tilted",
        "wide or deep",
        "funnel",
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
        400.0,
        550.0,
        800.0,
    )
    replicas: Annotated[int, "replicas at every point", REPLICAS] = 2048
    steps: Annotated[int, "updates; the second half counts", COUNT] = 160_000
    points: Annotated[int, "points of the maps along either axis", In(at_least=2, at_most=200)] = 21
    cells: Annotated[
        int,
        "cells of the Fokker–Planck grids in two dimensions, either axis",
        In(at_least=8, at_most=2000),
    ] = 100

    def check(self) -> None:
        """Refuse steps that are not recorded evenly, and grids that do not fit into memory."""
        check_multiple("steps", self.steps, _RECORDS)
        check_heats(self)
        refuse_beyond(grid_bytes(self.cells**2), "the grid in the plane", cells=self.cells)

    def experiments(self) -> Experiments:
        """Run SGD at every point, and solve the Fokker–Planck equation."""
        found = points_of(self.learning_rates, self.batch_sizes, self.variances)
        made: dict[str, Declared] = {}
        for name in self.surfaces:
            well = well_of(name)
            for scan, rates, batches, variances in (
                ("η", self.learning_rates, self.batch_sizes[:1], self.variances[:1]),
                ("S", self.learning_rates[:1], self.batch_sizes[1:], self.variances[:1]),
                *(
                    (f"σ²-{i}", self.learning_rates[:1], self.batch_sizes[:1], (variance,))
                    for i, variance in enumerate(self.variances[1:])
                ),
            ):
                made[f"{name}/{scan}"] = soret.Experiment(
                    problem=problem_of(well, variances[0]),
                    algorithm=soret.SGD(rates, batches),
                    observe=_in_left(float(well.saddles[0, 0])),
                    steps=self.steps,
                    replicas=self.replicas,
                    record_every=self.steps // _RECORDS,
                )
        heats = {heat_of(point) for scan in found.values() for point in scan}
        made["laws"] = Measurement(
            lambda given: odds.laws(self.surfaces, sorted(heats), self.cells)
        )
        made["maps"] = Measurement(lambda given: odds.maps(self.points, self.cells))
        return made

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the formula's limit, its powers −1, 1, −1, and the Fokker–Planck law."""
        results = []
        for name in self.surfaces:
            law = runs["laws"].sel(surface=odds.numbers([name])[0])
            rival = self._rival(name)
            whole, interval = limit(
                np.array(odds.WEAK), np.exp((law.weak - law.weak_formula).values)
            )
            off = np.exp((law.fokker_planck - law.formula).values)
            holds = law.heat.values[abs(off - 1) <= RATIO_TOLERANCE]
            results.append(
                judged(
                    f"Fokker–Planck odds over the formula's, weak noise ({name})",
                    whole,
                    interval,
                    interval_is=LAST_ORDER,
                    predicted=1.0,
                    rival=round(float(np.exp(rival - law.weak_formula[-1])), 4),
                    within=near(1.0, RATIO_TOLERANCE),
                    note=f"within 10 % up to T = {holds.max():g} of those tried"
                    if holds.size
                    else "nowhere within 10 % of those tried",
                    statement="formula",
                )
            )
            base = heat_of((self.learning_rates[0], self.batch_sizes[0], self.variances[0]))
            results.append(
                odds.judge_odds(
                    f"SGD's odds over Fokker–Planck's ({name})",
                    *self._at_smallest_rate(runs, name),
                    rival=round(float(np.exp(rival - law.fokker_planck.sel(heat=base))), 4),
                    note=f"all points with η = {self.learning_rates[0]:g}, which is worth a factor "
                    f"of {finite_rate(well_of(name), self.learning_rates[0]):.3g}",
                    statement="sgd",
                )
            )
            if abs(np.subtract(*minima_of(well_of(name))[0])) > 1e-9:
                results += [self._power(runs, name, factor) for factor in ("η", "S", "σ²")]
        return results

    def control(self, runs: Runs) -> Runs:
        """Return the rival's odds everywhere, with the scatter of what was measured."""
        made = dict(runs)
        for name, run in runs.items():
            surface, _, scan = name.partition("/")
            if scan:
                share = 1 / (1 + np.exp(-self._rival(surface)))
                mean = run.in_left.isel(step=slice(len(run.step) // 2, None)).mean(
                    ["replica", "step"]
                )
                made[name] = run.assign(
                    in_left=(run.in_left - mean + share).transpose(*run.in_left.dims)
                )
        rival = runs["laws"].weak * 0 + np.array([[self._rival(s)] for s in self.surfaces])
        made["laws"] = runs["laws"].assign(weak=rival)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Odds against 1/T on every surface, maps of validity, ratios."""
        from soret.claims.three_factors._minima_ratio_figure import OddsPanel, minima_figure

        scans = points_of(self.learning_rates, self.batch_sizes, self.variances)
        panels = []
        for name in self.surfaces:
            law = runs["laws"].sel(surface=odds.numbers([name])[0])
            panels.append(
                OddsPanel(
                    name,
                    law.heat.values,
                    law.formula.values,
                    law.fokker_planck.values,
                    self._rival(name),
                    {
                        factor: [
                            (heat_of(p), *odds.log_odds_of(self._share(runs, name, p)))
                            for p in points
                        ]
                        for factor, points in scans.items()
                    },
                    [r for r in results if f"({name})" in r.quantity],
                )
            )
        return {"minima-ratio": minima_figure(panels, runs["maps"], (odds.MAPPED, odds.OBLIQUE))}

    def _rival(self, name: str) -> float:
        """Return ln(p_A/p_B) of depth alone at the common point, or 0 of even odds."""
        well = well_of(name)
        losses, _ = minima_of(well)
        width = float(np.log(laplace_odds(well, 1e9)))
        if abs(width) < 0.2:
            return 0.0
        base = heat_of((self.learning_rates[0], self.batch_sizes[0], self.variances[0]))
        return (losses[1] - losses[0]) / base

    def _share(self, runs: Runs, name: str, point: Point) -> Floats:
        """Return the share of its time that each replica is in the left minimum at a point."""
        run = self._run(runs, name, point)
        here = run.in_left.isel(step=slice(len(run.step) // 2, None))
        return np.asarray(here.mean("step").values, dtype=np.float64)

    def _shares(self, runs: Runs, name: str, points: Sequence[Point]) -> Floats:
        """Return the same at several points, (R, points).

        Replicas of one number have the same random numbers at all of them.
        """
        return np.stack([self._share(runs, name, point) for point in points], axis=1)

    def _run(self, runs: Runs, name: str, point: Point) -> xr.Dataset:
        eta, batch, variance = point
        if variance != self.variances[0]:
            run = runs[f"{name}/σ²-{self.variances.index(variance) - 1}"]
        else:
            run = runs[f"{name}/{'S' if batch != self.batch_sizes[0] else 'η'}"]
        wanted = {"learning_rate": eta, "batch_size": batch}
        return run.sel({axis: wanted[axis] for axis in run.in_left.dims if axis in wanted})

    def _at_smallest_rate(self, runs: Runs, name: str) -> tuple[Floats, Floats]:
        """Return the shares of SGD at the smallest η, and the Fokker–Planck log-odds there."""
        scans = points_of(self.learning_rates, self.batch_sizes, self.variances)
        law = runs["laws"].fokker_planck.sel(surface=odds.numbers([name])[0])
        points = list(dict.fromkeys(scans["S"] + scans["σ²"]))
        laws = np.array([float(law.sel(heat=heat_of(point))) for point in points])
        return self._shares(runs, name, points), laws

    def _power(self, runs: Runs, name: str, factor: str) -> Result:
        """Test with which power a factor enters |ln(p_A/p_B) − ½ ln(det H_B/det H_A)|."""
        points = points_of(self.learning_rates, self.batch_sizes, self.variances)[factor]
        return odds.judge_depth(
            f"power of {factor} in what depth does to the log-odds ({name})",
            self._shares(runs, name, points),
            np.array([point[["η", "S", "σ²"].index(factor)] for point in points]),
            float(np.log(laplace_odds(well_of(name), 1e9))),
            predicted=1.0 if factor == "S" else -1.0,
            rival=0.0,
            statement="factors",
        )


def _in_left(border: float) -> Any:
    """Return an observable: 1 in the left well, 0 in the right one."""

    @soret.observables.label("in the left well", "fraction")
    def in_left(problem: Any, state: Any) -> Any:
        return state.params[0] < border

    return in_left
