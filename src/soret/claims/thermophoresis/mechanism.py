"""What carries the η² law: the noise itself, or the mean gradient that the noise keeps up?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, Verdict, claim
from soret.claims.counts import spacing
from soret.claims.judging import EXPONENT_TOLERANCE, judged, near, verdict_within
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, INITIALIZATIONS, NOT_NEGATIVE, RATES, REPLICAS, Several
from soret.claims.settings import show
from soret.claims.thermophoresis import _drift_parts as parts
from soret.claims.thermophoresis._scans import NAMES, circumstances
from soret.errors import SettingsError

if TYPE_CHECKING:
    import xarray as xr

    from soret.claims.thermophoresis._mechanism_figure import PartsRow

OBSERVABLES = ("activation_rate", "weight_norm")

# To carry a fall is to make up more than half of it. The paper knows no other part.
HALF = 0.5
# The parts leave out terms of order η³ a step, which is η relative to them with a factor of order
# one. Beyond that, parts and total may differ by chance only: once in a thousand checks.
CLOSURE_TOLERANCE = 1.0
CLOSURE_CONFIDENCE = 0.999
# A check that could not tell a quarter of the change from nothing says nothing.
CLOSURE_RESOLUTION = 0.25

# How far a window's edge may lie from a record, in the spacing of records.
_OFF = 0.05

_SHARE = "share of the noise part"
_GRADIENT_PART = "gradient-part"
_WHY_HALF = (
    "a half: to carry a fall is to make up more than half of it, at every learning rate. Nothing "
    "is said where the two parts do not add up to the change that is seen."
)


@claim(
    "thermophoresis/mechanism",
    statement="What lowers the activation rate and the norm of V at order η² is the noise itself, "
    "the second-order part of a step's mean change, and not drift along the mean gradient.",
    source=Source("thermophoresis", "Sec. 3 and 5 (the question is ours)"),
    quick={"replicas": 64, "windows": (1.0, 5.0, 20.0), "records": 80},
    resolution=["fresh_inputs"],
    statements=[
        Statement(
            name="activation-rate",
            text="What lowers the activation rate is the gradient noise itself, and not drift "
            "along the mean gradient.",
            where="Sec. 3 and 5, Eq. 27 and 28",
            origin="printed",
            tolerance=_WHY_HALF,
            holds="the noise itself carries the fall of the activation rate in all {count} windows",
            fails="the noise itself does not carry the fall of the activation rate in {failed} of "
            "{count} windows (its share is {measured}, {low} to {high}, in the first)",
            unclear="what carries the fall of the activation rate is undecided (share of the noise "
            "{low} to {high})",
        ),
        Statement(
            name="weight-norm",
            text="What lowers the norm of V is the gradient noise itself, and not drift along the "
            "mean gradient.",
            where="Sec. 3 and 5, Eq. 27 and 28",
            origin="printed",
            tolerance=_WHY_HALF,
            holds="the noise itself carries the fall of ‖V‖ in all {count} windows",
            fails="the noise itself does not carry the fall of ‖V‖ in {failed} of {count} windows "
            "(share {measured}, {low} to {high})",
            unclear="what carries the fall of ‖V‖ is undecided (share of the noise {low} to "
            "{high})",
        ),
        Statement(
            name=_GRADIENT_PART,
            text="The gradient part of a step's mean change is of order η.",
            where="not in the paper, which leaves the mean gradient aside: what drift down a fixed "
            "loss would be",
            origin="ours",
            tolerance="0.25 in the exponent, a quarter of the way to the rival's, η².",
            holds="the gradient part of a step is of order η",
            fails="the gradient part of a step is not of order η in {failed} of {count} cases "
            "(η^{measured} where furthest off)",
            unclear="the order of the gradient part is undecided (η^{low} to η^{high})",
        ),
    ],
)
class Mechanism:
    """The mean change of an observable φ in one step, taken apart along the trajectory.

    At batch size 1, E[Δφ|θ] = −η ∇φ·∇L + ½η² E[gᵀ∇²φ g] + O(η³), g the gradient of one example
    (`soret.observables.drift`). The paper's walk has a symmetric sign, so that only the second,
    the noise part, is left: it should carry the η² law. Its rival: the mean gradient does,
    because noise keeps it at order η.

    Why it would. With random labels L = E ln(2 cosh(f/2)) is least at f = 0, where V = 0. A step
    pulls V there by order ηV and kicks it by order η, so that with W and b held E[V Vᵀ] would
    settle at (η/2) I, not at zero (`soret.observables.balanced_drift`), and E[f²] is of order η.
    So then is E[∇L], about ⅛E[∇f²]: W and b slide down what fluctuations leave of L, η·O(η) a
    step. Their noise part is of order V²η², that is η³. And ‖V‖ is convex: no noise part can ever
    lower it.
    `docs/errata.md` has the derivation in full.

    The first unit of η²t is left out: there the net falls onto f = 0 from where it started, at
    order η.
    """

    inputs: Annotated[int, "input features", COUNT] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 10
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (0.1, 0.05, 0.025)
    windows: Annotated[
        tuple[float, ...],
        "values of η²t between which changes are taken",
        Several(NOT_NEGATIVE, fewest=2, order="rising"),
    ] = (
        1.0,
        5.0,
        20.0,
        80.0,
    )
    records: Annotated[int, "records until the last of them", COUNT] = 320
    replicas: Annotated[int, "replicas per learning rate", REPLICAS] = 256
    fresh_inputs: Annotated[int, "inputs drawn for every measurement of the parts", COUNT] = 256
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "normal",
    )

    def experiments(self) -> Experiments:
        """Run each η until the same η²t, recording at equal η²t."""
        observe = [getattr(soret.observables, name) for name in OBSERVABLES]
        observe += [soret.observables.drift(phi, self.fresh_inputs) for phi in observe]
        observe.append(soret.observables.balanced_drift)
        every = self._spacings()
        return {
            f"{init}/{rate:g}": soret.Experiment(
                problem=soret.problems.two_layer(self.inputs, self.hidden, init=init),
                algorithm=soret.SGD([rate]),
                observe=observe,
                steps=self.records * spacing,
                record_every=spacing,
                replicas=self.replicas,
            )
            for init in self.initializations
            for rate, spacing in every.items()
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the noise part carries the change. Rival: the gradient part, at order η²."""
        return [
            result
            for init in self.initializations
            for observable in OBSERVABLES
            for result in self._judge(runs, init, observable)
        ]

    def control(self, runs: Runs) -> Runs:
        """Return parts of which the gradient's, proportional to η², carries every change."""
        reference = {
            init: runs[f"{init}/{max(self.learning_rates):g}"] for init in self.initializations
        }
        return {
            name: _carried_by_gradient(run, reference[name.rpartition("/")[0]])
            for name, run in runs.items()
        }

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """A figure for each observable, a row for each initialization."""
        from soret.claims.thermophoresis._mechanism_figure import parts_figure

        setting = f"{self.inputs} inputs, {self.hidden} hidden units, batch size 1"
        return {
            f"{observable}-parts": parts_figure(
                [self._row(runs, results, init, observable) for init in self.initializations],
                what=NAMES[observable],
                windows=self.windows,
                title=f"What moves {NAMES[observable]}: {setting}",
            )
            for observable in OBSERVABLES
        }

    def _row(self, runs: Runs, results: list[Result], init: str, observable: str) -> PartsRow:
        from soret.claims.thermophoresis._mechanism_figure import PartsRow

        found = parts.parts_of(self._runs(runs, init), observable)
        told = [r for r in results if r.evidence == (init, observable)]
        shares = [r for r in told if r.quantity.startswith(_SHARE)]
        return PartsRow(
            circumstances(init),
            found.rates,
            found.times,
            {"measured": found.total, "gradient part": found.gradient, "noise part": found.noise},
            [r.verdict for r in shares],
            "; ".join(
                f"{100 * r.measured:.0f} % ({100 * r.interval[0]:.0f} to "
                f"{100 * r.interval[1]:.0f}) over η²t = {a:g}–{b:g}"
                for r, (a, b) in zip(shares, self._pairs(), strict=True)
            ),
            {"gradient part": ("V in balance", parts.balanced(self._slowest(runs, init)))}
            if observable == "activation_rate"
            else {},
        )

    def check(self) -> None:
        """Refuse windows that do not begin and end at records, and steps that are no number."""
        self._spacings()
        refuse_beyond(
            4 * self.fresh_inputs * (self.inputs + 2 * self.hidden),
            "the inputs of a measurement",
            fresh_inputs=self.fresh_inputs,
            inputs=self.inputs,
            hidden=self.hidden,
        )
        apart = self.windows[-1] / self.records
        for edge in self.windows:
            if abs(edge / apart - round(edge / apart)) > _OFF:
                raise SettingsError(
                    f"windows={show(self.windows)} and records={self.records} do not go together: "
                    f"records are {apart:.3g} of η²t apart, and {edge:g} is no multiple of that."
                )

    def _spacings(self) -> dict[float, int]:
        """Return the steps between records for every η."""
        return {
            rate: spacing(
                self.windows[-1] / self.records / rate / rate, self.records, f"at η = {rate:g}"
            )
            for rate in self.learning_rates
        }

    def _pairs(self) -> list[tuple[float, float]]:
        return list(zip(self.windows[:-1], self.windows[1:], strict=True))

    def _runs(self, runs: Runs, init: str) -> list[xr.Dataset]:
        return [runs[f"{init}/{rate:g}"] for rate in self.learning_rates]

    def _slowest(self, runs: Runs, init: str) -> xr.Dataset:
        return runs[f"{init}/{min(self.learning_rates):g}"]

    def _judge(self, runs: Runs, init: str, observable: str) -> list[Result]:
        found = parts.parts_of(self._runs(runs, init), observable)
        results = []
        for begin, end in self._pairs():
            window = found.window(begin, end)
            what = f"{NAMES[observable]} over η²t = {begin:g} to {end:g} ({circumstances(init)})"
            trusted, note = _closure(window)
            if observable == "activation_rate":
                note += f"; {self._beside_balance(runs, init, window, begin, end)}"
            own = observable.replace("_", "-")
            for result in (_judge_share(window, what, own), _judge_exponent(window, what)):
                results.append(
                    replace(
                        result,
                        verdict=result.verdict if trusted else Verdict.INCONCLUSIVE,
                        note=f"{result.note}; {note}",
                        evidence=(init, observable),
                    )
                )
        return results

    def _beside_balance(
        self, runs: Runs, init: str, window: parts.Window, begin: float, end: float
    ) -> str:
        """Say how the gradient part at the smallest η compares with V in balance."""
        run = self._slowest(runs, init)
        smallest = int(np.argmin(window.rates))
        times = np.asarray(run.step, float) * window.rates[smallest] ** 2
        first, last = (int(np.abs(times - edge).argmin()) for edge in (begin, end))
        change = parts.balanced(run)[[first, last]]
        ratio = window.gradient[smallest].mean() / (change[1] - change[0])
        return f"the gradient part is {ratio:.2f} of that with V in balance"


