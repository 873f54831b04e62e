"""The noise of a two-layer net carries (V, b) of its units towards smaller b and |V|, at η²/B."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.collapse import judge_collapse, judge_fall
from soret.claims.judging import judge_number, judge_power, judge_sign
from soret.claims.ranges import BATCH_SIZES, COUNT, ENOUGH_REPLICAS, RATES, REPLICAS
from soret.errors import InferenceError

if TYPE_CHECKING:
    import xarray as xr

NAMES = {"mean_bias": "mean b", "mean_output_weight": "mean |V|"}
_COLLAPSES = {"mean_bias": "bias-collapses", "mean_output_weight": "output-weight-collapses"}
# The half width of the window on b, as a share of the largest |b| at the start: far enough inside
# that what happens at the edge of the density is not seen.
_WINDOW = 0.6
_SIGN = "the sign: the whole interval of the mean change lies below 0."
_COLLAPSE = (
    "an exponent within a quarter of the way to the rival's, and curves at most a tenth of their "
    "range apart, the widest gap that still passes for overlap."
)
_RATIO = (
    "10 % of the formula: it is the leading order in η, and formulas that differ do so by factors."
)


@claim(
    "thermophoresis/two-layer-flow",
    statement="The gradient noise of a two-layer ReLU net on random labels carries its hidden "
    "units towards smaller b and |V|, as −(η²/B)ψ, most strongly early in training.",
    source=Source("thermophoresis", "Sec. 5, Eq. 17–28"),
    quick={"fresh_replicas": 65_536, "replicas": 64},
    resolution=["fresh_steps", "noise_steps"],
    statements=[
        Statement(
            name="falls",
            text="During training b and |V| are pushed down.",
            where="Sec. 5, first paragraph and Eq. 27",
            origin="printed",
            tolerance=_SIGN,
            holds="through training b and |V| fall",
            fails="{quantity} is {measured} ({low} to {high}), not below 0",
            unclear="whether mean b and mean |V| fall through training is undecided",
        ),
        Statement(
            name="early",
            text="The effect is strongest in the early phase of training.",
            where="Sec. 5, below Eq. 27; abstract",
            origin="printed",
            tolerance=_SIGN,
            holds="b and |V| fall fastest early",
            fails="{quantity} is {measured} ({low} to {high}), not below 0",
            unclear="whether mean b and mean |V| fall fastest early is undecided",
        ),
        Statement(
            name="bias-collapses",
            text="How b falls in training is proportional to η²/B.",
            where="Sec. 5, first paragraph and Eq. 28",
            origin="printed",
            tolerance=_COLLAPSE,
            holds="mean b collapses under η² and under 1/B",
            fails="mean b does not collapse under η²/B in {failed} of {count} scans (best "
            "exponent {measured})",
            unclear="whether mean b collapses under η²/B is undecided (exponent {low} to {high}, "
            "predicted {predicted})",
        ),
        Statement(
            name="output-weight-collapses",
            text="How |V| falls in training is proportional to η²/B.",
            where="Sec. 5, first paragraph and Eq. 28",
            origin="printed",
            tolerance=_COLLAPSE,
            holds="mean |V| collapses under η² and under 1/B",
            fails="mean |V| does not collapse under η²/B in {failed} of {count} scans (best "
            "exponent {measured})",
            unclear="whether mean |V| collapses under η²/B is undecided (exponent {low} to {high}, "
            "predicted {predicted})",
        ),
        Statement(
            name="flow",
            text="Without a mean gradient the noise carries the flow of Eq. 10, diffusion "
            "included, through surfaces b = const.",
            where="Sec. 5, Eq. 10 with Eq. 23 to 26",
            origin="printed",
            tolerance=_RATIO,
            holds="the flow of b by noise alone is that of Eq. 10",
            fails="the flow of b by noise alone is {measured} ({low} to {high}) of Eq. 10's",
            unclear="whether the flow of b by noise alone is that of Eq. 10 is undecided ({low} to "
            "{high} of it)",
        ),
        Statement(
            name="thermophoretic-flow",
            text="Where the density of b is even, so that b does not diffuse, that flow is the "
            "thermophoretic one of Eq. 27 alone.",
            where="not in the paper, which adds the diffusion of V (Eq. 10)",
            origin="ours",
            tolerance=_RATIO,
            holds="the flow of b by noise alone is that of Eq. 27",
            fails="the flow of b by noise alone is {measured} ({low} to {high}) of Eq. 27's",
            unclear="whether the flow of b by noise alone is that of Eq. 27 is undecided ({low} to "
            "{high} of it)",
        ),
        Statement(
            name="exact-flow",
            text="Without a mean gradient the noise carries the flow of Itô's calculus, "
            "−½(η²/B) ∂_b(E[¼V²P(a > 0) | b] ρ(b)).",
            where="not in the paper, which derives its own",
            origin="ours",
            tolerance=_RATIO,
            holds="the exact flow is seen ({measured} of it)",
            fails="the exact flow is not seen ({measured}, {low} to {high}, of it)",
            unclear="whether the exact flow is seen is undecided ({low} to {high} of it)",
        ),
        Statement(
            name="drift",
            text="Read as a drift, Eq. 27 is what noise alone gives the means of b and |V|.",
            where="not in the paper, whose Eq. 27 is a flow through surfaces",
            origin="ours",
            tolerance=_RATIO,
            holds="noise alone gives the means of b and |V| the drift of Eq. 27",
            fails="noise alone does not give the means the drift of Eq. 27 ({measured} of it)",
            unclear="whether noise alone gives the means of b and |V| the drift of Eq. 27 is "
            "undecided ({low} to {high} of it)",
        ),
        Statement(
            name="first-steps",
            text="The whole drift in the first steps, mean gradient included, goes as η²/B and is "
            "that of Eq. 27.",
            where="not in the paper, whose Sec. 3 sets the mean gradient aside",
            origin="ours",
            tolerance=f"{_RATIO[:-1]}; 0.25 in an exponent, a quarter of the way to the rival's.",
            holds="the whole drift in the first steps is that of Eq. 27",
            fails="the first steps are not those of Eq. 27 ({failed} of {count} numbers)",
            unclear="whether the whole drift in the first steps is that of Eq. 27 is undecided",
        ),
    ],
)
class TwoLayerFlow:
    """Mean drift of b and |V| from one step to the next, with the net's own gradient and without.

    What Eq. 27 is a formula for: the thermophoretic part of the flow of probability through a
    surface. What it is not: a drift of the mean. The walk is fair, so b and V stay where they are
    on average; mass that flows to smaller b in the midst of the density is made up for by
    diffusion, which pushes the hot edge out further than the cold one. In training, what moves the
    mean of b in a step is exactly −η∂L/∂b, of order η and independent of B; it becomes of order
    η² only along the trajectory, where noise keeps the net off its minimum (`mechanism`).

    So four things are measured. *From one start*: how the drift in the first steps, from the same
    density of states, depends on η and B. *Through training*: whether b and |V| fall, fastest
    early, and collapse under η² and 1/B. *Noise alone*: the net with p frozen at ½, whose gradient
    (½ − y)∇f is the paper's assumption to the letter: mean drift, and the flow through surfaces
    b = const in the midst of the density, against Eq. 27 and against the exact flux. V is
    mirrored where negative, as in the paper. Nets start from PyTorch's default initialization:
    its b is uniform, so that in the midst nothing diffuses.
    """

    inputs: Annotated[int, "input features", COUNT] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 10
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (0.1, 0.05, 0.025)
    batch_sizes: Annotated[
        tuple[int, ...], "batch sizes B, scanned at the largest η", BATCH_SIZES
    ] = (1, 2, 4)
    steps: Annotated[int, "updates per replica through training", COUNT] = 8000
    replicas: Annotated[int, "replicas through training", ENOUGH_REPLICAS] = 256
    fresh_steps: Annotated[int, "updates from one start", COUNT] = 8
    noise_steps: Annotated[int, "updates with noise alone", COUNT] = 60
    fresh_replicas: Annotated[int, "replicas from one start, and with noise alone", REPLICAS] = (
        131_072
    )

    def experiments(self) -> Experiments:
        """Scan η and B from one start and through training; and walk with noise alone."""
        from soret.claims.thermophoresis._scans import record_every

        net = soret.problems.two_layer(self.inputs, self.hidden, init="pytorch")
        largest = max(self.learning_rates)
        scans = {
            "learning_rate": soret.SGD(self.learning_rates),
            "batch_size": soret.SGD(largest, batch_size=self.batch_sizes),
        }
        means = [soret.observables.mean_bias, soret.observables.mean_output_weight]
        made = {}
        for scan, sgd in scans.items():
            made[f"start/{scan}"] = soret.Experiment(
                problem=net,
                algorithm=sgd,
                observe=means,
                steps=self.fresh_steps,
                record_every=self.fresh_steps,
                replicas=self.fresh_replicas,
            )
            made[f"training/{scan}"] = soret.Experiment(
                problem=net,
                algorithm=sgd,
                observe=[*means, soret.observables.balanced_residual],
                steps=self.steps,
                record_every=record_every(self.steps, 80),
                replicas=self.replicas,
            )
        made["noise"] = soret.Experiment(
            problem=_frozen(net),
            algorithm=soret.SGD(largest),
            observe=soret.observables.hidden_units,
            steps=self.noise_steps,
            record_every=record_every(self.noise_steps, 3),
            replicas=self.fresh_replicas,
        )
        return made

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: η²/B and Eq. 27. Rivals: η¹ and B⁰, drift along the mean gradient; none."""
        return [
            *(result for scan in _SCANS for result in self._start(runs[f"start/{scan}"], scan)),
            *(result for scan in _SCANS for result in _training(runs[f"training/{scan}"], scan)),
            *_magnitude(runs),
            *_noise(runs["noise"]),
        ]

    def _start(self, run: xr.Dataset, scan: str) -> list[Result]:
        symbol, predicted, rival = _SCANS[scan]
        return [
            judge_power(
                f"exponent of {symbol} in the drift of {name} from one start",
                run[scan].values.astype(float),
                _change(run[variable], scan) / self.fresh_steps,
                predicted=predicted,
                rival=rival,
                statement="first-steps",
            )
            for variable, name in NAMES.items()
        ]

    def control(self, runs: Runs) -> Runs:
        """Return drift upwards along a mean gradient in training, and noise that moves nothing."""
        from soret.claims.collapse import made_by_rival

        made = {}
        for name, run in runs.items():
            part, _, scan = name.partition("/")
            if part == "noise":
                units = run.hidden_units
                first = units.isel(step=0)
                made[name] = run.assign(hidden_units=first.broadcast_like(units))
            else:
                made[name] = made_by_rival(run, scan, _SCANS[scan][2])
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Curves of training, noise alone, and every number."""
        from soret.claims.thermophoresis._two_layer_flow_figure import NoisePanel, unit_flow_figure

        noise = runs["noise"]
        units, width, rate = _units(noise)
        names = soret.theory.thermophoresis.UnitFlow._fields
        expected = dict(zip(names, (_cumulated(noise) * rate**2).T, strict=True))
        share = soret.theory.thermophoresis.share_above(units[:, :, 1], width)
        mean = units[:, :, 1].mean(-1)
        panel = NoisePanel(
            noise.step.values,
            share - share[:, :1],
            mean - mean[:, :1],
            expected["thermophoretic"],
            expected["ito"],
            expected["bias"],
        )
        return {
            "flow": unit_flow_figure(
                {name: run for name, run in runs.items() if name.startswith("training")},
                panel,
                results,
                title=f"Units of a two-layer net, {self.inputs} inputs, {self.hidden} hidden, "
                "random labels",
            )
        }


# Eq. 28: η²/B. Along the mean gradient a step goes as η and B does not matter.
_SCANS = {"learning_rate": ("η", 2.0, 1.0), "batch_size": ("B", -1.0, 0.0)}


def _training(run: xr.Dataset, scan: str) -> list[Result]:
    """Judge fall, collapse and whether the fall is fastest early."""
    _, predicted, rival = _SCANS[scan]
    results = []
    for variable, name in NAMES.items():
        curves = run[variable]
        if scan == "learning_rate":
            strongest = curves.sel(learning_rate=curves.learning_rate.max())
            last = curves.sizes["step"] - 1
            early = strongest.isel(step=last // 2) - strongest.isel(step=0)
            late = strongest.isel(step=last) - strongest.isel(step=last - last // 2)
            residual = run.balanced_residual.mean("replica").sel(
                learning_rate=strongest.learning_rate
            )
            results += [
                judge_fall(curves, scan, what=f"{name} through training", statement="falls"),
                judge_sign(
                    f"change of {name} in the first half of training less that in the second",
                    _finite((early - late).values),
                    note=f"E(p − y)² goes from {float(residual[0]):.4f} to "
                    f"{float(residual[-1]):.4f}; with random labels it cannot fall below 1/4",
                    statement="early",
                ),
            ]
        results.append(
            judge_collapse(
                curves,
                scan,
                predicted=predicted,
                rival=rival,
                what=f"{name} through training",
                statement=_COLLAPSES[variable],
            )
        )
    return results


def _magnitude(runs: Runs) -> list[Result]:
    """Judge the drift from one start, at the largest η, against the paper's velocity."""
    run = runs["start/learning_rate"]
    at = run.sel(learning_rate=run.learning_rate.max())
    rate, steps = float(at.learning_rate), int(at.step[-1] - at.step[0])
    expected = _expected(runs["noise"].isel(step=[0]))
    return [
        judge_number(
            f"drift of {name} from one start over Eq. 27",
            _change(at[variable]) / (steps * rate**2 * velocity),
            predicted=1.0,
            rival=0.0,
            statement="first-steps",
        )
        for (variable, name), velocity in zip(
            NAMES.items(), (expected.bias, expected.output_weight), strict=True
        )
    ]


