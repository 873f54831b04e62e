"""Activation rate and norm of V collapse when steps are divided by the batch size."""

from typing import Annotated

import soret
from soret.claims import Experiments, Runs, Source, claim
from soret.claims.ranges import BATCH_SIZES, COUNT, ENOUGH_REPLICAS, INITIALIZATIONS, POSITIVE
from soret.claims.thermophoresis import _scans as scans
from soret.claims.thermophoresis._two_layer import NET


@claim(
    "thermophoresis/batch-size",
    statement="At one learning rate, activation rate and norm of V of a two-layer ReLU net on "
    "random labels fall, and curves for different batch sizes collapse against steps / B.",
    source=Source("thermophoresis", "App. A.6, Fig. 5 and 6"),
    quick={},
    statements=[
        scans.falls("activation_rate", NET, "App. A.6, Fig. 5"),
        scans.collapses("activation_rate", "batch_size", NET, "App. A.6, Fig. 5; Eq. 28"),
        scans.falls("weight_norm", NET, "App. A.6, Fig. 6"),
        scans.collapses("weight_norm", "batch_size", NET, "App. A.6, Fig. 6; Eq. 28"),
    ],
)
class BatchSize(scans.Scanned):
    """Fresh Gaussian inputs, random labels, η fixed. Small enough to be quick as printed."""

    predictions = (scans.Scan(*scans.BATCH_SIZE, observables=("activation_rate", "weight_norm")),)

    inputs: Annotated[int, "input features", COUNT] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 10
    learning_rate: Annotated[float, "learning rate η", POSITIVE] = 0.05
    batch_sizes: Annotated[tuple[int, ...], "batch sizes B", BATCH_SIZES] = (1, 2, 3)
    steps: Annotated[int, "updates per replica", COUNT] = 8000
    replicas: Annotated[int, "replicas per batch size", ENOUGH_REPLICAS] = 128
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "normal",
    )

    def experiments(self) -> Experiments:
        """Scan B, once for every initialization."""
        return {
            init: soret.Experiment(
                problem=soret.problems.two_layer(self.inputs, self.hidden, init=init),
                algorithm=soret.SGD(self.learning_rate, batch_size=self.batch_sizes),
                observe=scans.observables(self.predictions[0].observables),
                steps=self.steps,
                record_every=scans.record_every(self.steps),
                replicas=self.replicas,
            )
            for init in self.initializations
        }

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        return f"{self.inputs} inputs, {self.hidden} hidden units, η = {self.learning_rate:g}"