def _closure(window: parts.Window) -> tuple[bool, str]:
    """Check that the parts add up to the change measured from the trajectory, at every η."""
    from scipy import stats

    replicas = window.total.shape[1]
    rest = window.total - window.gradient - window.noise
    size = np.abs(window.gradient.mean(1)) + np.abs(window.noise.mean(1))
    error = stats.sem(rest, axis=1)
    half = stats.t.ppf(0.975, replicas - 1) * error
    by_chance = stats.t.ppf((1 + CLOSURE_CONFIDENCE) / 2, replicas - 1) * error
    close = np.abs(rest.mean(1)) <= by_chance + CLOSURE_TOLERANCE * window.rates * size
    resolved = half <= CLOSURE_RESOLUTION * size
    listed = ", ".join(
        f"{left:+.1f} ± {wide:.1f} % at η = {rate:g}"
        for left, wide, rate in zip(
            100 * rest.mean(1) / size, 100 * half / size, window.rates, strict=True
        )
    )
    note = f"left over of the measured change when the parts are taken away: {listed}"
    if not close.all():
        return False, f"the parts do not add up: {note}"
    return bool(resolved.all()), note if resolved.all() else f"too noisy a check: {note}"


def _judge_share(window: parts.Window, what: str, statement: str) -> Result:
    """Test that the noise part makes up more than half, at every η."""
    mean, low, high = _with_intervals(window.share, window)
    within = (HALF, np.inf)
    smallest = int(np.argmin(window.rates))
    shares = ", ".join(
        f"{share:.2f} ({a:.2f} to {b:.2f}) at η = {rate:g}"
        for share, a, b, rate in zip(mean, low, high, window.rates, strict=True)
    )
    total, _, _ = _with_intervals(lambda w: window.exponent(window.total, w)[None], window)
    noise, _, _ = _with_intervals(lambda w: window.exponent(window.noise, w)[None], window)
    result = judged(
        f"{_SHARE} in lowering {what}, at the smallest η",
        float(mean[smallest]),
        (low[smallest], high[smallest]),
        predicted="above 0.5",
        rival="below 0.5",
        within=within,
        note=f"shares {shares}; per step the whole change scales as η^{total[0]:.2f}, the noise "
        f"part as η^{noise[0]:.2f}",
        statement=statement,
    )
    everywhere = {verdict_within(bounds, *within) for bounds in zip(low, high, strict=True)}
    return result if len(everywhere) == 1 else replace(result, verdict=Verdict.INCONCLUSIVE)


