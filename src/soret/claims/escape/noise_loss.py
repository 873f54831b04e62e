"""Late in training with the mean-square loss, the strength of SGD's noise follows the loss."""

from __future__ import annotations

from typing import Any

from soret.claims import Experiments, Result, Runs, Source, Statement, claim
from soret.claims.escape import _noise_loss as shared

STAGES = (shared.Stage("late in training", 1.0, 0.0, None, "proportional"),)


@claim(
    "escape/noise-loss",
    statement="Late in training with the mean-square loss, the strength of SGD's noise, "
    "𝒩 = ⟨|∇ℓ|²⟩ − |∇L|², is proportional to the loss.",
    source=Source("escape", "Sec. 5.2, Fig. 2"),
    quick=shared.SMALL,
    statements=[
        Statement(
            name="proportional",
            text="Late in training with the mean-square loss the strength of SGD's noise is "
            "roughly proportional to the loss.",
            where="Sec. 5.2, Fig. 2",
            origin="printed",
            tolerance=shared.TOLERANCE_WHY,
            holds="late in training the noise strength is proportional to the mean-square loss "
            "on {held} of {count} nets (slope {measured} where furthest off)",
            fails="late in training the noise strength is not proportional to the mean-square "
            "loss on {failed} of {count} nets (slope {measured}, {low} to {high}, where furthest "
            "off)",
            unclear="whether the noise strength is proportional to the mean-square loss late in "
            "training is undecided (slope {low} to {high} on the net furthest off)",
        ),
    ],
)
class NoiseLoss(shared.Nets):
    """Fashion-MNIST on three hidden layers of 2,048, CIFAR-10 on three stacks of convolutions.

    One-hot labels, ½|f − y|², Glorot, B = 100. "Three hidden layers, each of which has …, followed
    by the output layer of 10 units" makes four layers of weights. The slope of log 𝒩 against log L
    is read off from the lowest loss upwards, as far as the points lie on a straight line (a test,
    not the eye). The paper says "roughly"; to be supported, the interval must lie within
    1 ± 0.25, over at least a factor of 3 in the loss, which must have fallen to a tenth.
    Replicas are compared at equal losses.

    Ours: pixels run from 0 to 1; 𝒩 and L are averages over the first `measured` training images
    and not all; padding that keeps images their size; number of epochs and replicas. On the small
    nets of the quick scale the slope passes through 1 and does not stay there (`docs/errata.md`).
    """

    def experiments(self) -> Experiments:
        """Train both nets."""
        return shared.training(self, "mean_square")

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: slope 1. Rival: slope 0, noise that does not know of the loss."""
        return shared.judge(runs, STAGES)

    def control(self, runs: Runs) -> Runs:
        """Return noise that is constant but for its scatter."""
        return shared.control(runs, dict.fromkeys(runs, 0.0))

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """A row a net: along training, and noise against loss as in the paper."""
        title = "Mean-square loss: is the noise strength proportional to the loss?"
        return {"noise-loss": shared.draw(self, runs, results, STAGES, title)}
