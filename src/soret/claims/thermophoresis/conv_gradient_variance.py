"""The mean gradient variance of a deep convolutional net falls, and collapses under η²."""

from typing import Annotated, Any, Literal

import soret
from soret.claims import Experiments, Runs, Source, claim, images
from soret.claims.images import Images
from soret.claims.ranges import COUNT, ENOUGH_REPLICAS, INITIALIZATIONS, NOT_NEGATIVE, RATES, In
from soret.claims.thermophoresis import _scans as scans

_NET = "of a 6-layer convolutional net on real images"
# What the paper does not state, at any scale.
_ELSEWHERE: dict[str, Any] = {
    "at": "other",
    "differs": "batch size, padding, steps and initialization of our choice",
}


@claim(
    "thermophoresis/conv-gradient-variance",
    statement="On real images, SGD noise lowers the mean gradient variance of a 6-layer "
    "convolutional net, and curves for different learning rates collapse against steps × η².",
    source=Source("thermophoresis", "Sec. 6, Fig. 2 bottom"),
    quick={
        "data": "digits",
        "learning_rates": (0.04, 0.02),
        "steps": 400,
        "replicas": 12,
        "batch_size": 8,
        "examples": 64,
    },
    statements=[
        scans.falls("gradient_variance", _NET, "Sec. 6, Fig. 2 bottom", **_ELSEWHERE),
        scans.collapses(
            "gradient_variance", "learning_rate", _NET, "Sec. 6, Fig. 2 bottom", **_ELSEWHERE
        ),
    ],
)
class ConvGradientVariance(scans.Scanned):
    """Fashion-MNIST, as in the paper; at quick scale the digits that come with scikit-learn.

    Five convolutions of ten channels, 5 x 5, stride 1, and a dense output. The paper's learning
    rates are 0.01, 0.02 and more; padding, batch size, number of steps, scaling of the pixels and
    initialization are ours. With a padding of 2 images keep their size, so that small ones do too.
    """

    predictions = (scans.Scan(*scans.LEARNING_RATE, observables=("gradient_variance",)),)

    data: Annotated[Literal["digits", "mnist", "fashion-mnist", "cifar-10"], "images", Images()] = (
        "fashion-mnist"
    )
    labels: Annotated[Literal["real", "random"], "labels: the images' own, or random"] = "real"
    scaling: Annotated[Literal["symmetric", "standardized", "none"], "how pixels are scaled"] = (
        "symmetric"
    )
    channels: Annotated[int, "channels of every convolution", COUNT] = 10
    padding: Annotated[int, "zeros around images before every convolution", NOT_NEGATIVE] = 2
    learning_rates: Annotated[tuple[float, ...], "learning rates η", RATES] = (0.04, 0.02, 0.01)
    batch_size: Annotated[int, "batch size B", COUNT] = 16
    steps: Annotated[int, "updates per replica", COUNT] = 4000
    replicas: Annotated[int, "replicas per learning rate", ENOUGH_REPLICAS] = 16
    examples: Annotated[
        int, "examples that the variance is taken over", In(at_least=2, why="a variance")
    ] = 256
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "he",
    )

    def experiments(self) -> Experiments:
        """Scan η, once for every initialization, by epochs shuffled anew."""
        pictures = images.load(self)
        images.at_most(self, "examples", pictures)
        return {
            init: soret.Experiment(
                problem=soret.problems.conv(
                    channels=self.channels,
                    padding=self.padding,
                    data=pictures,
                    labels=self.labels,
                    scaling=self.scaling,
                    init=init,
                ),
                algorithm=soret.SGD(
                    self.learning_rates, batch_size=self.batch_size, sampling="epochs"
                ),
                observe=soret.observables.gradient_variance_over(self.examples),
                steps=self.steps,
                record_every=scans.record_every(self.steps, 40),
                replicas=self.replicas,
            )
            for init in self.initializations
        }

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        described = next(iter(runs.values())).attrs["problem_data"]
        return f"Mean gradient variance, {described}; six layers, batch size {self.batch_size}"
