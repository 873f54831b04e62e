"""The larger η/S, the flatter the minimum that SGD ends in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

import soret
from soret import missing
from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.judging import judged, near, unmeasured
from soret.claims.ranges import BATCH_SIZES, COUNT, POSITIVE, RATES, REPLICAS, In, Several
from soret.claims.three_factors._depth import judge_depth
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

# "Only the ratio counts": −b/a nearer to that, 1, than to where only one of the two counts
# (0: η alone; 2 stands for S counting as much too much).
NEAR = 0.5
_SIGN_WHY = "the sign of the correlation with ln(η/S)."
_NEAR_WHY = (
    "0.5 of −b/a in ln‖H‖ = a ln η + b ln S + c: nearer to 1, where only the ratio counts, than to "
    "0, where only η does."
)
_OTHER_RULES = ("rules", "most_epochs", "target_loss", "target_accuracy")


@claim(
    "three-factors/flatness",
    statement="The larger η/S, the smaller is the norm of the Hessian at the minimum that "
    "SGD ends in, whatever η and S make up the ratio.",
    source=Source("three-factors", "Experimental evidence, (a): ln of the Hessian's norm on η/S"),
    quick={
        "data": "digits",
        "hidden": (32,),
        "batch_normalization": False,
        "learning_rates": (0.05, 0.1, 0.2),
        "batch_sizes": (4, 8, 16, 32),
        "epochs": 30,
        "most_epochs": 80,
        "target_loss": 0.03,
        "replicas": 8,
        "hessian_examples": 400,
    },
    resolution=["hessian_examples"],
    statements=[
        Statement(
            name="flatter",
            text="As η/S grows, the norm of the Hessian at the minimum that SGD ends in, after "
            "equally many epochs, decreases.",
            where="slides “Experimental evidence”, (a) and the text below it",
            origin="printed",
            tolerance=_SIGN_WHY,
            holds="after equally many epochs ‖H‖ falls as η/S grows (correlation {measured})",
            fails="after equally many epochs ‖H‖ rises as η/S grows (correlation {measured}, {low} "
            "to {high})",
            unclear="whether ‖H‖ falls as η/S grows after equally many epochs is undecided "
            "(correlation {low} to {high})",
            regardless=_OTHER_RULES,
        ),
        Statement(
            name="only-the-ratio",
            text="After equally many epochs the norm of the Hessian at the end depends on η and S "
            "through η/S alone.",
            where="slides “Equilibrium distribution”: “only depend on σ²η/S”; “Experimental "
            "evidence”, (a)",
            origin="printed",
            tolerance=_NEAR_WHY,
            holds="after equally many epochs η/S counts for ‖H‖ more than η alone (−b/a = "
            "{measured}, {predicted} if η/S alone counts)",
            fails="after equally many epochs ‖H‖ does not go with η/S (−b/a = {measured}, {low} to "
            "{high}, not {predicted})",
            unclear="whether ‖H‖ goes with η/S or η alone after equally many epochs is undecided "
            "(−b/a = {low} to {high})",
            regardless=_OTHER_RULES,
        ),
        Statement(
            name="flatter-at-equal-progress",
            text="Of runs stopped at the same training loss, or accuracy, those at larger η/S end "
            "where the norm of the Hessian is smaller.",
            where="not in the slides, which count epochs: cross-entropy's ‖H‖ falls with the loss",
            origin="ours",
            tolerance=_SIGN_WHY,
            holds="at equal training loss or accuracy ‖H‖ falls as η/S grows (correlation "
            "{measured})",
            fails="at equal training loss or accuracy ‖H‖ rises as η/S grows (correlation "
            "{measured}, {low} to {high})",
            unclear="whether ‖H‖ falls as η/S grows at equal training loss or accuracy is "
            "undecided (correlation {low} to {high})",
            regardless=["rules", "epochs"],
        ),
        Statement(
            name="only-the-ratio-at-equal-progress",
            text="At the same training loss, or accuracy, the norm of the Hessian depends on η and "
            "S through η/S alone.",
            where="not in the slides, which count epochs",
            origin="ours",
            tolerance=_NEAR_WHY,
            holds="at equal training loss or accuracy η/S counts more than η alone (−b/a = "
            "{measured})",
            fails="at equal training loss or accuracy ‖H‖ does not go with η/S (−b/a = {measured}, "
            "{low} to {high}, not {predicted})",
            unclear="whether ‖H‖ goes with η/S or η alone at equal training loss or accuracy is "
            "undecided (−b/a = {low} to {high})",
            regardless=["rules", "epochs"],
        ),
        Statement(
            name="sharper-is-deeper",
            text="Of the ends of training after equally many epochs, sharper ones have smaller "
            "training losses.",
            where="slides “Experimental evidence”, which ask: “Are they assuming sharper minima "
            "have smaller loss? Why?”",
            origin="ours",
            tolerance="the sign of the correlation of ln L with ln‖H‖, over pairs of η and S and "
            "among runs of the same pair.",
            holds="sharper ends have smaller losses (correlation {measured} where furthest off)",
            fails="sharper ends do not have smaller losses, but larger ones, in {failed} of "
            "{count} comparisons (correlation {measured}, {low} to {high})",
            unclear="whether sharper ends have smaller losses is undecided (correlation {low} to "
            "{high})",
            regardless=_OTHER_RULES,
        ),
    ],
)
class Flatness(Network):
    """A scan over learning rates and batch sizes, each trained from the same starts to the end.

    The norm is Frobenius's. Its logarithm is fitted by a ln η + b ln S + c. To be supported, its
    correlation with ln(η/S) must be below zero, and −b/a nearer to 1, where only the ratio counts,
    than to 0, where only η does. Runs that did not get to the end are left out, visibly.

    Under the rule "epochs" (the slides': 200 epochs) ends differ in their training loss, and with
    cross-entropy the Hessian falls with the loss whatever the width of the minimum: larger η/S
    trains faster or slower, and that alone changes the norm. The rule "loss" stops all runs at
    the same training loss, and is the fair comparison: pairs whose mean loss is more than a factor
    of 1.25 below it, because they fell too fast to be caught, are left out. Both are judged. On
    the digits ‖H‖ goes as (η/S)^−1.6 after equally many epochs and as (η/S)^−0.3 at equal loss.
    Which pairs are left out was settled after a first look at seed 0.

    Boltzmann's distribution trades depth for width, and so the slides ask whether sharper minima
    are the deeper ones. That is looked for over all pairs (η, S), and among replicas of the same
    pair, where nothing but the start and the mini-batches differs.
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
    ] = ("loss", "epochs")
    epochs: Annotated[int, "epochs of rule epochs", COUNT] = 200
    most_epochs: Annotated[int, "epochs after which the other rules give up", COUNT] = 400
    target_loss: Annotated[float, "training loss of rule loss (nats)", POSITIVE] = 0.03
    target_accuracy: Annotated[
        float, "training accuracy of rule accuracy", In(above=0, at_most=1)
    ] = 1.0
    replicas: Annotated[int, "replicas: repetitions of the whole scan", REPLICAS] = 5
    hessian_examples: Annotated[int, "training images that the Hessian is a mean over", COUNT] = (
        2000
    )

    def check(self) -> None:
        """Refuse settings of the other network, and of rules that are not asked for."""
        super().check()
        check_rules(self)

    def experiments(self) -> Experiments:
        """Train every pair (η, S) to the end, and measure there."""
        return scan(self, self.rules, hessian_examples=self.hessian_examples)

    def saved(self, runs: Runs) -> Runs:
        """Return the ends, by stopping rule."""
        return ends_of(self.rules, runs)

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: correlation below 0, exchange 1. Rival: no correlation; only η counts."""
        results = [result for rule, ends in runs.items() for result in _judge(rule, ends)]
        return results + (judge_depth(runs["epochs"]) if "epochs" in runs else [])

    def control(self, runs: Runs) -> Runs:
        """Return norms that go with nothing, and losses that are larger where they are."""
        made = {}
        for rule, ends in runs.items():
            made[rule] = ends.copy(deep=True)
            logs = unrelated(np.log(ends.frobenius.values))
            made[rule]["frobenius"] = ends.frobenius.dims, np.exp(logs)
            made[rule]["loss"] = ends.frobenius.dims, np.exp(logs - np.nanmax(logs))
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Norm, trace and training loss against η/S; the norm at fixed ratios."""
        from soret.plotting.scan import ScanRow, scan_figure

        rows, told = [], iter(results)
        for rule, ends in runs.items():
            pair = [next(told), next(told)]
            names = {
                "‖H‖ (Frobenius; nats)": "frobenius",
                "tr H (nats)": "trace",
                "training loss at the end (nats)": "loss",
            }
            rows.append(
                ScanRow(
                    f"Flatter for larger η/S, {RULES[rule]}? Only the ratio?",
                    ends.learning_rate.values.astype(float),
                    ends.batch_size.values.astype(float),
                    {label: trained(ends, ends[name].values) for label, name in names.items()},
                    f"correlation of ln‖H‖ with ln(η/S) {pair[0].measured:.3f} "
                    f"({pair[0].interval[0]:.3f} to {pair[0].interval[1]:.3f}); −b/a "
                    f"{pair[1].measured:.2f} ({pair[1].interval[0]:.2f} to "
                    f"{pair[1].interval[1]:.2f}), 1 if only the ratio counts",
                    [result.verdict for result in pair],
                )
            )
        attrs = next(iter(runs.values())).attrs
        title = f"How flat are the ends of training? {attrs['problem_data']}; {attrs['network']}"
        logarithmic = list(rows[0].panels)
        figures: dict[str, Any] = {
            "flatness": scan_figure(rows, title=title, logarithmic=logarithmic)
        }
        if "epochs" in runs:
            from soret.claims.three_factors._depth_figure import depth_figure

            title = f"Are sharper ends deeper? {attrs['problem_data']}; {attrs['network']}"
            figures["depth"] = depth_figure(runs["epochs"], list(told), title=title)
        return figures


