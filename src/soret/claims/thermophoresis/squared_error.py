"""With squared error, too, activation rate and norm of V fall, and collapse under η²."""

from typing import Annotated, ClassVar, Literal

from soret.claims import Runs, Source, claim
from soret.claims.ranges import COUNT, INITIALIZATIONS, RATES
from soret.claims.thermophoresis import _scans as scans
from soret.claims.thermophoresis._two_layer import RandomLabels

_NET = "of a two-layer ReLU net on random labels, trained by squared error,"
_WHERE = "Sec. 4.2, below Eq. 16, with Sec. 6"
_OTHER = {
    "at": "other",
    "differs": "squared error with the labels ±1, where the paper's experiments have cross-entropy",
}


@claim(
    "thermophoresis/squared-error",
    statement="What is said of cross-entropy holds for squared error: SGD noise lowers activation "
    "rate and norm of V of a two-layer ReLU net on random labels, and curves for different "
    "learning rates collapse against steps × η².",
    source=Source("thermophoresis", "Sec. 4.2, below Eq. 16; Sec. 6"),
    quick={},
    statements=[
        statement
        for observable in ("activation_rate", "weight_norm")
        for statement in (
            scans.falls(observable, _NET, _WHERE, **_OTHER),
            scans.collapses(observable, "learning_rate", _NET, _WHERE, **_OTHER),
        )
    ],
)
class SquaredError(RandomLabels):
    """Fresh Gaussian inputs, random labels ±1, loss ½(f − y)², batch size 1.

    The paper shows its results for cross-entropy and says that they "also hold straightforwardly
    for squared error". Near f = 0 a gradient is twice cross-entropy's, so that learning rates half
    as large make the same noise. Sizes, initializations and learning rates are ours.

    Changed after a look at results: the second initialization was standard normal, under which
    cross-entropy is shown; from there two fifths of the replicas diverge.
    """

    loss: ClassVar[Literal["cross_entropy", "mean_square"]] = "mean_square"
    predictions = (
        scans.Scan(*scans.LEARNING_RATE, observables=("activation_rate", "weight_norm")),
    )

    inputs: Annotated[int, "input features", COUNT] = 10
    hidden: Annotated[int, "hidden units", COUNT] = 10
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (0.05, 0.025, 0.0125)
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = ("pytorch", "glorot")

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        return f"Activation rate and norm of V, squared error, {self.net()}"
