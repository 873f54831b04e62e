"""The squared displacement grows as a power of the steps that is not 1, and is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.counts import check_divides, check_multiple
from soret.claims.judging import judged, near
from soret.claims.limiting_dynamics import _regressions as r
from soret.claims.ranges import COUNT, MOMENTUM, NOT_NEGATIVE, POSITIVE, In, Several
from soret.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# The prediction is tested as a number: an eighth of the way from Brownian motion to standing still.
TOLERANCE = 0.06
# Of measured exponents against predicted ones: 1, where 0 means one exponent for all.
_SLOPE = 0.1
_LAGS = 12
_SCANNED = "long power-law"
_SEED = 0xB0


@claim(
    "limiting-dynamics/anomalous-diffusion",
    statement="Long after convergence E|θ_{j+k} − θ_j|² grows as a power of k with an exponent "
    "other than 1, which follows from the Hessian's spectrum and from η, S, β and λ.",
    source=Source("limiting-dynamics", "anomalous diffusion; abstract"),
    quick={"steps": 4000, "replicas": 32, "others": ("digits",)},
    resolution=["steps"],
    statements=[
        Statement(
            name="anomalous",
            text="Long after convergence the distance travelled grows as a power of the number of "
            "updates with a nontrivial exponent.",
            where="abstract",
            origin="printed",
            tolerance="0.06, an eighth of the way from Brownian motion to standing still.",
            holds="diffusion is anomalous ({held} of {count} cases)",
            fails="diffusion is not always anomalous: {quantity} is {measured} ({low} to {high})",
            unclear="whether diffusion is always anomalous is undecided: {quantity} is {low} to "
            "{high}",
            at="other",
            differs="linear regression in place of a trained network",
        ),
        Statement(
            name="spectrum",
            text="The exponent is that of 2Σ Var θ_i(1 − R_i), the damped oscillators of the "
            "Hessian's eigenvalues with noise σ²H.",
            where="anomalous diffusion",
            origin="restored",
            tolerance="0.06, an eighth of the way from Brownian motion to standing still.",
            holds="the exponents follow from the Hessian's spectrum ({measured} where {predicted} "
            "is predicted, furthest off)",
            fails="the exponents do not all follow from the Hessian's spectrum: {measured} ({low} "
            "to {high}) where {predicted} is predicted",
            unclear="whether the exponents follow from the Hessian's spectrum is undecided: "
            "{low} to {high} where {predicted} is predicted",
        ),
        Statement(
            name="interplay",
            text="The interplay of η, S, β and λ with the Hessian's spectrum explains the "
            "exponent.",
            where="abstract",
            origin="printed",
            tolerance="10 % of the slope of measured against predicted exponents: 1 if the "
            "prediction moves as they do, 0 if one exponent serves for all.",
            holds="over η, S, β and λ the exponents move as predicted (slope {measured})",
            fails="over η, S, β and λ the exponents do not move as predicted (slope {measured}, "
            "{low} to "
            "{high})",
            unclear="whether the exponents move as predicted over η, S, β and λ is undecided "
            "(slope {low} "
            "to {high})",
            regardless=["others"],
        ),
    ],
)
class AnomalousDiffusion:
    """Linear regression on data with a power-law spectrum, and others; settings are ours.

    From stationarity, the squared displacement is 2Σ Var θ_i(1 − R_i(k)), R_i the
    autocorrelation of mode i. Exponents are fitted on the lags from `shortest` to `longest`, with
    intervals from whole replicas, and tested twice: whether they differ from 1, and whether they
    are those of the formula, fitted on the same lags. A scan changes one of η, S, β and λ at a
    time; over its points, measured exponents are compared with predicted ones as a whole. Noise of
    covariance σ²H makes positions isotropic, so that every mode whose relaxation the lag has
    reached adds the same: for eigenvalues i^−a the exponent is near 1/a, and near 0 beyond the
    softest. λ confines soft modes earlier, and bends the curve down.
    """

    learning_rates: Annotated[
        tuple[float, ...], "η; the first is the scans' own", Several(POSITIVE)
    ] = (
        0.1,
        0.05,
        0.2,
    )
    batch_sizes: Annotated[tuple[int, ...], "S; the first is the scans' own", Several(COUNT)] = (
        32,
        8,
    )
    momenta: Annotated[tuple[float, ...], "β; the first is the scans' own", Several(MOMENTUM)] = (
        0.9,
        0.6,
    )
    weight_decays: Annotated[
        tuple[float, ...], "λ; the first is the scans' own", Several(NOT_NEGATIVE)
    ] = (1e-4, 0.02)
    others: Annotated[
        tuple[Literal["gaussian", "power-law", "digits"], ...],
        "other data, at the first values",
        Several(),
    ] = ("gaussian", "digits")
    shortest: Annotated[int, "smallest lag of the fits", COUNT] = 30
    longest: Annotated[int, "largest lag of the fits", COUNT] = 300
    every: Annotated[int, "steps between records", COUNT] = 10
    burn_in: Annotated[int, "steps before the first displacement", NOT_NEGATIVE] = 2000
    steps: Annotated[int, "steps", COUNT] = 20_000
    replicas: Annotated[int, "replicas", In(at_least=8, why="an interval over replicas")] = 128

    def check(self) -> None:
        """Refuse lags that do not fit between records, or into the steps."""
        check_divides("every", self.every, "steps", self.steps)
        if self.longest * 4 > self.steps - self.burn_in:
            raise SettingsError(
                f"four times longest must fit into steps less burn_in, got longest={self.longest}, "
                f"steps={self.steps} and burn_in={self.burn_in}."
            )
        if self.shortest < 3 * self.every or self.longest < 4 * self.shortest:
            raise SettingsError(
                f"shortest must be at least 3 every and longest at least 4 shortest, got "
                f"every={self.every}, shortest={self.shortest} and longest={self.longest}."
            )
        for name in ("shortest", "longest", "burn_in"):
            if getattr(self, name) % self.every:
                check_multiple(name, getattr(self, name), self.every)

    def experiments(self) -> Experiments:
        """Scan one hyperparameter after the other."""
        made = {}
        base = self._base()
        for name, values in self._scans().items():
            point = {**base, name: list(values)}
            made[name] = self._run(_SCANNED, point)
        for kind in self.others:
            made[kind] = self._run(kind, base)
        return made

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the closed form's exponent. Rival: 1, Brownian motion."""
        results, scanned = [], []
        for name, kind, point, moved in self._curves(runs):
            found = soret.inference.diffusion_exponent(self._lags(), moved)
            low, high = found.interval
            closed, exact = self._theories(kind, point)
            predicted, own = (
                r.weighted_slope(self._lags(), curve, moved) for curve in (closed, exact)
            )
            if kind == _SCANNED:
                scanned.append((predicted, found.slope, (high - low) / 2))
            results += [
                judged(
                    f"exponent of the squared displacement ({name})",
                    found.slope,
                    found.interval,
                    predicted=round(predicted, 4),
                    rival=1.0,
                    within=near(predicted, TOLERANCE),
                    note=f"lags {self.shortest} to {self.longest}; exact recursion {own:.3f}",
                    statement="spectrum",
                ),
                judged(
                    f"exponent less 1 ({name})",
                    found.slope - 1,
                    (low - 1, high - 1),
                    predicted=f"further from 0 than {TOLERANCE:g}",
                    rival=0.0,
                    outside=near(0.0, TOLERANCE),
                    statement="anomalous",
                ),
            ]
        return results + ([_follows(np.array(scanned))] if len(scanned) > 1 else [])

    def control(self, runs: Runs) -> Runs:
        """Return Brownian motion in as many dimensions."""
        random = np.random.default_rng(_SEED)
        made = {}
        for name, run in runs.items():
            axis = run.position.get_axis_num("step")
            steps = random.standard_normal(run.position.shape, np.float32)
            made[name] = run.assign(position=run.position.copy(data=steps.cumsum(axis)))
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Displacement, local exponent, and exponents against prediction."""
        from soret.claims.limiting_dynamics._anomalous_diffusion_figure import (
            DiffusionCurve,
            diffusion_figure,
        )

        curves = []
        for name, kind, point, moved in self._curves(runs, self._drawn_lags()):
            closed, exact = self._theories(kind, point, self._drawn_lags())
            curves.append(
                DiffusionCurve(
                    name,
                    self._drawn_lags().astype(float),
                    moved,
                    {"closed form": closed, "exact recursion": exact},
                )
            )
        figure = diffusion_figure(
            curves,
            results[: 2 * len(curves) : 2],
            within=(self.shortest, self.longest),
            title="Is diffusion anomalous, and does its exponent follow the prediction?",
        )
        return {"diffusion": figure}

    def _run(self, kind: str, point: dict[str, Any]) -> soret.Experiment:
        theory = r.exact(kind, *self._base().values())
        centre = theory.vectors @ theory.frozen.centre
        return soret.Experiment(
            problem=r.problem_of(kind, start=centre),
            algorithm=soret.SGD(*point.values()),
            observe=soret.observables.position_along(theory.vectors.T, centre),
            steps=self.steps,
            record_every=self.every,
            replicas=self.replicas,
        )

    def _scans(self) -> dict[str, tuple[Any, ...]]:
        return {
            "learning_rate": self.learning_rates,
            "batch_size": self.batch_sizes,
            "momentum": self.momenta,
            "weight_decay": self.weight_decays,
        }

    def _base(self) -> dict[str, Any]:
        return {name: values[0] for name, values in self._scans().items()}

    def _lags(self) -> NDArray[np.int64]:
        """Lags of the fits, in steps."""
        ends = self.shortest / self.every, self.longest / self.every
        return np.unique(np.round(np.geomspace(*ends, _LAGS)).astype(int)) * self.every

    def _drawn_lags(self) -> NDArray[np.int64]:
        most = (self.steps - self.burn_in) // self.every // 3
        return np.unique(np.round(np.geomspace(1, most, 24)).astype(int)) * self.every

    def _curves(
        self, runs: Runs, lags: Any = None
    ) -> list[tuple[str, str, tuple[Any, ...], Floats]]:
        """Name, data, point and displacements (R, L) of every curve; the scans' own once."""
        symbols = {"learning_rate": "η", "batch_size": "S", "momentum": "β", "weight_decay": "λ"}
        at = (self._lags() if lags is None else lags) // self.every
        found = []
        for name, run in runs.items():
            values: tuple[Any, ...] = self._scans().get(name, (None,))
            for number, value in enumerate(values):
                if name in symbols and number == 0 and name != "learning_rate":
                    continue
                point = {**self._base(), name: value} if name in symbols else self._base()
                here = run.sel({name: value}) if name in symbols else run
                x = here.position.transpose("replica", "step", ...).values.astype(float, order="C")
                moved = soret.inference.squared_displacement(
                    x, at, start=self.burn_in // self.every
                )
                kind = _SCANNED if name in symbols else name
                told = f"{symbols[name]} = {value:g}" if name in symbols else name
                if name == "learning_rate" and number == 0:
                    told = f"power law, {told}"
                found.append((told, kind, tuple(point.values()), moved))
        return found

    def _theories(
        self, kind: str, point: tuple[Any, ...], lags: Any = None
    ) -> tuple[Floats, Floats]:
        """Squared displacements by closed form and by the exact recursion."""
        theory = r.exact(kind, *point)
        at = self._lags() if lags is None else lags
        phase = soret.theory.phase_space
        return (
            phase.Continuous(r.paper(theory)).displacement(at),
            phase.Discrete(theory.modes).displacement(at),
        )


def _follows(found: Floats) -> Result:
    """Judge whether exponents follow the predicted ones; (points, 3): predicted, measured, error.

    The slope of a straight line through them, weighed by their 95 % half-widths; points of a scan
    are independent.
    """
    predicted, measured, half = found.T
    weights = half**-2 / (half**-2).sum()
    x = predicted - weights @ predicted
    slope = float((weights * x) @ measured / ((weights * x) @ x))
    reach = float(np.sqrt(((weights * x * half) ** 2).sum()) / ((weights * x) @ x))
    interval = slope - reach, slope + reach
    return judged(
        "slope of measured against predicted exponents, over η, S, β and λ",
        slope,
        interval,
        predicted=1.0,
        rival=0.0,
        within=near(1.0, _SLOPE),
        note=f"{len(found)} points, exponents from {predicted.min():.2f} to {predicted.max():.2f}",
        statement="interplay",
    )
