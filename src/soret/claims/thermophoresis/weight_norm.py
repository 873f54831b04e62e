"""The norm of the output layer V of a two-layer net falls, and its curves collapse under η²."""

from typing import Annotated, Any

import soret
from soret.claims import Result, Runs, Simulate, Source, claim
from soret.claims.thermophoresis import _scans as scans

SCANS = (scans.Scan(*scans.LEARNING_RATE, observables=("weight_norm",)),)


@claim(
    "thermophoresis/weight-norm",
    statement="SGD noise shrinks the output layer V of a two-layer ReLU net on random labels, "
    "and curves for different learning rates collapse against steps × η².",
    source=Source("thermophoresis", "App. A.6, Fig. 4"),
    quick={"inputs": 10, "hidden": 10},
)
class WeightNorm:
    """Fresh Gaussian inputs, random labels, batch size 1.

    The paper does not state its initialization, so more than one is shown.
    """

    inputs: Annotated[int, "input features"] = 100
    hidden: Annotated[int, "hidden units"] = 100
    learning_rates: Annotated[tuple[float, ...], "learning rates η"] = (0.1, 0.05, 0.025)
    steps: Annotated[int, "updates per replica"] = 8000
    replicas: Annotated[int, "replicas per learning rate"] = 128
    initializations: Annotated[tuple[str, ...], "pytorch, glorot, he, normal, normal:<scale>"] = (
        "pytorch",
        "normal",
    )

    def simulate(self, simulate: Simulate) -> Runs:
        """Scan η, once for every initialization."""
        return {
            init: simulate(
                init,
                soret.problems.two_layer(self.inputs, self.hidden, init=init),
                soret.SGD(self.learning_rates),
                observe=soret.observables.weight_norm,
                steps=self.steps,
                record_every=scans.record_every(self.steps),
                replicas=self.replicas,
            )
            for init in self.initializations
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: falls, and collapses under η². Rival: η¹, drift along the mean gradient."""
        return scans.judge(SCANS, runs)

    def control(self, runs: Runs) -> Runs:
        """Return curves that collapse under η¹, and rise."""
        return scans.control(SCANS, runs)

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Three panels a row, as the paper draws them."""
        title = f"Norm of V, {self.inputs} inputs, {self.hidden} hidden units, batch size 1"
        return dict(scans.draw(SCANS, runs, results, title))
