"""The larger η/S, the higher the validation accuracy, up to a limit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.judging import judged, unmeasured
from soret.claims.ranges import BATCH_SIZES, COUNT, POSITIVE, RATES, REPLICAS, In, Several
from soret.claims.three_factors._training import (
    RULES,
    Network,
    check_rules,
    ends_of,
    scan,
    trained,
    unrelated,
)
from soret.errors import InferenceError

_WHY = "the sign of the correlation with ln(η/S), over pairs at which training gets there."


@claim(
    "three-factors/generalization",
    statement="Of networks trained to nearly 100 % training accuracy, those trained at larger η/S "
    "have the higher validation accuracy, up to a limit.",
    source=Source("three-factors", "Experimental evidence, (b): validation accuracy on η/S"),
    quick={
        "data": "digits",
        "hidden": (32,),
        "batch_normalization": False,
        "learning_rates": (0.05, 0.1, 0.2),
        "batch_sizes": (4, 8, 16, 32),
        "epochs": 30,
        "replicas": 8,
        "rules": ("epochs",),
    },
    statements=[
        Statement(
            name="accuracy",
            text="Of networks trained for equally many epochs, to nearly 100 % training accuracy, "
            "those trained at larger η/S have the higher validation accuracy.",
            where="slides “Experimental evidence”, (b)",
            origin="printed",
            tolerance=_WHY,
            holds="after equally many epochs validation accuracy rises with η/S (correlation "
            "{measured})",
            fails="after equally many epochs validation accuracy falls as η/S grows (correlation "
            "{measured}, {low} to {high})",
            unclear="whether validation accuracy rises with η/S after equally many epochs is "
            "undecided (correlation {low} to {high})",
            regardless=["rules", "most_epochs", "target_loss", "target_accuracy"],
        ),
        Statement(
            name="at-equal-progress",
            text="Of networks stopped at the same training loss, or accuracy, those trained at "
            "larger η/S have the higher validation accuracy.",
            where="not in the slides, which count epochs",
            origin="ours",
            tolerance=_WHY,
            holds="at equal training loss or accuracy validation accuracy rises with η/S "
            "(correlation {measured})",
            fails="at equal training loss or accuracy validation accuracy falls as η/S grows "
            "(correlation {measured}, {low} to {high})",
            unclear="whether validation accuracy rises with η/S at equal training loss or accuracy "
            "is undecided (correlation {low} to {high})",
            regardless=["rules", "epochs"],
        ),
    ],
)
class Generalization(Network):
    """The scan of `flatness`, validated on the test split, of which nothing here is selected by.

    To be supported, the correlation of validation accuracy with ln(η/S) must be above zero over
    the pairs (η, S) at which all replicas have at least 99 % training accuracy: "up to a limit" is
    as far as training still gets there. The note says where the accuracy is highest. On the digits
    nothing is left of the correlation at equal training loss (rule "loss").
    """

    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (
        0.005,
        0.01,
        0.02,
        0.05,
    )
    batch_sizes: Annotated[tuple[int, ...], "batch sizes S", BATCH_SIZES] = (25, 50, 100, 200)
    rules: Annotated[
        tuple[Literal["loss", "accuracy", "epochs"], ...],
        "stopping rules: loss, accuracy, epochs",
        Several(),
    ] = ("epochs", "loss")
    epochs: Annotated[int, "epochs of rule epochs", COUNT] = 200
    most_epochs: Annotated[int, "epochs after which the other rules give up", COUNT] = 400
    target_loss: Annotated[float, "training loss of rule loss (nats)", POSITIVE] = 0.03
    target_accuracy: Annotated[
        float, "training accuracy of rule accuracy", In(above=0, at_most=1)
    ] = 1.0
    replicas: Annotated[int, "replicas: repetitions of the whole scan", REPLICAS] = 5

    def check(self) -> None:
        """Refuse settings of the other network, and of rules that are not asked for."""
        super().check()
        check_rules(self)

    def experiments(self) -> Experiments:
        """Train every pair (η, S) to the end, and validate there."""
        return scan(self, self.rules)

    def saved(self, runs: Runs) -> Runs:
        """Return the ends, by stopping rule."""
        return ends_of(self.rules, runs)

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: correlation above 0. Rival: none."""
        return [_judge(rule, ends) for rule, ends in runs.items()]

    def control(self, runs: Runs) -> Runs:
        """Return validation accuracies that go with nothing."""
        made = {}
        for rule, ends in runs.items():
            made[rule] = ends.copy(deep=True)
            of = ends.validation_accuracy
            made[rule]["validation_accuracy"] = of.dims, unrelated(of.values)
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Validation accuracy and loss, and training loss, against η/S."""
        from soret.plotting.scan import ScanRow, scan_figure

        rows = []
        for (rule, ends), result in zip(runs.items(), results, strict=True):
            names = {
                "validation accuracy": "validation_accuracy",
                "validation loss (nats)": "validation_loss",
                "training loss at the end (nats)": "loss",
            }
            rows.append(
                ScanRow(
                    f"Higher validation accuracy for larger η/S, {RULES[rule]}?",
                    ends.learning_rate.values.astype(float),
                    ends.batch_size.values.astype(float),
                    {label: trained(ends, ends[name].values) for label, name in names.items()},
                    f"correlation with ln(η/S) {result.measured:.2f} ({result.interval[0]:.2f} to "
                    f"{result.interval[1]:.2f})",
                    [result.verdict],
                )
            )
        attrs = next(iter(runs.values())).attrs
        title = f"Do noisier runs validate better? {attrs['problem_data']}; {attrs['network']}"
        logarithmic = ["validation loss (nats)", "training loss at the end (nats)"]
        return {"generalization": scan_figure(rows, title=title, logarithmic=logarithmic)}


def _judge(rule: str, ends: Any) -> Result:
    accuracy = trained(ends, ends.validation_accuracy.values)
    quantity = f"correlation of validation accuracy with ln(η/S), {RULES[rule]}"
    test: Any = {
        "predicted": "above 0",
        "rival": "0",
        "within": (0.0, np.inf),
        "statement": "accuracy" if rule == "epochs" else "at-equal-progress",
    }
    try:
        found = soret.inference.ratio_dependence(ends.learning_rate, ends.batch_size, accuracy)
    except InferenceError as error:
        return unmeasured(quantity, str(error), **test)
    mean = accuracy.mean(axis=1)
    ratio = (ends.learning_rate / ends.batch_size).values
    best, least = int(np.nanargmax(mean)), int(np.nanargmin(mean))
    note = (
        f"{found.points} of {len(mean)} pairs (η, S) with all of {found.replicas} replicas trained;"
        f" highest mean accuracy {mean[best]:.4f} at η/S = {ratio[best]:.3g}, lowest "
        f"{mean[least]:.4f} at {ratio[least]:.3g}; a factor of e in η at fixed S adds "
        f"{found.rate:.4f} ({found.rate_interval[0]:.4f} to {found.rate_interval[1]:.4f}), in S at "
        f"fixed η {found.batch:.4f} ({found.batch_interval[0]:.4f} to "
        f"{found.batch_interval[1]:.4f})"
    )
    return judged(quantity, found.correlation, found.correlation_interval, note=note, **test)