def _judge_exponent(window: parts.Window, what: str) -> Result:
    """Test that the gradient part moves at order η, as drift along a gradient does."""
    (mean,), (low,), (high,) = _with_intervals(
        lambda weights: window.exponent(window.gradient, weights)[None], window
    )
    predicted, rival = 1.0, 2.0
    note = "the rival's power: of order η² a step" if low <= rival <= high else ""
    if np.isnan([mean, low, high]).any():
        note = "its sign depends on η, or is not resolved, so that it has no power"
    return judged(
        f"exponent a of the gradient part per step, η^a, in the change of {what}",
        float(mean),
        (low, high),
        predicted=predicted,
        rival=rival,
        within=near(predicted, EXPONENT_TOLERANCE * abs(predicted - rival)),
        note=note or f"{rival - mean:+.2f} from the rival's power",
        statement=_GRADIENT_PART,
    )


def _with_intervals(estimate: Any, window: parts.Window) -> tuple[Any, Any, Any]:
    """Return estimates with 95 % intervals over replicas, resampled alike at every η."""
    from soret.inference.bootstrap import expanded_percentile, resampling_weights

    replicas = window.total.shape[1]
    weights = resampling_weights(replicas, parts.RESAMPLES, np.random.default_rng(0))
    bounds = [expanded_percentile(row, 0.95, replicas) for row in estimate(weights)]
    whole = estimate(np.full((1, replicas), 1 / replicas))[:, 0]
    return whole, np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])


