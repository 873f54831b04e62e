"""The stationary density of linear regression is a power of the loss."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Measurement, Result, Runs, Source, Verdict, claim
from soret.claims.escape import _stationary as stationary
from soret.claims.escape._stationary import THEORIES
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, LARGEST_COUNT, POSITIVE, In, Several
from soret.errors import OutsideDomain, SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A theory of weak noise: a tenth of the exponent is what this paper's claims are held to. Chosen
# before any run.
TOLERANCE = 0.1
# How often the right density would be refused by the test of a histogram.
FALSE_ALARM = 1e-3
# Records are taken from here on: fifty relaxation times 1/(ηh) at η = 0.05.
_BURN = 1000
_EVERY = 100


@claim(
    "escape/stationary-tail",
    statement="In linear regression with one parameter the stationary density is a power of the "
    "loss, P(θ) ∝ L^−φ with φ = 1 + B/(ηh).",
    source=Source("escape", "Fig. 3a, Sec. 5.3.1, Eq. 17"),
    quick={"batch_sizes": (1, 2), "replicas": 128, "records": 200, "reference_records": 8000},
)
class StationaryTail:
    """SGD at one parameter, θ taken every 100 steps, and φ by the likelihood of Eq. 17.

    x and y are N independent standard Gaussian numbers; L* and h are those of the data. η, B and
    numbers of steps are ours: the copy of the paper at hand has lost them. φ is fitted to the
    whole histogram, and again to its outer part alone, where L is beyond the quantile that
    Eq. 17 puts there. It is supported only if the power is also more likely than the rival,
    P ∝ exp(−βL).

    Three theories are told apart at one setting, η = 0.1 and B = 1, with a fresh example at every
    step, N → ∞: Eq. 17, Gaussian noise of the exact covariance, and the exact recursion, neither
    Gaussian nor in continuous time. Each says what exponents the body and the tail of the
    histogram, fitted apart, must have, its kurtosis, and what the histogram must be. The
    recursion's own power, (1 + α)/2 by Kesten, begins only beyond |z| = 2√(2L*/h), where one
    sample in 10⁸ lies. Eq. 17 is contradicted: up to 2L* the density is nearly Gaussian in θ, as
    the recursion says, for higher cumulants of a step undo what its variance's growth with L does.
    """

    learning_rates: Annotated[tuple[float, ...], "learning rates η", Several(POSITIVE)] = (
        0.2,
        0.1,
        0.05,
    )
    batch_sizes: Annotated[tuple[int, ...], "batch sizes B", Several(COUNT)] = (1, 2, 4)
    examples: Annotated[int, "examples N", In(at_least=2)] = 100_000
    tail: Annotated[float, "the share of Eq. 17 that counts as tail", In(above=0, below=0.5)] = 0.01
    reference_rate: Annotated[float, "η at which the three theories are told apart", POSITIVE] = 0.1
    reference_batch: Annotated[int, "B at which they are", COUNT] = 1
    replicas: Annotated[
        int, "chains for each setting", In(at_least=100, why="a test of a histogram")
    ] = 256
    records: Annotated[
        int,
        "records of a chain, a hundred steps apart",
        In(at_least=20, why="a test of a histogram"),
    ] = 2000
    reference_records: Annotated[
        int, "records of a chain at the reference", In(at_least=20, why="a test of a histogram")
    ] = 40_000

    def experiments(self) -> Experiments:
        """Run SGD on data for every η and B, on fresh examples for one; compute the exact laws."""
        self._check_laws()
        data = soret.problems.linear_regression(1, self.examples)
        fresh = soret.problems.linear_regression(1, None)
        bowl, ideal = stationary.Bowl.of(data), stationary.Bowl.of(fresh)
        point = (self.reference_rate,), (self.reference_batch,)
        common: dict[str, Any] = {
            "observe": soret.observables.parameters,
            "replicas": self.replicas,
            "record_every": _EVERY,
        }
        return {
            "data": soret.Experiment(
                problem=data,
                algorithm=soret.SGD(self.learning_rates, batch_size=self.batch_sizes),
                steps=_BURN + _EVERY * self.records,
                **common,
            ),
            "fresh": soret.Experiment(
                problem=fresh,
                algorithm=soret.SGD(*point[:1], batch_size=point[1]),
                steps=_BURN + _EVERY * self.reference_records,
                **common,
            ),
            "data-laws": Measurement(
                lambda given: stationary.laws(bowl, self.learning_rates, self.batch_sizes)
            ),
            "fresh-laws": Measurement(lambda given: stationary.laws(ideal, *point, cells=480)),
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: φ = 1 + B/(ηh). Rivals: exponential in L; the exact covariance's law."""
        results = []
        for rate, batch in self._points():
            results += self._judge_exponents(runs, "data", rate, batch)
        return results + self._judge_reference(runs)

    def control(self, runs: Runs) -> Runs:
        """Return Gaussian θ of the same spread, as Gibbs would have it: exponential in L."""
        made = dict(runs)
        for seed, name in enumerate(("data", "fresh")):
            bowl = stationary.bowl_of(runs[f"{name}-laws"])
            parts = runs[name].parameters
            spread = parts.where(parts.step > _BURN).std(("replica", "step"))
            noise = np.random.default_rng(seed).standard_normal(parts.shape)
            made[name] = runs[name].assign(
                parameters=bowl.minimum + spread * parts.copy(data=noise)
            )
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """P(θ) against L as in Fig. 3a; local exponents and the three theories; all exponents."""
        from soret.figures.stationary import LocalExponents, StationaryCurve, stationary_figure

        curves = []
        for rate, batch in self._points():
            law, x = runs["data-laws"], self._displacements(runs, "data", rate, batch)
            logs = stationary.log_densities(law, rate, batch)
            curves.append(
                StationaryCurve(rate, batch, x, law.x.values, logs[THEORIES[0]], logs[THEORIES[2]])
            )
        rate, batch = self.reference_rate, self.reference_batch
        law, x = runs["fresh-laws"], self._displacements(runs, "fresh", rate, batch)
        grid = law.x.values
        local = LocalExponents(
            grid,
            stationary.local_exponents(law, rate, batch, float(np.mean(x**2))),
            float((1 + law.kesten.squeeze()) / 2),
            _shell_fits(x),
            self._boundary(runs, "fresh", rate, batch),
            f"η = {rate:g}, B = {batch}",
        )
        tail = next(r for r in results if r.quantity.startswith("exponent φ, tail apart"))
        title = (
            "Stationary density of SGD on linear regression with one parameter\n"
            f"exponent of the tail at η = {rate:g}, B = {batch}: {tail.measured:.1f} "
            f"({tail.interval[0]:.1f} to {tail.interval[1]:.1f}), where Eq. 17 says "
            f"{tail.predicted:g}: {tail.verdict.upper()}"
        )
        return {"stationary": stationary_figure(curves, local, results, title)}

    def _judge_exponents(self, runs: Runs, name: str, rate: float, batch: int) -> list[Result]:
        """Exponents of the whole histogram and of its tail."""
        x = self._displacements(runs, name, rate, batch)
        law, edge = runs[f"{name}-laws"], self._boundary(runs, name, rate, batch)
        grid, logs = law.x.values, stationary.log_densities(runs[f"{name}-laws"], rate, batch)
        predicted = _exponent(law, rate, batch)
        whole = soret.inference.radial_fit(x, 1.0)
        parts = [("whole histogram", whole, (0.0, np.inf))]
        if (x >= edge).sum() >= 100:
            shell = (edge, np.inf)
            parts.append(("tail", soret.inference.radial_fit(x, 1.0, shell=shell), shell))
        results = []
        for part, fit, shell in parts:
            expected = {t: stationary.shell_exponent(grid, log, *shell) for t, log in logs.items()}
            results.append(
                Result(
                    f"exponent φ, {part} (η = {rate:g}, B = {batch})",
                    round(predicted, 4),
                    fit.exponent,
                    fit.interval,
                    round(expected[THEORIES[1]], 3),
                    _verdict(fit.interval, predicted, whole.ratio_z),
                    f"exact recursion {expected[THEORIES[2]]:.2f}; {fit.samples} samples; a power "
                    f"fits with p = {fit.goodness:.2g}, better than an exponential of L by "
                    f"{fit.ratio_z:.1f} errors ({whole.ratio_z:.1f} on the whole)",
                    evidence=expected,
                )
            )
        return results

    def _judge_reference(self, runs: Runs) -> list[Result]:
        """Body and tail apart, kurtosis, and the histogram, against all three theories."""
        from soret.claims.judging import verdict_within

        rate, batch = self.reference_rate, self.reference_batch
        x = self._displacements(runs, "fresh", rate, batch)
        law, edge = runs["fresh-laws"], self._boundary(runs, "fresh", rate, batch)
        grid, logs = law.x.values, stationary.log_densities(law, rate, batch)
        predicted, whole = _exponent(law, rate, batch), soret.inference.radial_fit(x, 1.0)
        results = []
        for part, shell in (("body", (0.0, edge)), ("tail", (edge, np.inf))):
            fit = soret.inference.radial_fit(x, 1.0, shell=shell)
            expected = {t: stationary.shell_exponent(grid, log, *shell) for t, log in logs.items()}
            inside = [t for t, e in expected.items() if fit.interval[0] <= e <= fit.interval[1]]
            results.append(
                Result(
                    f"exponent φ, {part} apart, fresh examples (η = {rate:g}, B = {batch})",
                    round(predicted, 4),
                    fit.exponent,
                    fit.interval,
                    round(expected[THEORIES[1]], 3),
                    _verdict(fit.interval, predicted, whole.ratio_z),
                    "; ".join(f"{t} {e:.3f}" for t, e in expected.items())
                    + f"; in the interval: {', '.join(inside) or 'none'}",
                    evidence=expected,
                )
            )
        found, interval = stationary.kurtosis_interval(x)
        expected = {t: stationary.excess_kurtosis(grid, log) for t, log in logs.items()}
        # Of Student's t with 2φ − 1 degrees.
        excess = 6 / (2 * predicted - 5)
        slack = TOLERANCE * excess
        results.append(
            Result(
                f"excess kurtosis of θ, fresh examples (η = {rate:g}, B = {batch})",
                round(excess, 4),
                found,
                interval,
                0.0,
                verdict_within(interval, excess - slack, excess + slack),
                "; ".join(f"{t} {e:.3f}" for t, e in expected.items()) + "; Gibbs 0",
            )
        )
        edges = stationary.histogram_edges(grid, logs[THEORIES[2]], x.size)
        counted = stationary.counts(x, edges)
        p = {
            t: soret.inference.histogram_p(counted, stationary.probabilities(grid, log, edges))
            for t, log in logs.items()
        }
        for theory in (THEORIES[0], THEORIES[2]):
            results.append(
                Result(
                    f"p of the histogram under {theory} (η = {rate:g}, B = {batch})",
                    f"at least {FALSE_ALARM:g}",
                    p[theory],
                    (p[theory], p[theory]),
                    f"below {FALSE_ALARM:g}",
                    Verdict.SUPPORTED if p[theory] >= FALSE_ALARM else Verdict.CONTRADICTED,
                    f"{edges.size - 1} bins, {x.size} samples, Hotelling's T²; "
                    + "; ".join(f"{t} {v:.2g}" for t, v in p.items()),
                )
            )
        return results

    def _displacements(self, runs: Runs, name: str, rate: float, batch: int) -> Floats:
        bowl = stationary.bowl_of(runs[f"{name}-laws"])
        point = {"learning_rate": rate, "batch_size": batch}
        return stationary.displacements(runs[name], bowl, _BURN, **point)

    def _boundary(self, runs: Runs, name: str, rate: float, batch: int) -> float:
        """Return |z|/s beyond which Eq. 17 puts the share that counts as tail."""
        law = runs[f"{name}-laws"]
        log = stationary.log_densities(law, rate, batch)[THEORIES[0]]
        beyond = stationary.share_beyond(law.x.values, log, law.x.values)
        return float(np.interp(-self.tail, -beyond, law.x.values))

    def _points(self) -> list[tuple[float, int]]:
        return [(rate, batch) for rate in self.learning_rates for batch in self.batch_sizes]

    def check(self) -> None:
        """Refuse data that does not fit into memory, and steps that cannot be counted."""
        refuse_beyond(24 * self.examples, "the examples", examples=self.examples)
        for name in ("records", "reference_records"):
            steps = _BURN + _EVERY * getattr(self, name)
            if steps > LARGEST_COUNT:
                raise SettingsError(
                    f"{name} must be below {(LARGEST_COUNT - _BURN) // _EVERY:,}, for fewer than "
                    f"2³¹ steps, got {getattr(self, name):,}."
                )

    def _check_laws(self) -> None:
        """Refuse where nothing is stationary: the exponents are solved for."""
        for rate, batch in [*self._points(), (self.reference_rate, self.reference_batch)]:
            try:
                soret.theory.escape.kesten_exponent(rate, batch)
            except OutsideDomain as error:
                raise SettingsError(f"nothing is stationary at η = {rate:g}: {error}") from error


def _exponent(law: xr.Dataset, rate: float, batch: int) -> float:
    return 1 + batch / (rate * law.attrs["curvature"])


def _verdict(interval: tuple[float, float], predicted: float, power: float) -> Verdict:
    """Supported within the tolerance if a power is better, by two errors, than an exponential."""
    from soret.claims.judging import verdict_within

    slack = TOLERANCE * predicted
    within = verdict_within(interval, predicted - slack, predicted + slack)
    if within is Verdict.SUPPORTED and power < 2:
        return Verdict.CONTRADICTED if power < -2 else Verdict.INCONCLUSIVE
    return within


def _shell_fits(x: Floats) -> list[Any]:
    """Fit shells of equal width in log(1 + x²), as far out as there are 100 samples."""
    fits = []
    for low, high in itertools.pairwise(np.sqrt(np.expm1(np.linspace(0, 2, 21)))):
        if ((x >= low) & (x < high)).sum() < 100:
            break
        fits.append(soret.inference.radial_fit(x, 1.0, shell=(low, high), bins=4))
    return fits
