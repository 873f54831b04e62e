"""At the same training error, a larger learning rate has left fewer units on and a smaller V."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret import missing
from soret.claims import Experiments, Result, Runs, Source, Statement, claim, images
from soret.claims.counts import spacing
from soret.claims.images import Images
from soret.claims.judging import judged
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, POSITIVE, RATES, REPLICAS, In, Initialization, Several
from soret.claims.settings import refuse_unused
from soret.claims.thermophoresis._scans import NAMES
from soret.errors import InferenceError, SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

OBSERVABLES = ("activation_rate", "weight_norm")
# The claim is about any training error. Three are looked at, and each gets a third of the 5 %.
CONFIDENCE = 0.95
# So many can all be in an evaluation batch, and the loss is then that over all of them.
MOST_EXAMPLES = 2048
_TOLERANCE = (
    "the sign: the whole interval of the mean difference, 95 % for all losses together, lies below "
    "0 at each of them."
)
# The paper speaks of any such net at any training error, and makes no experiment.
_SETTINGS = (
    "data",
    "labels",
    "examples",
    "inputs",
    "hidden",
    "learning_rates",
    "batch_size",
    "time",
    "levels",
    "init",
)


@claim(
    "thermophoresis/same-training-error",
    statement="Of two learning rates η₁ < η₂, each run from the same start to the same training "
    "error, η₂ ends with the smaller activation rate and the smaller norm of V.",
    source=Source("thermophoresis", "end of Sec. 5"),
    quick={"hidden": 32, "time": 400.0, "records": 50, "replicas": 8},
    statements=[
        Statement(
            name="activation-rate",
            text="Of two learning rates run from the same start to the same training error, the "
            "larger ends with the smaller activation rate.",
            where="end of Sec. 5",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="at the same training loss the larger learning rate has the lower activation "
            "rate (at {held} of {count} losses)",
            fails="at the same training loss the activation rate is not lower at the larger "
            "learning rate but higher at {failed} of {count} losses (by {measured} at the first)",
            unclear="at the same training loss the activation rate is seen to be lower at the "
            "larger learning rate at {held} of {count} losses",
            regardless=_SETTINGS,
        ),
        Statement(
            name="weight-norm",
            text="It also ends with the smaller norm of V.",
            where="end of Sec. 5",
            origin="printed",
            tolerance=_TOLERANCE,
            holds="at the same training loss the larger learning rate has the smaller ‖V‖ (at "
            "{held} of {count} losses)",
            fails="at the same training loss the larger learning rate has the larger ‖V‖ at "
            "{failed} of {count} losses (by {measured} at the first)",
            unclear="at the same training loss ‖V‖ is seen to be smaller at the larger learning "
            "rate at {held} of {count} losses",
            regardless=_SETTINGS,
        ),
    ],
)
class SameTrainingError:
    """A two-layer net on a finite data set, at learning rates that share their starts.

    Training error is the mean loss over all examples: unlike the count of mistakes it can be
    read off to any value. Each replica is looked at where its loss first reaches a level, by
    interpolation between records. Levels lie between the loss at the start and the lowest that
    every replica reaches at every η, at given fractions of the way in log loss. The paper gives
    no setting for this claim.
    """

    data: Annotated[
        Literal["digits", "mnist", "fashion-mnist", "cifar-10", "gaussian"],
        "images, or a finite sample of x ~ N(0, I)",
        Images(),
    ] = "digits"
    labels: Annotated[
        tuple[Literal["real", "random"], ...],
        "real, random or both; gaussian inputs have random ones",
        Several(),
    ] = (
        "real",
        "random",
    )
    examples: Annotated[
        int, "the first examples of the data, 2,048 at most", In(at_least=2, at_most=MOST_EXAMPLES)
    ] = 2000
    inputs: Annotated[int, "input features of the gaussian sample", COUNT] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 300
    learning_rates: Annotated[
        tuple[float, ...], "learning rates; the extremes are compared", RATES
    ] = (
        0.2,
        0.1,
        0.05,
    )
    batch_size: Annotated[int, "batch size B", COUNT] = 8
    time: Annotated[float, "length of every run, η × updates", POSITIVE] = 1200.0
    records: Annotated[
        int, "records of a run", In(at_least=5, why="losses to be read off between them")
    ] = 150
    levels: Annotated[
        tuple[float, ...],
        "fractions of the way in log loss at which to look",
        Several(In(above=0, at_most=1)),
    ] = (
        0.25,
        0.5,
        1.0,
    )
    replicas: Annotated[int, "replicas per learning rate", REPLICAS] = 32
    init: Annotated[str, "pytorch, glorot, lecun, he, normal, normal:<scale>", Initialization()] = (
        "pytorch"
    )

    def experiments(self) -> Experiments:
        """Run every η for the same ηt, on real and on random labels."""
        o = soret.observables
        every = self._spacings()
        return {
            f"{labels}/{rate:g}": soret.Experiment(
                problem=self._problem(labels),
                algorithm=soret.SGD([rate], batch_size=self.batch_size, sampling="epochs"),
                observe=[o.loss, o.accuracy, o.activation_rate, o.weight_norm],
                steps=self.records * spacing,
                record_every=spacing,
                replicas=self.replicas,
            )
            for labels in self.labels
            for rate, spacing in every.items()
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: the difference between large and small η is below 0. Rival: it is 0."""
        return [
            result
            for labels in self.labels
            for observable in OBSERVABLES
            for result in self._judge(runs, labels, observable)
        ]

    def control(self, runs: Runs) -> Runs:
        """Return runs that on average do not differ at the same loss, and scatter as they did."""
        made = dict(runs)
        for labels in self.labels:
            large = f"{labels}/{max(self.learning_rates):g}"
            for observable in OBSERVABLES:
                made[large] = made[large].copy(deep=True)
                # What a shift does to the interpolated values is nearly, not quite, the shift.
                for _ in range(10):
                    levels, differences = self._differences(made, labels, observable)
                    shift = -missing.mean(differences, axis=0)
                    loss = np.log(_running_minimum(made[large]))
                    order = np.argsort(levels)
                    added = np.interp(loss, np.log(levels)[order], shift[order])
                    made[large][observable] = made[large][observable] + added[None]
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """One figure: observables against training loss."""
        from soret.claims.thermophoresis._same_training_error_figure import (
            AtLossRow,
            at_loss_figure,
        )

        rows = []
        for labels in self.labels:
            every = {rate: runs[f"{labels}/{rate:g}"] for rate in self._rates()}
            first = next(iter(every.values()))
            losses = np.geomspace(*self._range(runs, labels), 60)
            rows.append(
                AtLossRow(
                    f"{first.attrs['problem_data'].removesuffix(', random labels')}, "
                    f"{labels} labels",
                    losses,
                    {
                        NAMES[observable]: {
                            rate: _at(run, observable, losses) for rate, run in every.items()
                        }
                        for observable in OBSERVABLES
                    },
                    self._levels(runs, labels),
                    {
                        NAMES[observable]: [
                            r.verdict for r in results if r.evidence == (labels, observable)
                        ]
                        for observable in OBSERVABLES
                    },
                )
            )
        small, large = self._extremes()
        return {
            "same-training-error": at_loss_figure(
                rows,
                title=f"At the same training loss, is it lower at η = {large:g} than at {small:g}? "
                f"{self.hidden} hidden units, batch size {self.batch_size}",
            )
        }

    def check(self) -> None:
        """Refuse labels that the data has not, and times that are no number of steps."""
        self._spacings()
        if self.data != "gaussian":
            refuse_unused(self, ["inputs"], f"data is {self.data}, which has its own")
        if self.data == "gaussian" and self.labels != ("random",):
            raise SettingsError("gaussian inputs have no labels of their own; use labels=random.")
        if self.data == "gaussian":
            refuse_beyond(
                12 * self.examples * self.inputs,
                "the gaussian sample",
                examples=self.examples,
                inputs=self.inputs,
            )

    def _spacings(self) -> dict[float, int]:
        """Return the steps between records for every η."""
        return {
            rate: spacing(self.time / rate / self.records, self.records, f"at η = {rate:g}")
            for rate in self._rates()
        }

    def _problem(self, labels: str) -> soret.Problem:
        if self.data == "gaussian":
            rng = np.random.default_rng(0)
            inputs = rng.normal(size=(self.examples, self.inputs))
            sample = soret.Dataset(
                "gaussian",
                inputs.astype(np.float32),
                rng.integers(0, 2, self.examples, np.int32),
                ("0", "1"),
                f"{self.examples:,} Gaussian inputs ({self.inputs})",
            )
            return soret.problems.two_layer(
                hidden=self.hidden, data=sample, scaling="none", init=self.init
            )
        whole = images.load(self)
        return soret.problems.two_layer(
            hidden=self.hidden,
            data=images.first(self, whole, "examples"),
            labels="real" if labels == "real" else "random",
            scaling="symmetric",
            init=self.init,
        )

    def _rates(self) -> list[float]:
        return sorted(set(self.learning_rates), reverse=True)

    def _extremes(self) -> tuple[float, float]:
        return min(self.learning_rates), max(self.learning_rates)

    def _range(self, runs: Runs, labels: str) -> tuple[float, float]:
        """Return the losses between which all replicas at all η can be compared."""
        finite = self._finite(runs, labels)
        losses = [_running_minimum(runs[f"{labels}/{rate:g}"])[finite] for rate in self._rates()]
        highest = min(float(loss[:, 0].min()) for loss in losses)
        lowest = max(float(loss[:, -1].max()) for loss in losses)
        return highest, lowest

    def _finite(self, runs: Runs, labels: str) -> NDArray[np.bool_]:
        """Return which replicas stayed finite at every η: the others would cut the range short."""
        ends = [runs[f"{labels}/{rate:g}"].loss.values[0, :, -1] for rate in self._rates()]
        finite = np.asarray(np.isfinite(ends).all(axis=0))
        if not finite.any():
            raise InferenceError(
                f"no replica stayed finite at every learning rate with {labels} labels; use "
                f"smaller ones than {max(self.learning_rates):g}."
            )
        return finite

    def _levels(self, runs: Runs, labels: str) -> Values:
        highest, lowest = self._range(runs, labels)
        return highest * (lowest / highest) ** np.array(self.levels)

    def _differences(self, runs: Runs, labels: str, observable: str) -> tuple[Values, Values]:
        """Return the levels, and large minus small η there, (replicas, levels)."""
        levels = self._levels(runs, labels)
        small, large = (
            _at(runs[f"{labels}/{rate:g}"], observable, levels) for rate in self._extremes()
        )
        return levels, (large - small)[self._finite(runs, labels)]

    def _judge(self, runs: Runs, labels: str, observable: str) -> list[Result]:
        levels, differences = self._differences(runs, labels, observable)
        small, large = self._extremes()
        results = []
        for level, at in zip(levels, differences.T, strict=True):
            each = 1 - (1 - CONFIDENCE) / len(levels)
            results.append(
                judged(
                    f"{NAMES[observable]} at η = {large:g} minus at η = {small:g}, where training "
                    f"loss is {level:.3g} ({labels} labels)",
                    *soret.inference.student_interval(at, each),
                    predicted="below 0",
                    rival="0",
                    within=(-np.inf, 0.0),
                    note=f"{np.isfinite(at).sum()} pairs; 95 % for all {len(levels)} losses "
                    "together",
                    evidence=(labels, observable),
                    statement=observable.replace("_", "-"),
                )
            )
        return results


def _running_minimum(run: xr.Dataset) -> Values:
    """Return the lowest loss so far, (replicas, records)."""
    minimum: Values = np.fmin.accumulate(run.loss.values[0].astype(float), axis=1)
    return minimum


def _at(run: xr.Dataset, observable: str, levels: Values) -> Values:
    """Return an observable where a replica's loss first reaches each level, (replicas, levels).

    Linear in log loss between records; NaN where the level is not reached.
    """
    loss, values = _running_minimum(run), run[observable].values[0].astype(float)
    found = np.full((len(loss), len(levels)), np.nan)
    for replica, level in np.ndindex(found.shape):
        (reached,) = np.nonzero(loss[replica] <= levels[level])
        if reached.size == 0:
            continue
        now = reached[0]
        before = max(now - 1, 0)
        fall = np.log(loss[replica, before] / loss[replica, now])
        part = np.log(loss[replica, before] / levels[level]) / fall if fall > 0 else 1.0
        found[replica, level] = (1 - part) * values[replica, before] + part * values[replica, now]
    return found
