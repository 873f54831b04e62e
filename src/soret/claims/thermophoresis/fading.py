"""The noise is independent of what the net computes, and fades as the labels are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.counts import check_divides
from soret.claims.judging import judge_number, judged, mean_interval, unmeasured
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, ENOUGH_REPLICAS, POSITIVE, In
from soret.claims.thermophoresis._residuals import CORRELATION, ERROR, NOISE, Learnable, moments

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# "Independent": one per cent of the variance of one is in the other.
UNRELATED = 0.1
# A quarter of the way to the rival is three times nearer to the prediction.
QUARTER = 0.25
# Labels of which the error has not fallen to this share of its first value were not learned.
LEARNED = 0.5
_BYTES = 12
"""Of a weight, its gradient and its update."""
_PARTS = 10
"""The first period of training, by our reading, and the last: each of so many parts."""
_CORRELATION_WHY = (
    "a correlation of 0.1 between (p − y)² and |∇f|²: a hundredth of the variance of one is then "
    "in the other."
)
_FADING_WHY = (
    "at most what is left of E(p − y)², and a quarter of the way from there to nothing lost: three "
    "times nearer to the bound than to no fading."
)


@claim(
    "thermophoresis/fading",
    statement="In the first period of training p − y and ∇f are independent; and as the labels are "
    "learned, thermophoresis fades with E(p − y)².",
    source=Source("thermophoresis", "Sec. 5, below Eq. 18 and below Eq. 27"),
    quick={"replicas": 64, "examples": 1024},
    resolution=["examples"],
    statements=[
        Statement(
            name="independent",
            text="With random labels p − y and ∇f are independent in the first period of training.",
            where="Sec. 5, below Eq. 18",
            origin="printed",
            tolerance=_CORRELATION_WHY,
            holds="with random labels p − y and ∇f are independent early in training (correlation "
            "of squares {measured})",
            fails="with random labels p − y and ∇f are not independent early in training "
            "(correlation of squares {measured}, {low} to {high})",
            unclear="whether p − y and ∇f are independent early in training with random labels is "
            "undecided (correlation of squares {low} to {high})",
        ),
        Statement(
            name="independent-of-learnable-labels",
            text="So they are with labels that can be learned, but by no linear model.",
            where="Sec. 5, below Eq. 18, whose experiments have random labels",
            origin="ours",
            tolerance=_CORRELATION_WHY,
            holds="so they are with labels that can be learned ({measured})",
            fails="with labels that can be learned they are not ({measured}, {low} to {high})",
            unclear="whether they are with labels that can be learned is undecided ({low} to "
            "{high})",
            at="other",
            differs="labels that can be learned, of which the paper shows no experiment",
        ),
        Statement(
            name="noise-fades",
            text="Where labels are learned, the noise that drives thermophoresis, E[(p − y)²|∇f|²],"
            " is bounded by E(p − y)² and falls with it.",
            where="Sec. 5, below Eq. 27",
            origin="printed",
            tolerance=_FADING_WHY,
            holds="as labels are learned the gradient noise fades to {measured} of what it was, "
            "with E(p − y)²",
            fails="as labels are learned the gradient noise does not fade with E(p − y)²: "
            "{measured} ({low} to {high}) of it is left, {predicted} predicted",
            unclear="whether the gradient noise fades with E(p − y)² is undecided ({low} to {high} "
            "of it is left, {predicted} predicted)",
            at="other",
            differs="labels that can be learned, of which the paper shows no experiment",
        ),
        Statement(
            name="effect-fades",
            text="Where labels are learned, thermophoresis is more effective during the early "
            "phase: the activation rate's drift falls with E(p − y)².",
            where="Sec. 5, below Eq. 27; abstract",
            origin="printed",
            tolerance=_FADING_WHY,
            holds="as labels are learned the activation rate's drift fades to {measured} of what "
            "it was",
            fails="as labels are learned the activation rate's drift does not fade with "
            "E(p − y)²: {measured} ({low} to {high}) of it is left, {predicted} predicted",
            unclear="whether the activation rate's drift fades with E(p − y)² is undecided ({low} "
            "to {high} of it is left, {predicted} predicted)",
            at="other",
            differs="labels that can be learned, of which the paper shows no experiment",
        ),
    ],
)
class Fading:
    """The paper's two-layer net on Gaussian inputs: with random labels, and with learnable ones.

    Sec. 5 takes the noise for (p − y)∇f with independent factors, and has thermophoresis bounded
    by E(p − y)². With random labels that cannot fall below ¼. So here a second net has the label
    y = 1 where x₁x₂ > 0, which no linear model can tell and a net learns. Over the first tenth of
    the steps the correlation of (p − y)² with |∇f|² over examples is taken, ∇f with respect to
    all parameters; and from the first to the last tenth of training, what is left of
    E[(p − y)²|∇f|²], the second moment of an example's gradient, and of the size of the activation
    rate's mean change. A net that has not halved E(p − y)² by then has not learned.

    The learnable label, the learning rate, and what counts as first, early and late are ours: a
    tenth, and not the quarter of five times as many steps that was tried first, in which E(p − y)²
    had done most of its falling. The examples are the same at every record.
    """

    inputs: Annotated[int, "input features", In(at_least=2, why="a product of two")] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 10
    learning_rate: Annotated[float, "learning rate η", POSITIVE] = 0.1
    steps: Annotated[int, "updates", COUNT] = 8000
    records: Annotated[
        int, "records along training; must divide the steps", In(at_least=20, why="a tenth of them")
    ] = 80
    examples: Annotated[int, "examples that moments are means over", In(at_least=16)] = 4096
    replicas: Annotated[int, "replicas", ENOUGH_REPLICAS] = 128

    def check(self) -> None:
        """Refuse records that do not divide the steps, and nets that do not fit into memory."""
        check_divides("records", self.records, "steps", self.steps)
        refuse_beyond(
            _BYTES * self.inputs * self.hidden,
            "one net with its gradient",
            inputs=self.inputs,
            hidden=self.hidden,
        )

    def experiments(self) -> Experiments:
        """Train on random and on learnable labels."""
        data: dict[str, Any] = {"random": "gaussian", "learnable": Learnable(self.inputs).stream()}
        return {
            name: soret.Experiment(
                problem=soret.problems.two_layer(
                    self.inputs if name == "random" else None, self.hidden, data=source
                ),
                algorithm=soret.SGD(self.learning_rate),
                observe=[moments(self.examples), soret.observables.activation_rate],
                steps=self.steps,
                record_every=self.steps // self.records,
                replicas=self.replicas,
            )
            for name, source in data.items()
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: no correlation, all falls with E(p − y)². Rival: correlation, no fading."""
        results = [
            judge_number(
                f"correlation of (p − y)² with |∇f|² in the first tenth of training, {name} labels",
                _first(runs[name]),
                predicted=0.0,
                rival="not 0",
                tolerance=UNRELATED,
                note=f"in the last tenth {_last(runs[name]).mean():.2f}",
                statement=statement,
            )
            for name, statement in (
                ("random", "independent"),
                ("learnable", "independent-of-learnable-labels"),
            )
        ]
        return results + self._fading(runs["learnable"])

    def _fading(self, run: xr.Dataset) -> list[Result]:
        error, noise, rate = curves(run)
        kept = np.isfinite(np.stack([error, noise, rate])).all(axis=(0, 2))
        error, noise, rate = error[kept], noise[kept], rate[kept]
        quantities = (
            "E[(p − y)²|∇f|²] in the last tenth of training over that in the first",
            "size of the activation rate's change in the last tenth over that in the first",
        )
        statements = ("noise-fades", "effect-fades")
        left = float(tenths(error)[1].mean() / tenths(error)[0].mean()) if len(error) else 1.0
        if len(error) < kept.size or left > LEARNED:
            why = (
                f"{len(error)} of {kept.size} replicas stayed finite, and {left:.2f} of E(p − y)² "
                f"is left, of learned labels at most {LEARNED:g}"
            )
            return [
                unmeasured(quantity, why, predicted="at most E(p − y)²", rival=1.0, statement=name)
                for quantity, name in zip(quantities, statements, strict=True)
            ]
        limit = left + QUARTER * (1 - left)
        about: dict[str, Any] = {
            "predicted": f"at most {left:.3g}",
            "rival": 1.0,
            "within": (-np.inf, limit),
        }
        note = f"{left:.3g} of E(p − y)² is left; up to {limit:.3g} is allowed"
        first, last = tenths(noise)
        early, late = changes(rate)
        return [
            judged(
                quantities[0],
                *mean_interval(last / first),
                note=note,
                statement=statements[0],
                **about,
            ),
            judged(
                quantities[1],
                *size_ratio(late, early),
                note=f"{note}; the rate changes by {early.mean():+.3f} early and by "
                f"{late.mean():+.3f} late",
                statement=statements[1],
                **about,
            ),
        ]

    def control(self, runs: Runs) -> Runs:
        """Return squares that go together, noise that stays, and a rate that falls evenly."""
        made = {}
        for name, run in runs.items():
            values = run.residual_moments.copy(deep=True)
            values.loc[{values.dims[-1]: CORRELATION}] += 0.5
            values.loc[{values.dims[-1]: NOISE}] = values.isel({values.dims[-1]: NOISE}).isel(
                step=0
            )
            even = run.activation_rate.isel(step=0) - 0.2 * run.step / run.step.max()
            made[name] = run.assign(
                residual_moments=values,
                activation_rate=even.transpose(*run.activation_rate.dims),
            )
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Correlations along training; error, noise and activation rate as labels are learned."""
        from soret.claims.thermophoresis._fading_figure import fading_figure

        return {
            "fading": fading_figure(
                {name: (run.step.values, correlations(run)) for name, run in runs.items()},
                runs["learnable"].step.values,
                curves(runs["learnable"]),
                results,
                title=f"What becomes of the noise: {self.inputs} inputs, {self.hidden} hidden "
                f"units, batch size 1, η = {self.learning_rate:g}",
            )
        }


def curves(run: xr.Dataset) -> tuple[Floats, Floats, Floats]:
    """Return E(p − y)², E[(p − y)²|∇f|²] and the activation rate, each (replicas, records)."""
    found = run.residual_moments.transpose("replica", "step", ...).values.astype(float)
    rate = run.activation_rate.transpose("replica", "step").values.astype(float)
    return found[..., ERROR], found[..., NOISE], rate


def correlations(run: xr.Dataset) -> Floats:
    """Return the correlation of (p − y)² with |∇f|², (replicas, records)."""
    found = run.residual_moments.transpose("replica", "step", ...).values
    return np.asarray(found[..., CORRELATION], float)


def tenths(values: Floats) -> tuple[Floats, Floats]:
    """Return means over the records of the first and of the last tenth, (replicas,)."""
    part = (values.shape[1] - 1) // _PARTS
    return values[:, : part + 1].mean(1), values[:, -part - 1 :].mean(1)


def changes(values: Floats) -> tuple[Floats, Floats]:
    """Return changes in the first and in the last tenth, (replicas,)."""
    part = (values.shape[1] - 1) // _PARTS
    return values[:, part] - values[:, 0], values[:, -1] - values[:, -part - 1]


def size_ratio(above: Floats, below: Floats) -> tuple[float, tuple[float, float]]:
    """Return |mean above|/|mean below| of paired values, and the jackknife's 95 % interval."""
    from soret.inference.jackknife import jackknife_interval, means_without

    whole = float(np.abs(above.mean() / below.mean()))
    if len(above) < 2:
        return whole, (np.nan, np.nan)
    without = np.abs(means_without(above) / means_without(below))
    low, high = jackknife_interval(whole, without, 0.95)
    return whole, (max(low, 0.0), high)


def _first(run: xr.Dataset) -> Floats:
    found = correlations(run)
    return np.asarray(found[:, : (found.shape[1] - 1) // _PARTS + 1].mean(1))


def _last(run: xr.Dataset) -> Floats:
    found = correlations(run)
    return np.asarray(found[:, -((found.shape[1] - 1) // _PARTS) :].mean(1))
