"""Over a real barrier SGD escapes at the rate of Eq. 15, a power of Lˢ/L*."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import soret
from soret.claims import (
    Declared,
    Experiments,
    Measurement,
    Result,
    Runs,
    Source,
    Statement,
    claim,
)
from soret.claims.escape import _rates as rates
from soret.claims.judging import (
    EXPONENT_TOLERANCE,
    RATIO_TOLERANCE,
    judged,
    near,
    unmeasured,
)
from soret.claims.memory import grid_bytes, refuse_beyond
from soret.claims.ranges import COUNT, REPLICAS, SHARE, In, Several
from soret.claims.settings import show
from soret.errors import SettingsError
from soret.verdict import NOMINAL


@claim(
    "escape/escape-rate",
    statement="On a surface with a real barrier and noise (6) the escape rate is that of Eq. 15, "
    "√(h_e|h_s|)/2π · (Lˢ/L*)^−(B/(ηh_e) + 1 − n/2), for weak noise.",
    source=Source("escape", "Sec. 4, Theorem 4.7, Eq. 15; App. B, Eq. 19"),
    quick={"replicas": 3072, "steps": 30_000, "learning_rate": 0.0025, "cells": 160, "points": 25},
    resolution=["steps", "cells", "points"],
    statements=[
        Statement(
            name="power",
            text="The escape rate is a power of the ratio L(θˢ)/L(θ*), not an exponential of the "
            "difference.",
            where="Sec. 4, after Theorem 4.7; Eq. 15",
            origin="printed",
            tolerance="a quarter of the way from the power of Eq. 15 to what Kramers' exponential "
            "looks like over the same barriers: three times nearer to the prediction.",
            holds="over a barrier SGD's escape rate goes as the power {measured} of L(θˢ)/L(θ*) "
            "({predicted} predicted, Kramers {rival})",
            fails="over a barrier SGD's escape rate goes as the power {measured} ({low} to "
            "{high}) of L(θˢ)/L(θ*) where {predicted} is predicted",
            unclear="by which power of L(θˢ)/L(θ*) SGD escapes is undecided ({low} to {high}, "
            "predicted {predicted})",
            regardless=["across"],
        ),
        Statement(
            name="rate",
            text="For weak noise Eq. 15 is the escape rate in one dimension and where all "
            "outliers are equal.",
            where="Sec. 4, Theorem 4.7, Eq. 15",
            origin="restored",
            tolerance="10 % of the rate: formulas of weak noise are within a few per cent where "
            "they hold, and Kramers' rate is off by factors.",
            holds="Eq. 15 gives the rate in one dimension and for equal outliers ({measured} of "
            "it where furthest off)",
            fails="Eq. 15 misses the rate in one dimension or for equal outliers, which is "
            "{measured} ({low} to {high}) of it",
            unclear="whether Eq. 15 gives the rate for equal outliers is undecided ({low} to "
            "{high} of it)",
            regardless=["across"],
        ),
        Statement(
            name="unequal-outliers",
            text="Of the Hessian only the eigenvalues along the path of escape, at the minimum "
            "and at the saddle, are in the rate, whatever the other outliers.",
            where="Sec. 4, Theorem 4.7 with what its symbols stand for; App. B, Eq. 19",
            origin="printed",
            tolerance="10 % of the rate, as for equal outliers.",
            holds="other outliers do not enter the rate ({measured} of Eq. 15 where furthest off)",
            fails="where outliers differ Eq. 15 lacks a factor: the exact rate is {measured} "
            "({low} to {high}) of it",
            unclear="whether other outliers enter the rate is undecided ({low} to {high} of "
            "Eq. 15)",
            regardless=["ratios", "heat", "learning_rate"],
        ),
        Statement(
            name="sharper",
            text="Sharp minima are left sooner: with η, B, L(θ*) and L(θˢ) as they are, the rate "
            "grows with h_e* as [L(θˢ)/L(θ*)]^−B/(ηh_e*).",
            where="Sec. 4, after Theorem 4.7; Eq. 15",
            origin="restored",
            tolerance="10 % of the logarithm, as of the rate; Kramers' with the noise of the "
            "minimum is off by 44 % and more.",
            holds="from a sharper minimum SGD escapes sooner by what Eq. 15 says ({measured} of "
            "the exponent where furthest off)",
            fails="with h_e the rate does not change as Eq. 15 says: its exponent is {measured} "
            "({low} to {high}) of that",
            unclear="whether the rate changes with h_e as Eq. 15 says is undecided (exponent {low} "
            "to {high} of that)",
            regardless=["ratios", "across"],
        ),
        Statement(
            name="global-minimum",
            text="As L(θ*) goes to 0 beside the same barrier the rate vanishes, by the power of "
            "Eq. 15; where noise does not know of the loss it stays.",
            where="Sec. 4, after Eq. 16; Eq. 15",
            origin="restored",
            tolerance="10 % of the power, as of the rate; the rival is noise of constant strength.",
            holds="as L(θ*) goes to 0 the rate vanishes by the power {measured} of it ({predicted} "
            "predicted)",
            fails="as L(θ*) goes to 0 the rate goes by the power {measured} ({low} to {high}) of "
            "it, where {predicted} is predicted",
            unclear="by which power of L(θ*) the rate vanishes is undecided ({low} to {high}, "
            "{predicted} predicted)",
            regardless=["ratios", "across", "learning_rate"],
        ),
    ],
)
class EscapeRate:
    """Rates out of one well of L = L* + (x² − 1)² + ½Σh_⊥y² past its saddle, to the other minimum.

    Four of them: SGD on the surface (passages over steps watched, by `soret.problems.surface`); the
    slowest eigenvalue of the Fokker–Planck equation; in one dimension one over the mean
    first-passage time by quadrature; and Eq. 15. The rival is Kramers' rate with the noise of the
    minimum everywhere, D = ηL*h_e/B. Absorption is at the other minimum, not at the saddle: noise
    that follows the loss brings many back from there.

    Eq. 15 is an asymptotic formula. It is judged by the limit of its ratio to the exact rates, by
    polynomials through three weak noises (the interval is what the last order changes), by the
    power of Lˢ/L* in what is simulated, and by simulated rates at Lˢ = 2L* for n = 1 to 3. The
    theorem holds for any outliers, so in the plane the Hessian across is a quarter, once and four
    times that along. There the proof's Eq. 19 does not follow, and the exact rates have
    `anisotropy_factor` in addition. The surface is ours, the paper has none with a barrier.

    A flatter minimum is made by stretching x, which leaves η, B, L* and Lˢ alone: h_e and h_s are
    then three quarters of what they were. And L* is brought to 0 below a barrier that stays, by
    quadrature only, for nobody waits for such rates.
    """

    ratios: Annotated[
        tuple[float, ...],
        "Lˢ/L* of what is simulated in one dimension",
        Several(In(above=1), fewest=2, why="a power of it"),
    ] = (
        1.5,
        2.0,
        3.0,
    )
    heat: Annotated[float, "ηh_e/B of what is simulated", SHARE] = 0.2
    learning_rate: Annotated[
        float, "η of the simulation; ηh_e is 8 times as much", In(above=0, below=0.025)
    ] = 0.00125
    steps: Annotated[int, "most updates per replica", COUNT] = 200_000
    replicas: Annotated[int, "replicas", REPLICAS] = 4096
    across: Annotated[
        tuple[float, ...], "h_⊥/h_e in the plane", Several(In(at_least=0.01, at_most=100))
    ] = (
        0.25,
        1.0,
        4.0,
    )
    cells: Annotated[
        int, "cells along the path of the Fokker–Planck grids", In(at_least=8, at_most=2000)
    ] = 240
    points: Annotated[int, "points of the map along either axis", In(at_least=2, at_most=200)] = 41

    def check(self) -> None:
        """Refuse ratios without the one at which all dimensions are compared, and large grids."""
        if rates.SHARED_RATIO not in self.ratios:
            raise SettingsError(
                f"ratios must hold {rates.SHARED_RATIO:g}, at which all dimensions are compared, "
                f"got {show(self.ratios)}."
            )
        refuse_beyond(grid_bytes(self.cells**2 / 2), "the grid in the plane", cells=self.cells)

    def experiments(self) -> Experiments:
        """Escape by SGD, and compute exact rates."""
        cases = [(ratio, 1) for ratio in self.ratios] + [
            (rates.SHARED_RATIO, 2),
            (rates.SHARED_RATIO, 3),
        ]
        made: dict[str, Declared] = {}
        for ratio, n in cases:
            well = rates.well_of(ratio, (rates.ALONG,) * (n - 1))
            made[f"simulated/{ratio:g}-{n}"] = self._escape(well)
        made["flatter"] = self._escape(
            rates.well_of(rates.SHARED_RATIO), stretch=rates.FLATTER**-0.5
        )
        made["lowest"] = Measurement(lambda given: rates.lowest(self.heat))
        made["line"] = Measurement(lambda given: rates.line(self.points, self.cells))
        made["plane"] = Measurement(lambda given: rates.plane(self.across, self.cells))
        return made

    def _escape(self, well: Any, stretch: float = 1.0) -> soret.Experiment:
        """Return SGD's escape from one well to the other, x stretched."""
        return soret.Experiment(
            problem=soret.problems.surface(
                well.potential if stretch == 1 else lambda x: well.potential(x / stretch),
                start=stretch * well.minima[0],
                noise="loss",
                # With B = 1 the temperature η/B·strength is what it should be.
                strength=self.heat / rates.ALONG / self.learning_rate,
                matrix=well.hessian(well.minima[0]) / stretch**2,
                name="double well",
            ),
            algorithm=soret.SGD(self.learning_rate),
            watch=soret.FirstPassage(_place(), [stretch]),
            steps=self.steps,
            replicas=self.replicas,
        )

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: Eq. 15. Rivals: Kramers' rate, and in the plane the factor it lacks."""

        def result(
            quantity: str,
            measured: float,
            interval: tuple[float, float],
            rival: float,
            note: str,
            statement: str = "rate",
        ) -> Result:
            return judged(
                quantity,
                measured,
                interval,
                interval_is=rates.LAST_ORDER,
                predicted=1.0,
                rival=round(rival, 4),
                within=near(1.0, RATIO_TOLERANCE),
                note=note,
                statement=statement,
            )

        results = []
        for ratio in (2.0, 4.0):
            here = runs["line"].sel(weak_ratio=ratio)
            weak = np.array(rates.WEAK)
            limit, interval = rates.limit(weak, (here.weak_exact / here.weak_formula).values)
            kramers = float((here.weak_kramers / here.weak_formula)[-1])
            results.append(
                result(
                    f"exact rate over Eq. 15, weak noise (1-D, Lˢ = {ratio:g} L*)",
                    limit,
                    interval,
                    kramers,
                    f"at ηh_e/B = {rates.WEAK[0]:g}: "
                    f"{float((here.weak_exact / here.weak_formula)[0]):.4f}; the rival's number is "
                    f"at {rates.WEAK[-1]:g} and goes to 0",
                )
            )
        for across in self.across:
            here = runs["plane"].sel(across=across)
            limit, interval = rates.limit(np.array(rates.WEAK), (here.rate / here.formula).values)
            factor = float(here.factor)
            results.append(
                result(
                    f"exact rate over Eq. 15, weak noise (2-D, Lˢ = 1.5 L*, h_⊥ = {across:g} h_e)",
                    limit,
                    interval,
                    factor if abs(factor - 1) > 1e-4 else 0.0,
                    f"the factor that Eq. 15 lacks is {factor:.4f}",
                    "rate" if across == 1 else "unequal-outliers",
                )
            )
        return [
            *results,
            self._judge_power(runs),
            *(self._judge_rate(runs, n) for n in (1, 2, 3)),
            *self._sharper(runs),
            self._global_minimum(runs),
        ]

    def _sharper(self, runs: Runs) -> list[Result]:
        """Test the exponent by which the rate changes with h_e: exact for weak noise, and SGD's."""
        found = []
        for ratio in (2.0, 4.0):
            # Of wells that differ in h_e alone, Eq. 12 makes one in units of x and of 1/h_e.
            logs = np.log(runs["line"].weak_exact.sel(weak_ratio=ratio).values)
            slopes = np.diff(logs) / np.diff(1 / np.array(rates.WEAK)) / -np.log(ratio)
            found.append(
                (f"exact, weak noise, Lˢ = {ratio:g} L*", ratio, slopes[-1], slopes, rates.RANGE)
            )
        x = np.array([1.0, 1 / rates.FLATTER]) / self.heat
        slope, bounds = rates.passage_power(
            np.exp(x), [runs[f"simulated/{rates.SHARED_RATIO:g}-1"], runs["flatter"]]
        )
        # Rates are in units of h_e.
        unit, size = np.log(rates.FLATTER) / (x[0] - x[1]), -np.log(rates.SHARED_RATIO)
        exponent, high, low = ((value + unit) / size for value in (slope, *bounds))
        found.append(
            (
                f"SGD, h_e = {rates.FLATTER * rates.ALONG:g} and {rates.ALONG:g}, "
                f"Lˢ = {rates.SHARED_RATIO:g} L*",
                rates.SHARED_RATIO,
                exponent,
                (low, high),
                NOMINAL,
            )
        )
        return [
            judged(
                f"change of the logarithm of rate/h_e with B/(ηh_e) over Eq. 15's ({what})",
                float(value),
                (float(np.min(bounds)), float(np.max(bounds))),
                interval_is=kind,
                predicted=1.0,
                rival=round(float((ratio - 1) / np.log(ratio)), 4),
                within=near(1.0, RATIO_TOLERANCE),
                statement="sharper",
            )
            for what, ratio, value, bounds, kind in found
        ]

    def _global_minimum(self, runs: Runs) -> Result:
        """Test the power by which the rate vanishes with L*."""
        powers = rates.lowest_powers(runs["lowest"])
        predicted = 1 / self.heat + 0.5
        return judged(
            f"power of L* in the exact rate as L* goes to 0 at ηh_e/B = {self.heat:g} (1-D)",
            float(powers[-1]),
            (float(powers.min()), float(powers.max())),
            interval_is=rates.RANGE,
            predicted=predicted,
            rival=0.0,
            within=near(predicted, RATIO_TOLERANCE * predicted),
            note="local powers between L* = "
            + ", ".join(f"{1 / (ratio - 1):.2g}" for ratio in rates.LOWEST)
            + " of the barrier",
            statement="global-minimum",
        )

    def control(self, runs: Runs) -> Runs:
        """Return rates that are Kramers', with the scatter of those measured."""
        made = dict(runs)
        for name, run in runs.items():
            if name.startswith("simulated"):
                ratio = float(name.partition("/")[2].partition("-")[0])
                # Where nothing escaped, rates of nothing are anyone's.
                slower = rates.passage_rate(run).rate / rates.kramers(ratio, self.heat) or 1.0
                made[name] = run.assign(
                    first_passage=run.first_passage * slower,
                    watched_until=run.watched_until * slower,
                )
        flat = self.heat * rates.FLATTER
        kramers = rates.FLATTER * rates.kramers(rates.SHARED_RATIO, flat)
        slower = rates.passage_rate(runs["flatter"]).rate / kramers or 1.0
        made["flatter"] = runs["flatter"].assign(
            first_passage=runs["flatter"].first_passage * slower,
            watched_until=runs["flatter"].watched_until * slower,
        )
        made["lowest"] = runs["lowest"].assign(exact=0 * runs["lowest"].exact + 1)
        made["line"] = runs["line"].assign(weak_exact=runs["line"].weak_kramers)
        made["plane"] = runs["plane"].assign(rate=runs["plane"].kramers)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Rates against the barrier, maps of validity, and limits of weak noise in the plane."""
        from soret.claims.escape._escape_rate_figure import Simulated, escape_rate_figure

        points = []
        for name, run in runs.items():
            if name.startswith("simulated"):
                ratio, n = name.partition("/")[2].split("-")
                found = rates.passage_rate(run)
                if found.passed >= rates.FEWEST_PASSAGES:
                    points.append(
                        Simulated(float(ratio), self.heat, int(n), found.rate, found.interval)
                    )
        return {
            "escape-rate": escape_rate_figure(
                runs["line"],
                runs["plane"],
                points,
                results,
                formula=rates.formula,
                kramers=rates.kramers,
            )
        }

    def _judge_power(self, runs: Runs) -> Result:
        """Test the power of Lˢ/L* in what was simulated in one dimension."""
        predicted, rival = -(1 / self.heat + 0.5), self._rival_slope()
        slope, interval = rates.passage_power(
            np.array(self.ratios), [runs[f"simulated/{ratio:g}-1"] for ratio in self.ratios]
        )
        return _measured(
            f"power of Lˢ/L* in SGD's rate at ηh_e/B = {self.heat:g} (1-D)",
            slope,
            interval,
            predicted=predicted,
            rival=round(rival, 4),
            within=near(predicted, EXPONENT_TOLERANCE * abs(rival - predicted)),
            note="by weighted least squares over "
            + ", ".join(f"Lˢ = {ratio:g} L*" for ratio in self.ratios),
            statement="power",
        )

    def _judge_rate(self, runs: Runs, n: int) -> Result:
        """Test the rate in n dimensions."""
        found = rates.passage_rate(runs[f"simulated/{rates.SHARED_RATIO:g}-{n}"])
        formula = rates.formula(rates.SHARED_RATIO, self.heat, n)
        low, high = found.interval
        return _measured(
            f"SGD's rate over Eq. 15 at ηh_e/B = {self.heat:g}, Lˢ = 2 L* (n = {n})",
            found.rate / formula,
            (low / formula, high / formula),
            predicted=1.0,
            rival=round(rates.kramers(rates.SHARED_RATIO, self.heat) / formula, 4),
            within=near(1.0, RATIO_TOLERANCE),
            note=f"{found.passed} passages",
            statement="rate",
        )

    def _rival_slope(self) -> float:
        """Return Kramers' power between the lowest and the highest barrier."""
        low, high = min(self.ratios), max(self.ratios)
        gain = rates.kramers(high, self.heat) / rates.kramers(low, self.heat)
        return float(np.log(gain) / np.log(high / low))


def _measured(
    quantity: str, measured: float, interval: tuple[float, float], *, note: str, **told: Any
) -> Result:
    """Judge what has an interval; what has none, for too few escaped, is not measured."""
    if np.isfinite(interval).all():
        return judged(quantity, measured, interval, note=note, **told)
    why = f"{note}; fewer than {rates.FEWEST_PASSAGES} replicas escaped: raise steps or replicas"
    return unmeasured(quantity, why, **told)


def _place() -> Any:
    """Return an observable: where a replica is along the path."""

    @soret.observables.label("x")
    def place(problem: Any, state: Any) -> Any:
        return state.params[0]

    return place
