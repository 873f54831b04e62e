"""With uniform inputs and no bias, the same collapses hold under η² and under 1/B."""

from typing import Annotated

import soret
from soret.claims import Experiments, Runs, Source, claim
from soret.claims.ranges import (
    BATCH_SIZES,
    COUNT,
    ENOUGH_REPLICAS,
    INITIALIZATIONS,
    POSITIVE,
    RATES,
)
from soret.claims.thermophoresis import _scans as scans

OBSERVABLES = ("activation_rate", "weight_norm", "mean_hidden_weight")
_NET = "of a two-layer net with inputs from U(0, 1) and no bias"
_OF_LEARNING_RATES = ("learning_rates", "learning_rate_steps")
_OF_BATCH_SIZES = ("batch_sizes", "learning_rate", "batch_size_steps")


@claim(
    "thermophoresis/uniform-inputs",
    statement="With inputs from U(0, 1) and no bias, activation rate and norm of V fall too, and "
    "so do the weights W; all collapse against steps × η² and against steps / B.",
    source=Source("thermophoresis", "App. A.6, Fig. 7 to 10; Sec. 5"),
    quick={},
    statements=[
        scans.falls("activation_rate", _NET, "App. A.6, Fig. 7 and 9"),
        scans.collapses(
            "activation_rate",
            "learning_rate",
            _NET,
            "App. A.6, Fig. 7; Eq. 28",
            regardless=_OF_BATCH_SIZES,
        ),
        scans.collapses(
            "activation_rate",
            "batch_size",
            _NET,
            "App. A.6, Fig. 9; Eq. 28",
            regardless=_OF_LEARNING_RATES,
        ),
        scans.falls("weight_norm", _NET, "App. A.6, Fig. 8 and 10"),
        scans.collapses(
            "weight_norm",
            "learning_rate",
            _NET,
            "App. A.6, Fig. 8; Eq. 28",
            regardless=_OF_BATCH_SIZES,
        ),
        scans.collapses(
            "weight_norm",
            "batch_size",
            _NET,
            "App. A.6, Fig. 10; Eq. 28",
            regardless=_OF_LEARNING_RATES,
        ),
        # Not on the paper's figures: for x ≥ 0 "W is also in set U".
        scans.falls("mean_hidden_weight", _NET, "Sec. 5, below Eq. 22"),
        scans.collapses(
            "mean_hidden_weight",
            "learning_rate",
            _NET,
            "Sec. 5, below Eq. 22; Eq. 28",
            regardless=_OF_BATCH_SIZES,
        ),
        scans.collapses(
            "mean_hidden_weight",
            "batch_size",
            _NET,
            "Sec. 5, below Eq. 22; Eq. 28",
            regardless=_OF_LEARNING_RATES,
        ),
    ],
)
class UniformInputs(scans.Scanned):
    """f = V·ReLU(Wx), x ~ U(0, 1): positive inputs put W under the paper's theory too.

    Its figures show activation rate and norm of V; the mean of W is ours to measure.

    The activation rate is measured on 2,048 fixed inputs.
    """

    predictions = (
        scans.Scan(*scans.LEARNING_RATE, observables=OBSERVABLES),
        scans.Scan(*scans.BATCH_SIZE, observables=OBSERVABLES),
    )

    inputs: Annotated[int, "input features", COUNT] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 10
    learning_rates: Annotated[tuple[float, ...], "learning rates η of the first scan", RATES] = (
        0.1,
        0.05,
        0.025,
    )
    learning_rate_steps: Annotated[int, "updates per replica in the first scan", COUNT] = 2000
    batch_sizes: Annotated[tuple[int, ...], "batch sizes B of the second scan", BATCH_SIZES] = (
        1,
        2,
        3,
    )
    learning_rate: Annotated[float, "learning rate of the second scan", POSITIVE] = 0.05
    batch_size_steps: Annotated[int, "updates per replica in the second scan", COUNT] = 8000
    replicas: Annotated[int, "replicas per learning rate or batch size", ENOUGH_REPLICAS] = 128
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "normal",
    )

    def experiments(self) -> Experiments:
        """Scan η, then B, once for every initialization."""
        experiments = {
            "learning_rate": (soret.SGD(self.learning_rates), self.learning_rate_steps),
            "batch_size": (
                soret.SGD(self.learning_rate, batch_size=self.batch_sizes),
                self.batch_size_steps,
            ),
        }
        return {
            f"{scan}/{init}": soret.Experiment(
                problem=soret.problems.two_layer(
                    self.inputs, self.hidden, bias=False, data="uniform", init=init
                ),
                algorithm=sgd,
                observe=scans.observables(OBSERVABLES),
                steps=steps,
                record_every=scans.record_every(steps),
                replicas=self.replicas,
            )
            for scan, (sgd, steps) in experiments.items()
            for init in self.initializations
        }

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        return f"Uniform inputs ({self.inputs}), {self.hidden} hidden units, no bias"
