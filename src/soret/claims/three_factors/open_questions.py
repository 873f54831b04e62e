"""The questions of the slides: momentum, natural gradient, real noise, equilibrium or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.counts import check_multiple
from soret.claims.judging import judge_number, judge_power
from soret.claims.ranges import COUNT, MOMENTUM, REPLICAS, In, Several
from soret.claims.settings import show
from soret.claims.three_factors import _linear as linear
from soret.claims.three_factors import _net as net
from soret.claims.three_factors import _odds as odds
from soret.claims.three_factors._surfaces import (
    HEAT,
    POWER_WHY,
    RATE,
    RATIO_WHY,
    boltzmann_odds,
    effective_temperature,
    problem_of,
    settled,
    well_of,
)
from soret.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RECORDS = 100
_RATES = Several(
    In(above=0, below=0.66, why="SGD to be stable at a curvature of 3"),
    fewest=2,
    why="a power of it",
)
_WHERE = "not in the slides, which ask (“Questions”) and do not answer"
_NOISES = np.array([1.0, 4.0])
"""Variances of the gradient along and across the funnel, in units of the first."""


@claim(
    "three-factors/open-questions",
    statement="Momentum raises the temperature to ησ²/(2S(1 − β)); the natural gradient restores "
    "Boltzmann's law where noise is anisotropic; a real net's C makes its law nothing like "
    "Boltzmann's; and SGD is then not in equilibrium: it produces entropy, at a rate without S.",
    source=Source("three-factors", "slides “Questions”: asked there, answered by theory and here"),
    quick={
        "replicas": 1024,
        "funnel_replicas": 4096,
        "steps": 6000,
        "paths": 4096,
        "net_replicas": 64,
        "net_steps": 12_000,
    },
    resolution=["steps", "paths", "net_steps"],
    statements=[
        Statement(
            name="momentum",
            text="Momentum β raises the temperature to ησ²/(2S(1 − β)).",
            where=_WHERE,
            origin="ours",
            tolerance=f"{POWER_WHY}; the rival is a temperature that momentum leaves alone.",
            holds="momentum heats as (1 − β)^{measured}",
            fails="momentum heats as (1 − β)^{measured} ({low} to {high}), not as 1/(1 − β)",
            unclear="how momentum heats is undecided ((1 − β) to the power {low} to {high})",
        ),
        Statement(
            name="anisotropic-noise",
            text="Under noise four times as strong across as along, the odds of two wells are "
            "those of the Fokker–Planck equation and not Boltzmann's.",
            where=_WHERE,
            origin="ours",
            tolerance=odds.ODDS_WHY,
            holds="anisotropic noise changes odds as the Fokker–Planck equation says ({measured} "
            "of it)",
            fails="under anisotropic noise odds are {measured} ({low} to {high}) of the "
            "Fokker–Planck equation's",
            unclear="whether anisotropic noise changes odds as the Fokker–Planck equation says is "
            "undecided ({low} to {high} of it)",
        ),
        Statement(
            name="natural-gradient",
            text="Under such noise the natural gradient P = σ²C⁻¹ restores the odds of the "
            "Boltzmann distribution.",
            where=_WHERE,
            origin="ours",
            tolerance=odds.ODDS_WHY,
            holds="the natural gradient restores the Boltzmann distribution's odds ({measured} of "
            "them)",
            fails="with the natural gradient odds are {measured} ({low} to {high}) of the "
            "Boltzmann distribution's",
            unclear="whether the natural gradient restores the Boltzmann distribution's odds is "
            "undecided ({low} to {high} of them)",
        ),
        Statement(
            name="real-noise",
            text="About the minimum of a small trained net, SGD's distribution is that of the "
            "net's own H and C, whose variances are nothing like the Boltzmann distribution's.",
            where=_WHERE,
            origin="ours",
            tolerance=f"of the total variance {RATIO_WHY}; of the power of the curvature "
            f"{POWER_WHY}.",
            holds="about a net's minimum SGD follows the net's own H and C and not Boltzmann's "
            "distribution ({quantity}: {measured}, not {rival})",
            fails="about a net's minimum SGD does not follow the net's own H and C: {quantity} is "
            "{measured} ({low} to {high}), not {predicted}",
            unclear="whether SGD about a net's minimum follows the net's own H and C is undecided "
            "({quantity}: {low} to {high}, predicted {predicted})",
        ),
        Statement(
            name="equilibrium",
            text="Under isotropic noise the stationary state is an equilibrium: it produces no "
            "entropy.",
            where=_WHERE,
            origin="ours",
            tolerance="a tenth of what oblique noise of the same size produces.",
            holds="isotropic noise produces no entropy",
            fails="isotropic noise produces {measured} ({low} to {high}) nats per unit of t",
            unclear="whether isotropic noise produces entropy is undecided ({low} to {high} nats "
            "per unit of t)",
        ),
        Statement(
            name="entropy",
            text="Under oblique noise the stationary state is no equilibrium: it produces entropy "
            "at the rate of the closed form.",
            where=_WHERE,
            origin="ours",
            tolerance=f"{RATIO_WHY}.",
            holds="oblique noise produces entropy at the closed form's rate ({measured} of it "
            "where furthest off)",
            fails="oblique noise produces {measured} ({low} to {high}) of the closed form's "
            "entropy",
            unclear="whether oblique noise produces the closed form's entropy is undecided ({low} "
            "to {high} of it)",
        ),
        Statement(
            name="no-batch-size",
            text="The rate at which entropy is produced does not depend on S.",
            where=_WHERE,
            origin="ours",
            tolerance=f"{RATIO_WHY}; the rival is a rate that falls as 1/S.",
            holds="the production of entropy does not depend on the batch size ({measured} of it "
            "at the larger)",
            fails="at the larger batch size entropy is produced at {measured} ({low} to {high}) of "
            "the rate at the smaller",
            unclear="whether the batch size changes the production of entropy is undecided ({low} "
            "to {high} of it)",
        ),
    ],
)
class OpenQuestions:
    """Each of the four questions with a number; what is predicted is ours, the slides only ask.

    Momentum: the temperature of SGD on a double well over β, a power of 1 − β; the rival is that
    momentum leaves the temperature alone. Natural gradient: the odds of the funnel's wells under
    noise that is four times as strong across, plain and with P = σ²C⁻¹; the rivals are each other's
    laws. Realistic noise: the law about the minimum of a small trained net, by its own H and C
    (`soret.landscape`) and the discrete Lyapunov equation, against SGD on that net; the rival is
    Boltzmann's law for the mean variance. Equilibrium: entropy production on a quadratic surface,
    from pairs of successive points, under isotropic and oblique noise; the rival is equilibrium, or
    a rate that falls with the noise as 1/S.

    S = 160 about the net's minimum was chosen after S = 40 had been seen.
    """

    learning_rate: Annotated[float, "η on the wells", RATE] = 0.01
    momenta: Annotated[
        tuple[float, ...], "β; the first is 0", Several(MOMENTUM, fewest=2, why="a power of 1 − β")
    ] = (0.0, 0.5, 0.8)
    heat: Annotated[float, "T without momentum, beside a barrier of 1", HEAT] = 0.06
    funnel_heat: Annotated[float, "T along the funnel's path", HEAT] = 0.4
    steps: Annotated[int, "updates on the wells; the second half counts", COUNT] = 20_000
    replicas: Annotated[int, "replicas on the double well", REPLICAS] = 8192
    funnel_replicas: Annotated[int, "replicas on the funnel", REPLICAS] = 8192
    net_rate: Annotated[float, "η of SGD about the net's minimum", In(above=0, at_most=10)] = 0.2
    net_batch: Annotated[int, "S there, large: the law is linear, for weak noise", COUNT] = 160
    net_steps: Annotated[int, "updates there; the second half counts", COUNT] = 40_000
    net_replicas: Annotated[int, "replicas there", REPLICAS] = 512
    rates: Annotated[tuple[float, ...], "η where entropy is measured", _RATES] = (0.2, 0.1)
    batches: Annotated[
        tuple[int, ...], "S where entropy is measured", Several(COUNT, fewest=2, most=2)
    ] = (1, 4)
    paths: Annotated[
        int,
        "replicas there, of 100 steps that count",
        In(at_least=50, why="the entropy of groups of paths"),
    ] = 65_536

    def check(self) -> None:
        """Refuse momenta that do not begin with 0, and steps that are not recorded evenly."""
        if self.momenta[0] != 0:
            raise SettingsError(f"momenta must begin with 0, got {show(self.momenta)}.")
        check_multiple("steps", self.steps, _RECORDS)
        check_multiple("net_steps", self.net_steps, _RECORDS)

    def experiments(self) -> Experiments:
        """Run SGD on wells, on a net and on a quadratic surface."""
        made: dict[str, Any] = {}
        every = self.steps // _RECORDS
        double, funnel = well_of("double"), well_of("funnel")
        made["momentum"] = soret.Experiment(
            problem=problem_of(double, 2 * self.heat / self.learning_rate),
            algorithm=soret.SGD(self.learning_rate, momentum=self.momenta),
            observe=soret.observables.parameters,
            steps=self.steps,
            replicas=self.replicas,
            record_every=every,
        )
        problem = problem_of(
            funnel,
            2 * self.funnel_heat / self.learning_rate,
            noise="anisotropic",
            matrix=np.diag(_NOISES),
        )
        for name, scale in (("plain", np.ones(2)), ("natural", 1 / _NOISES)):
            made[name] = soret.Experiment(
                problem=problem,
                algorithm=soret.Optax(
                    linear.scaled(scale), learning_rate=self.learning_rate, batch_size=1
                ),
                observe=soret.observables.parameters,
                steps=self.steps,
                replicas=self.funnel_replicas,
                record_every=every,
            )
        made |= net.around_the_minimum(
            self.net_rate, self.net_batch, self.net_steps, self.net_replicas
        )
        for name, matrix in (("isotropic", np.eye(2)), ("oblique", linear.OBLIQUE)):
            made[name] = soret.Experiment(
                problem=soret.problems.surface(
                    linear.quadratic(),
                    start=np.zeros(2),
                    noise="anisotropic",
                    matrix=matrix,
                    name=name,
                ),
                algorithm=soret.SGD(
                    self.rates, self.batches if name == "oblique" else self.batches[0]
                ),
                observe=soret.observables.parameters,
                # The slowest rate is η: 100 steps are ten relaxations at 0.1.
                steps=200,
                replicas=self.paths,
                record_every=1,
            )
        return made

    def saved(self, runs: Runs) -> Runs:
        """Return the net's minimum and what SGD did about it as one."""
        about = net.together(runs["net/minimum"], runs["net"])
        return {name: runs[name] for name in runs if name != "net/minimum"} | {"net": about}

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: T ∝ 1/(1 − β), both laws' odds, the net's own law, entropies."""
        left = 1 - np.array(self.momenta)
        results = [
            judge_power(
                "power of 1 − β in the temperature (momentum)",
                left,
                self._heats(runs),
                predicted=-1.0,
                rival=0.0,
                statement="momentum",
            ),
            *(self._judge_odds(runs, name) for name in ("plain", "natural")),
        ]
        curvature, own, boltzmann = net.laws(runs["net"], self.net_rate, self.net_batch)
        moment = runs["net"].moment.values
        hot = curvature * own
        results.append(
            judge_number(
                "tr Cov θ of SGD over that of the net's own H and C (real net)",
                moment.sum(1) / own.sum(),
                predicted=1.0,
                rival=round(float(boltzmann.sum() / own.sum()), 4),
                note=f"temperatures of the Hessian's directions differ by a factor "
                f"{hot.max() / hot.min():.3g}; entropy production {self._net_entropy(runs):.3g} "
                "nats per unit of t = ηk",
                statement="real-noise",
            )
        )
        slopes = np.polyfit(np.log(curvature), np.log(_groups(moment)).T, 1)[0]
        expected = float(np.polyfit(np.log(curvature), np.log(own), 1)[0])
        results.append(
            judge_number(
                "power of the curvature in the variance along it (real net)",
                slopes,
                predicted=round(expected, 4),
                rival=-1.0,
                tolerance=0.25 * abs(expected + 1),
                statement="real-noise",
            )
        )
        rate, batch = self.rates[0], self.batches[0]
        exact = linear.recursion(rate).entropy_production / rate
        results.append(
            judge_number(
                f"entropy production, isotropic noise, per unit of t (η = {rate:g})",
                self._entropies(runs, "isotropic", rate, batch) / rate,
                predicted=0.0,
                rival=round(exact, 4),
                tolerance=0.1 * exact,
                statement="equilibrium",
            )
        )
        for eta in self.rates:
            results.append(
                judge_number(
                    f"entropy production over the closed form, oblique noise (η = {eta:g})",
                    self._entropies(runs, "oblique", eta, batch)
                    / linear.recursion(eta).entropy_production,
                    predicted=1.0,
                    rival=0.0,
                    note=f"closed form {linear.recursion(eta).entropy_production / eta:.4g} "
                    "nats per unit of t = ηk",
                    statement="entropy",
                )
            )
        few, many = (self._entropies(runs, "oblique", rate, size) for size in self.batches)
        results.append(
            judge_number(
                f"entropy production at S = {self.batches[1]} over that at {self.batches[0]}",
                many / few.mean(),
                predicted=1.0,
                rival=round(self.batches[0] / self.batches[1], 4),
                statement="no-batch-size",
            )
        )
        return results

    def control(self, runs: Runs) -> Runs:
        """Return data without momentum's heat, laws exchanged, Boltzmann's net, time undirected."""
        made = dict(runs)
        theta = runs["momentum"].parameters
        cold = theta.sel(momentum=0.0) + 0 * theta
        made["momentum"] = runs["momentum"].assign(parameters=cold.transpose(*theta.dims))
        made["plain"], made["natural"] = runs["natural"], runs["plain"]
        _, own, boltzmann = net.laws(runs["net"], self.net_rate, self.net_batch)
        made["net"] = runs["net"].assign(moment=runs["net"].moment * (boltzmann / own))
        # Half of the paths run backwards: in equilibrium nothing would tell.
        paths = runs["oblique"].parameters
        backwards = paths.isel(step=slice(None, None, -1)).assign_coords(step=paths.step)
        even = paths.replica % 2 == 0
        # What grows as the noise does.
        made["oblique"] = runs["oblique"].assign(
            parameters=backwards.where(even, paths).transpose(*paths.dims)
        )
        turning = paths.isel(batch_size=0, drop=True)
        made["isotropic"] = runs["isotropic"].assign(parameters=turning)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """A panel for every question."""
        from soret.claims.three_factors._open_questions_figure import Questions, questions_figure

        curvature, own, boltzmann = net.laws(runs["net"], self.net_rate, self.net_batch)
        every = np.geomspace(0.01, 0.6, 25)
        lines = {
            beta: [linear.positions_entropy(eta, beta) / eta for eta in every]
            for beta in (0.0, 0.5, 0.9)
        }
        points = {
            (name, int(size)): [
                (eta, self._entropies(runs, name, eta, size) / eta) for eta in self.rates
            ]
            for name, sizes in (("isotropic", self.batches[:1]), ("oblique", self.batches))
            for size in sizes
        }
        data = Questions(
            np.array(self.momenta),
            self._heats(runs) / self.heat,
            {
                name: (*odds.log_odds_of(self._share(runs, name)), self._laws(name))
                for name in _ODDS
            },
            curvature,
            own,
            boltzmann,
            runs["net"].moment.values,
            every,
            lines,
            points,
            self._net_entropy(runs),
        )
        return {"open-questions": questions_figure(data, results)}

    def _heats(self, runs: Runs) -> Floats:
        """Return temperatures, (β, replica)."""
        well, found = well_of("double"), []
        for beta in self.momenta:
            run = runs["momentum"].sel(momentum=beta)
            losses = well.potential(settled(run.transpose("replica", "step", ...)))
            found.append(effective_temperature(well, losses.mean(1), self.heat / (1 - beta)))
        return np.stack(found)

    def _laws(self, name: str) -> float:
        """Return ln(p_A/p_B) by the Fokker–Planck equation, plain, or by Boltzmann's law."""
        well = well_of("funnel")
        if name == "natural":
            return float(np.log(boltzmann_odds(well, self.funnel_heat)))
        across = self.funnel_heat * _NOISES[1] / _NOISES[0]
        return odds.log_odds(well, self.funnel_heat, float(across), 80)

    def _share(self, runs: Runs, name: str) -> Floats:
        """Return the share of its time that each replica is in the left well of the funnel."""
        return (settled(runs[name].transpose("replica", "step", ...))[..., 0] < 0).mean(1)

    def _judge_odds(self, runs: Runs, name: str) -> Result:
        share = self._share(runs, name)
        law, rival = self._laws(name), self._laws(_ODDS[1 - _ODDS.index(name)])
        return odds.judge_odds(
            f"odds of the funnel's wells over their law's ({name} gradient)",
            share[:, None],
            np.array([law]),
            rival=round(float(np.exp(rival - law)), 4),
            note=f"odds {np.exp(odds.log_odds_of(share)[0]):.2f}; the law is "
            + ("Boltzmann's" if name == "natural" else "that of the Fokker–Planck equation"),
            statement="natural-gradient" if name == "natural" else "anisotropic-noise",
        )

    def _entropies(self, runs: Runs, name: str, eta: float, batch: int) -> Floats:
        """Return jackknife pseudo-values of the entropy made per step."""
        run = runs[name].sel(learning_rate=eta)
        if "batch_size" in run.dims:
            run = run.sel(batch_size=batch)
        theta = run.parameters.transpose("replica", "step", ...).isel(step=slice(100, None))
        return soret.inference.pair_entropy(theta.values)

    def _net_entropy(self, runs: Runs) -> float:
        found = runs["net"]
        sde = soret.theory.equilibrium.sgd_sde(
            found.hessian.values, found.covariance.values, self.net_rate, self.net_batch
        )
        return float(sde.entropy_production)


_ODDS = ("plain", "natural")


def _groups(moment: Floats) -> Floats:
    """Return means of at most 16 groups of replicas, whose logarithms are steady."""
    return np.array([part.mean(0) for part in np.array_split(moment, min(16, len(moment)))])