def _noise(run: xr.Dataset) -> list[Result]:
    """Judge mean drift and flow with noise alone."""
    units, width, rate = _units(run)
    steps = int(run.step[-1] - run.step[0])
    expected = _expected(run)
    scale = steps * rate**2
    b, size = units[:, :, 1], np.abs(units[:, :, 0])
    share = soret.theory.thermophoresis.share_above(b, width)
    flow = (share[:, -1] - share[:, 0]) / scale
    return [
        judge_number(
            "drift of mean b with noise alone over Eq. 27",
            (b[:, -1] - b[:, 0]).mean(-1) / (scale * expected.bias),
            predicted=1.0,
            rival=0.0,
            note="a fair walk leaves its mean where it is",
            statement="drift",
        ),
        judge_number(
            "drift of mean |V| with noise alone over Eq. 27",
            (size[:, -1] - size[:, 0]).mean(-1) / (scale * expected.output_weight),
            predicted=1.0,
            rival=0.0,
            note="|V| is convex: noise makes it grow",
            statement="drift",
        ),
        *(
            judge_number(
                f"flow of b in the midst with noise alone over {formula}",
                flow / value,
                predicted=1.0,
                rival=round(rival, 4),
                statement=statement,
            )
            for formula, value, rival, statement in (
                (
                    "Eq. 27",
                    expected.thermophoretic,
                    expected.ito / expected.thermophoretic,
                    "thermophoretic-flow",
                ),
                ("Eq. 10", expected.printed, expected.ito / expected.printed, "flow"),
                (
                    "the Itô flux",
                    expected.ito,
                    expected.thermophoretic / expected.ito,
                    "exact-flow",
                ),
            )
        ),
    ]