def _carried_by_gradient(run: xr.Dataset, reference: xr.Dataset) -> xr.Dataset:
    """Return a run whose mean change is the reference's, all by a gradient part of order η.

    Each replica keeps its own departures from the mean, so that the noise is what it was.
    """
    made = run.copy(deep=True)
    rate, fastest = float(run.learning_rate[0]), float(reference.learning_rate[0])
    for observable in OBSERVABLES:
        drift = reference[f"{observable}_drift"].mean("replica").values
        # The change of φ per unit of η²t; the same at every η is what the rival says.
        speed = drift[..., 0] / fastest + drift[..., 1]
        own = run[f"{observable}_drift"]
        centred = own.values - own.mean("replica").values[:, None]
        centred[..., 0] += rate * speed[:, None]
        made[f"{observable}_drift"] = (own.dims, centred, own.attrs)
        values = run[observable]
        mean = values.mean("replica").values
        tau = np.asarray(run.step, float) * rate**2
        areas = np.diff(tau) * (speed[:, 1:] + speed[:, :-1]) / 2
        path = mean[:, :1] + np.concatenate([[[0.0]], np.cumsum(areas, axis=1)], axis=1)
        shifted = values.values + (path - mean)[:, None]
        made[observable] = (values.dims, shifted, values.attrs)
    return made
