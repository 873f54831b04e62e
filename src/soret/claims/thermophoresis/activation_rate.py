"""The activation rate of a two-layer net falls, and its curves collapse under η²."""

from soret.claims import Runs, Source, claim
from soret.claims.thermophoresis import _scans as scans
from soret.claims.thermophoresis._two_layer import NET, SIZES, RandomLabels


@claim(
    "thermophoresis/activation-rate",
    statement="SGD noise lowers the activation rate of a two-layer ReLU net on random labels, "
    "and curves for different learning rates collapse against steps × η².",
    source=Source("thermophoresis", "Sec. 6, Fig. 2 top; App. A.6, Fig. 3"),
    quick={"inputs": 10, "hidden": 10},
    statements=[
        scans.falls("activation_rate", NET, "Sec. 6, Fig. 2 top; App. A.6, Fig. 3", also=SIZES),
        scans.collapses(
            "activation_rate",
            "learning_rate",
            NET,
            "Sec. 6, Fig. 2 top; App. A.6, Fig. 3; Eq. 28",
            also=SIZES,
        ),
    ],
)
class ActivationRate(RandomLabels):
    """Fresh Gaussian inputs, random labels, batch size 1. The rate is exact: mean Φ(b/‖W‖).

    The paper does not state its initialization, so more than one is shown.
    """

    predictions = (scans.Scan(*scans.LEARNING_RATE, observables=("activation_rate",)),)

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        return f"Activation rate, {self.net()}"
