"""Networks fit random labels; at larger η/S they have memorized less at equal progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

import soret
from soret import missing
from soret.claims import Experiments, Given, Measurement, Result, Runs, Source, Statement, claim
from soret.claims.judging import judged, mean_interval, near, unmeasured
from soret.claims.ranges import BATCH_SIZES, COUNT, RATES, REPLICAS, SHARE, In
from soret.claims.three_factors._training import (
    TRAINED,
    Network,
    accuracy_on,
    gather_ends,
    part_of,
    train,
    trained,
    unrelated,
)
from soret.errors import InferenceError

if TYPE_CHECKING:
    import xarray as xr

# A quarter of the way to the rival is three times nearer to the prediction.
NEAR = 0.25


@claim(
    "three-factors/memorization",
    statement="Networks reach 100 % training accuracy on random labels and do not generalize; and "
    "where part of the labels is random, at larger η/S fewer of those are memorized by the time "
    "that the true ones are learned equally well.",
    source=Source("three-factors", "Deep models have large capacity; noisy gradients and memory"),
    quick={
        "data": "digits",
        "images": 600,
        "hidden": (64,),
        "batch_normalization": False,
        "learning_rates": (0.05, 0.1, 0.2),
        "batch_sizes": (4, 8, 16),
        "random_epochs": 150,
        "most_epochs": 60,
        "replicas": 6,
    },
    statements=[
        Statement(
            name="capacity",
            text="Trained on labels that are all random, a network reaches 100 % training "
            "accuracy.",
            where="slides “Deep models have large capacity”, of Zhang et al. 2017",
            origin="printed",
            tolerance="99 %, “approximately 100 %”, of every replica: the interval is from the "
            "lowest to the highest.",
            holds="nets reach 100 % training accuracy on random labels ({measured})",
            fails="not all nets reach 100 % training accuracy on random labels ({low} to {high})",
            unclear="whether nets reach 100 % training accuracy on random labels is unknown",
            at="other",
            differs="small nets on Fashion-MNIST or digits in place of the deep models of Zhang "
            "et al.",
            regardless=["fraction", "progress", "most_epochs"],
        ),
        Statement(
            name="no-generalization",
            text="Trained on labels that are all random, a network does not generalize.",
            where="slides “Deep models have large capacity”: “(But not generalize)”",
            origin="printed",
            tolerance="a quarter of the way from guessing to the validation accuracy of nets of "
            "whose labels a part is random: three times nearer to guessing.",
            holds="trained on random labels they do not generalize (validation accuracy "
            "{measured}, guessing gives {predicted})",
            fails="trained on random labels they have a validation accuracy of {measured} ({low} "
            "to {high}), where guessing gives {predicted}",
            unclear="whether nets generalize from random labels is undecided (validation accuracy "
            "{low} to {high}, guessing {predicted})",
            at="other",
            differs="small nets on Fashion-MNIST or digits in place of the deep models of Zhang "
            "et al.",
            regardless=["fraction", "progress", "most_epochs"],
        ),
        Statement(
            name="noise",
            text="Where part of the labels is random, fewer of those are memorized at larger η/S "
            "by the time that the true ones are learned equally well.",
            where="not in the slides, which only suggest that noise hinders memory",
            origin="ours",
            tolerance="the sign of the correlation with ln(η/S).",
            holds="at larger η/S fewer wrong labels are memorized at equal progress (correlation "
            "{measured})",
            fails="at larger η/S more wrong labels are memorized, not fewer, at equal progress "
            "(correlation {measured}, {low} to {high})",
            unclear="whether fewer wrong labels are memorized at larger η/S is undecided "
            "(correlation {low} to {high})",
            regardless=["random_epochs"],
        ),
    ],
)
class Memorization(Network):
    """Two experiments: all labels random, and a fraction of them.

    *Capacity.* With all labels random, trained up to 100 % training accuracy at the first η and
    S; to be supported, the accuracy reached must be at least 99 % (an interval over replicas).
    There the net is validated on images with their own labels: it should guess.

    *Noise.* With a fraction of the labels random, each run is stopped when its accuracy on the
    examples with true labels reaches `progress`. What has been memorized is the accuracy there on
    the examples whose random label is wrong. To be supported, its correlation with ln(η/S) must
    be below zero. By then the network may have learned nothing of them: guessing right one in as
    many as there are classes is no memory.

    On the digits the second is contradicted: at larger η/S more wrong labels are fitted by then.

    The slides cite Zhang et al. for the first and give no experiment for the second: fraction,
    progress and pairs (η, S) are ours.
    """

    fraction: Annotated[
        float, "share of the labels that is random, in the second experiment", SHARE
    ] = 0.4
    progress: Annotated[
        float, "accuracy on true labels at which runs are compared", In(above=0, at_most=1)
    ] = 0.95
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (
        0.005,
        0.01,
        0.02,
        0.05,
    )
    batch_sizes: Annotated[tuple[int, ...], "batch sizes S", BATCH_SIZES] = (25, 50, 100, 200)
    random_epochs: Annotated[int, "epochs after which runs on random labels give up", COUNT] = 400
    most_epochs: Annotated[int, "epochs after which runs on some of them give up", COUNT] = 400
    replicas: Annotated[int, "replicas", REPLICAS] = 5

    def experiments(self) -> Experiments:
        """Train on random labels to the end, and on some of them to equal progress."""
        data = self.training_data()
        random, _ = soret.data.randomize_labels(data, 1.0)
        whole = self.problem(random)
        capacity = train(
            whole,
            self.learning_rates[0],
            self.batch_sizes[0],
            rule="accuracy",
            target=1.0,
            epochs=self.random_epochs,
            replicas=self.replicas,
            observe=[accuracy_on(random)],
        )
        noisy, _ = soret.data.randomize_labels(data, self.fraction)
        wrong = noisy.labels != data.labels
        problem = self.problem(noisy)
        runs = {
            f"noisy/S-{size}": train(
                problem,
                self.learning_rates,
                size,
                rule="accuracy",
                target=self.progress,
                epochs=self.most_epochs,
                replicas=self.replicas,
                level=accuracy_on(noisy, ~wrong),
            )
            for size in self.batch_sizes
        }
        return {
            "capacity": capacity,
            **runs,
            "capacity/ends": Measurement(
                lambda given: _capacity(given, whole, self.validation_problem(whole)),
                after=("capacity",),
            ),
            "noisy/ends": Measurement(
                lambda given: self._ends(given, problem, wrong), after=tuple(runs)
            ),
        }

    def saved(self, runs: Runs) -> Runs:
        """Return what was measured at the ends."""
        return {name: runs[f"{name}/ends"] for name in ("capacity", "noisy")}

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: 100 %; less memory at larger η/S; guesses. Rival: chance; none; some sense."""
        return [
            _judge_capacity(runs["capacity"]),
            _judge_noise(runs["noisy"], self.progress),
            _judge_generalization(runs["capacity"], runs["noisy"]),
        ]

    def control(self, runs: Runs) -> Runs:
        """Return accuracies of chance on random labels, and memory that goes with nothing."""
        capacity, noisy = (runs[name].copy(deep=True) for name in ("capacity", "noisy"))
        capacity["accuracy"] = 0 * capacity.accuracy + 1 / capacity.attrs["classes"]
        noisy["memorized"] = noisy.memorized.dims, unrelated(noisy.memorized.values)
        capacity["validation_accuracy"] = 0 * capacity.validation_accuracy + _partly(noisy)
        return {"capacity": capacity, "noisy": noisy}

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Accuracy on random labels along training; memory against η/S at equal progress."""
        from soret.claims.three_factors._memorization_figure import memorization_figure
        from soret.plotting.scan import ScanRow

        ends = runs["noisy"]
        names = {
            "share of wrong labels memorized": "memorized",
            "accuracy on true labels": "learned",
            "validation accuracy": "validation_accuracy",
        }
        row = ScanRow(
            f"{100 * self.fraction:g} % of the labels random",
            ends.learning_rate.values.astype(float),
            ends.batch_size.values.astype(float),
            {label: trained(ends, ends[name].values) for label, name in names.items()},
            "",
            [],
        )
        capacity = runs["capacity"]
        figure = memorization_figure(
            capacity.epoch.values,
            capacity.curve.values,
            1 / capacity.attrs["classes"],
            row,
            validation=capacity.validation_accuracy.values,
            results=results,
            title=f"Memorized labels; {ends.attrs['problem_data']}; {self.describe()}",
        )
        return {"memorization": figure}

    def _ends(self, given: Given, problem: Any, wrong: Any) -> xr.Dataset:
        runs = [(size, given[f"noisy/S-{size}"]) for size in self.batch_sizes]
        ends, points = gather_ends(runs, len(wrong))
        others = {
            "memorized": part_of(problem, wrong),
            "learned": part_of(problem, ~wrong),
            "validation_accuracy": self.validation_problem(problem),
        }
        found = {
            name: (
                ("point", "replica"),
                soret.landscape.evaluate(other, points, **given.keep(f"noisy/{name}")).accuracy,
            )
            for name, other in others.items()
        }
        about = {"problem_data": problem.settings["data"], "wrong": int(wrong.sum())}
        return ends.assign(found).assign_attrs(about)


def _capacity(given: Given, problem: Any, validation: Any) -> xr.Dataset:
    import xarray as xr

    run = given["capacity"]
    ends = run.final_parameters.values
    found = soret.landscape.evaluate(problem, ends, **given.keep("capacity/accuracy"))
    outside = soret.landscape.evaluate(validation, ends, **given.keep("capacity/validation"))
    an_epoch = len(problem.data) / float(run.attrs["algorithm_batch_size"])
    return xr.Dataset(
        {
            "accuracy": ("replica", found.accuracy),
            "validation_accuracy": ("replica", outside.accuracy),
            "curve": (("replica", "epoch"), run.accuracy.values),
            "epochs": ("replica", run.watched_until.values / an_epoch),
        },
        {"epoch": run.step.values / an_epoch},
        {"classes": len(problem.data.classes), "problem_data": problem.settings["data"]},
    )


def _judge_capacity(capacity: xr.Dataset) -> Result:
    values = capacity.accuracy.values
    chance = 1 / capacity.attrs["classes"]
    low, high = float(values.min()), float(values.max())
    note = f"{values.size} replicas; after {float(capacity.epochs.mean()):.0f} epochs on average"
    # "Reach" is said of all of them: the lowest alone decides.
    decided = judged(
        "training accuracy on random labels",
        float(values.mean()),
        (low, low),
        predicted=f"at least {TRAINED}",
        rival=chance,
        within=(TRAINED, 1.0),
        note=note,
        statement="capacity",
    )
    return replace(decided, interval=(low, high), interval_is="lowest to highest replica")


def _partly(noisy: xr.Dataset) -> float:
    """Return the mean validation accuracy of nets of whose labels a part is random."""
    return float(missing.mean(trained(noisy, noisy.validation_accuracy.values).ravel(), axis=0))


def _judge_generalization(capacity: xr.Dataset, noisy: xr.Dataset) -> Result:
    chance, rival = 1 / capacity.attrs["classes"], _partly(noisy)
    quantity = "validation accuracy after training on random labels"
    within = near(chance, NEAR * abs(rival - chance))
    about: dict[str, Any] = {"predicted": chance, "rival": rival, "statement": "no-generalization"}
    if not np.isfinite(rival):
        return unmeasured(quantity, "no net with true labels got there to compare with", **about)
    values = capacity.validation_accuracy.values.astype(float)
    return judged(quantity, *mean_interval(values), within=within, **about)


def _judge_noise(ends: xr.Dataset, progress: float) -> Result:
    memory = trained(ends, ends.memorized.values)
    quantity = (
        f"correlation of the share of wrong labels memorized with ln(η/S), where {progress:g} of "
        "the true ones are learned"
    )
    test: Any = {
        "predicted": "below 0",
        "rival": "0",
        "within": (-np.inf, 0.0),
        "statement": "noise",
    }
    try:
        found = soret.inference.ratio_dependence(ends.learning_rate, ends.batch_size, memory)
    except InferenceError as error:
        return unmeasured(quantity, str(error), **test)
    note = (
        f"{found.points} of {len(memory)} pairs (η, S); of {ends.attrs['wrong']} wrong labels "
        f"{missing.smallest(memory):.2f} to {missing.largest(memory):.2f} are memorized"
    )
    return judged(quantity, found.correlation, found.correlation_interval, note=note, **test)