def _frozen(net: soret.Problem) -> soret.Problem:
    """Return the net with p = ½ whatever its output: the gradient of an example is (½ − y)∇f."""
    from dataclasses import replace

    return replace(
        net,
        loss=lambda output, label: (0.5 - label) * output,
        name="two_layer_noise",
    )


def _units(run: xr.Dataset) -> tuple[np.ndarray, float, float]:
    """Return units (replica, step, 3, hidden) of finite replicas, the half width, and η.

    Raises
    ------
    InferenceError
        If fewer than two replicas stayed finite.
    """
    units = run.hidden_units.transpose("replica", "step", ...).values
    units = units[np.isfinite(units).all((1, 2, 3))]
    if len(units) < 2:
        raise InferenceError(
            f"{len(units)} of {run.sizes['replica']} replicas stayed finite, and two are needed; "
            "use a smaller learning rate."
        )
    width = _WINDOW * float(np.abs(units[:, 0, 1]).max())
    return units, width, float(run.attrs["algorithm_learning_rate"])


def _expected(run: xr.Dataset) -> Any:
    """Return the predicted rates for η = B = 1, averaged over the run's time."""
    rates = soret.theory.thermophoresis.UnitFlow
    cumulated = _cumulated(run)
    span = float(run.step[-1] - run.step[0])
    if not span:
        return rates(*_rates(run)[0])
    return rates(*(cumulated[-1] / span))


def _cumulated(run: xr.Dataset) -> np.ndarray:
    """Return the time integrals of the predicted rates, (step, rates), by trapezoids."""
    rates, steps = _rates(run), run.step.values.astype(float)
    areas = (rates[1:] + rates[:-1]) / 2 * np.diff(steps)[:, None]
    return np.concatenate([np.zeros((1, rates.shape[1])), np.cumsum(areas, axis=0)])


def _rates(run: xr.Dataset) -> np.ndarray:
    """Return the predicted rates at every record, (step, rates)."""
    units, width, _ = _units(run)
    predicted = soret.theory.thermophoresis.unit_flow
    return np.array([predicted(units[:, k], width) for k in range(units.shape[1])])


def _change(values: xr.DataArray, *leading: str) -> np.ndarray:
    """Return last minus first record, (…, replica), without replicas that diverged."""
    change = (values.isel(step=-1) - values.isel(step=0)).transpose(*leading, "replica")
    return change.values[
        ..., np.isfinite(change.values).reshape(-1, change.sizes["replica"]).all(0)
    ]


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