def _judge(rule: str, ends: Any) -> list[Result]:
    logs = np.log(trained(ends, ends.frobenius.values))
    reached = ends.reached.values.astype(bool)
    told = RULES[rule]
    where = "" if rule == "epochs" else "-at-equal-progress"
    quantities = (
        f"correlation of ln‖H‖ with ln(η/S), {told}",
        f"−b/a of ln‖H‖ = a ln η + b ln S + c, {told}",
    )
    tests: tuple[dict[str, Any], dict[str, Any]] = (
        {
            "predicted": "below 0",
            "rival": "0",
            "within": (-np.inf, 0.0),
            "statement": f"flatter{where}",
        },
        {
            "predicted": 1.0,
            "rival": 0.0,
            "within": near(1.0, NEAR),
            "statement": f"only-the-ratio{where}",
        },
    )
    try:
        found = soret.inference.ratio_dependence(ends.learning_rate, ends.batch_size, logs)
    except InferenceError as error:
        return [
            unmeasured(quantity, str(error), **test)
            for quantity, test in zip(quantities, tests, strict=True)
        ]
    loss = trained(ends, ends.loss.values)
    notes = (
        f"{found.points} of {len(logs)} pairs (η, S), where all of {found.replicas} replicas got "
        f"there ({reached.sum()} of {reached.size} runs did); training loss "
        f"{missing.smallest(loss):.2g} to {missing.largest(loss):.2g}",
        f"a = {_told(found.rate, found.rate_interval)}, b = "
        f"{_told(found.batch, found.batch_interval)}; scaling both: a + b = "
        f"{_told(found.both, found.both_interval)}",
    )
    measured = (
        (found.correlation, found.correlation_interval),
        (found.exchange, found.exchange_interval),
    )
    return [
        judged(quantity, *numbers, note=note, **test)
        for quantity, numbers, note, test in zip(quantities, measured, notes, tests, strict=True)
    ]


def _told(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
