"""The experiment of three claims: a two-layer net on random labels, over learning rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import soret
from soret.claims import Experiments
from soret.claims.ranges import COUNT, ENOUGH_REPLICAS, INITIALIZATIONS, RATES
from soret.claims.thermophoresis import _scans as scans

NET = "of a two-layer ReLU net on random labels"
SIZES = {"inputs": [10], "hidden": [10]}
"""The paper's nets have 100 inputs and 100 units in Fig. 2, 10 and 10 in Fig. 3 and 4."""


@dataclass(frozen=True, kw_only=True)
class RandomLabels(scans.Scanned):
    """Fresh Gaussian inputs, random labels, batch size 1: settings, and runs by initialization."""

    loss: ClassVar[Literal["cross_entropy", "mean_square"]] = "cross_entropy"

    inputs: Annotated[int, "input features", COUNT] = 100
    hidden: Annotated[int, "hidden units", COUNT] = 100
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (0.1, 0.05, 0.025)
    steps: Annotated[int, "updates per replica", COUNT] = 8000
    replicas: Annotated[int, "replicas per learning rate", ENOUGH_REPLICAS] = 128
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "lecun",
        "normal",
    )

    def experiments(self) -> Experiments:
        """Scan η, once for every initialization."""
        return {
            init: soret.Experiment(
                problem=soret.problems.two_layer(
                    self.inputs, self.hidden, loss=self.loss, init=init
                ),
                algorithm=soret.SGD(self.learning_rates),
                observe=scans.observables(self.predictions[0].observables),
                steps=self.steps,
                record_every=scans.record_every(self.steps),
                replicas=self.replicas,
            )
            for init in self.initializations
        }

    def net(self) -> str:
        """Describe net and training."""
        return f"{self.inputs} inputs, {self.hidden} hidden units, batch size 1"
