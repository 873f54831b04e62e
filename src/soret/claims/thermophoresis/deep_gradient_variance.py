"""The mean gradient variance of a deep dense net falls, and its curves collapse under η²."""

from typing import Annotated, Any

import soret
from soret.claims import Experiments, Runs, Source, claim
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, ENOUGH_REPLICAS, INITIALIZATIONS, RATES, In
from soret.claims.thermophoresis import _scans as scans

_NET = "of a 6-layer fully connected net"
# The axis of Fig. 2 middle runs from 1.0 to 1.6·10⁻⁴, and what follows depends on where a net
# begins: with 100 units near there from Glorot's and LeCun's weights, far below from PyTorch's
# default and far above from He's (docs/thermophoresis.md has the numbers).
_ELSEWHERE: dict[str, Any] = {
    "at": "other",
    "differs": "from several initializations, two of them outside of the paper's axis (it states "
    "none), with inputs, batch size and steps of our choice",
}


@claim(
    "thermophoresis/deep-gradient-variance",
    statement="SGD noise lowers the mean gradient variance of a 6-layer fully connected net, and "
    "curves for different learning rates collapse against steps × η².",
    source=Source("thermophoresis", "Sec. 6, Fig. 2 middle"),
    quick={"inputs": 20, "hidden": 20, "steps": 4000, "replicas": 32, "examples": 128},
    resolution=["examples"],
    statements=[
        scans.falls("gradient_variance", _NET, "Sec. 6, Fig. 2 middle", **_ELSEWHERE),
        scans.collapses(
            "gradient_variance", "learning_rate", _NET, "Sec. 6, Fig. 2 middle", **_ELSEWHERE
        ),
    ],
)
class DeepGradientVariance(scans.Scanned):
    """Fresh Gaussian inputs, random labels.

    The paper gives 100 hidden units and learning rates 0.01, 0.02 and more; the number of inputs,
    the batch size, the number of steps and the initialization are ours.
    """

    predictions = (scans.Scan(*scans.LEARNING_RATE, observables=("gradient_variance",)),)

    inputs: Annotated[int, "input features", COUNT] = 100
    hidden: Annotated[int, "units of each of the five hidden layers", COUNT] = 100
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (0.04, 0.02, 0.01)
    batch_size: Annotated[int, "batch size B", COUNT] = 1
    steps: Annotated[int, "updates per replica", COUNT] = 8000
    replicas: Annotated[int, "replicas per learning rate", ENOUGH_REPLICAS] = 32
    examples: Annotated[
        int, "examples that the variance is taken over", In(at_least=2, why="a variance")
    ] = 256
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "glorot",
        "lecun",
        "he",
    )

    def check(self) -> None:
        """Refuse examples that do not fit into memory."""
        refuse_beyond(
            4 * self.examples * (self.inputs + 6 * self.hidden),
            "the examples that the variance is taken over",
            examples=self.examples,
            inputs=self.inputs,
            hidden=self.hidden,
        )

    def experiments(self) -> Experiments:
        """Scan η, once for every initialization."""
        return {
            init: soret.Experiment(
                problem=soret.problems.dense(self.inputs, (self.hidden,) * 5, init=init),
                algorithm=soret.SGD(self.learning_rates, batch_size=self.batch_size),
                observe=soret.observables.gradient_variance_over(self.examples),
                steps=self.steps,
                record_every=scans.record_every(self.steps, 100),
                replicas=self.replicas,
            )
            for init in self.initializations
        }

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        return (
            f"Mean gradient variance, six dense layers, {self.inputs} inputs, {self.hidden} units "
            f"a layer, batch size {self.batch_size}"
        )
