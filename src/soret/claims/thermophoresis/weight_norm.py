"""The norm of the output layer V of a two-layer net falls, and its curves collapse under η²."""

from soret.claims import Runs, Source, claim
from soret.claims.thermophoresis import _scans as scans
from soret.claims.thermophoresis._two_layer import NET, SIZES, RandomLabels


@claim(
    "thermophoresis/weight-norm",
    statement="SGD noise shrinks the output layer V of a two-layer ReLU net on random labels, "
    "and curves for different learning rates collapse against steps × η².",
    source=Source("thermophoresis", "App. A.6, Fig. 4"),
    quick={"inputs": 10, "hidden": 10},
    statements=[
        scans.falls("weight_norm", NET, "App. A.6, Fig. 4", also=SIZES),
        scans.collapses(
            "weight_norm", "learning_rate", NET, "App. A.6, Fig. 4; Eq. 28", also=SIZES
        ),
    ],
)
class WeightNorm(RandomLabels):
    """Fresh Gaussian inputs, random labels, batch size 1.

    The paper does not state its initialization, so more than one is shown.
    """

    predictions = (scans.Scan(*scans.LEARNING_RATE, observables=("weight_norm",)),)

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        return f"Norm of V, {self.net()}"
