"""On real images, activation rate and norm of V of a two-layer net collapse under η² and 1/B."""

from typing import Annotated, Any, Literal

import soret
from soret.claims import Experiments, Runs, Source, claim, images
from soret.claims.images import Images
from soret.claims.ranges import (
    BATCH_SIZES,
    COUNT,
    ENOUGH_REPLICAS,
    INITIALIZATIONS,
    POSITIVE,
    RATES,
)
from soret.claims.thermophoresis import _scans as scans

OBSERVABLES = ("activation_rate", "weight_norm")
_NET = "of a net with one hidden layer on real images"
# What the paper's figures do not show, at any scale.
_ELSEWHERE: dict[str, Any] = {
    "at": "other",
    "differs": "steps, batch sizes, initialization and scaling of the pixels of our choice",
}


@claim(
    "thermophoresis/image-two-layer",
    statement="On real images with their own labels, activation rate and norm of V of a net with "
    "one hidden layer fall, and collapse against steps × η² and against steps / B.",
    source=Source("thermophoresis", "App. A.6, Fig. 11 to 14"),
    quick={
        "data": "digits",
        "hidden": 32,
        "batch_size": 64,
        "learning_rate_steps": 400,
        "batch_sizes": (16, 32, 64),
        "batch_size_steps": 800,
        "replicas": 8,
    },
    statements=[
        scans.falls("activation_rate", _NET, "App. A.6, Fig. 11 and 13", **_ELSEWHERE),
        scans.collapses(
            "activation_rate", "learning_rate", _NET, "App. A.6, Fig. 11; Eq. 28", **_ELSEWHERE
        ),
        scans.collapses(
            "activation_rate", "batch_size", _NET, "App. A.6, Fig. 13; Eq. 28", **_ELSEWHERE
        ),
        scans.falls("weight_norm", _NET, "App. A.6, Fig. 12 and 14", **_ELSEWHERE),
        scans.collapses(
            "weight_norm", "learning_rate", _NET, "App. A.6, Fig. 12; Eq. 28", **_ELSEWHERE
        ),
        scans.collapses(
            "weight_norm", "batch_size", _NET, "App. A.6, Fig. 14; Eq. 28", **_ELSEWHERE
        ),
    ],
)
class ImageTwoLayer(scans.Scanned):
    """CIFAR-10, as in the paper; at quick scale the digits that come with scikit-learn.

    The paper's batch sizes and numbers of steps cannot be read off its figures; these are ours.
    Neither does it say how pixels are scaled. By default they run from −1 to 1, as in PyTorch's
    own CIFAR-10 example: standardized ones are unstable at the paper's largest learning rate.
    Here the labels can be learned, so the mean gradient pulls at order η from the start.
    """

    predictions = (
        scans.Scan(*scans.LEARNING_RATE, observables=OBSERVABLES),
        scans.Scan(*scans.BATCH_SIZE, observables=OBSERVABLES),
    )

    data: Annotated[Literal["digits", "mnist", "fashion-mnist", "cifar-10"], "images", Images()] = (
        "cifar-10"
    )
    labels: Annotated[Literal["real", "random"], "labels: the images' own, or random"] = "real"
    scaling: Annotated[Literal["symmetric", "standardized", "none"], "how pixels are scaled"] = (
        "symmetric"
    )
    hidden: Annotated[int, "hidden units", COUNT] = 300
    learning_rates: Annotated[tuple[float, ...], "learning rates η of the first scan", RATES] = (
        0.2,
        0.1,
        0.05,
    )
    batch_size: Annotated[int, "batch size of the first scan", COUNT] = 1000
    learning_rate_steps: Annotated[int, "updates per replica in the first scan", COUNT] = 2000
    batch_sizes: Annotated[tuple[int, ...], "batch sizes B of the second scan", BATCH_SIZES] = (
        250,
        500,
        1000,
    )
    learning_rate: Annotated[float, "learning rate of the second scan", POSITIVE] = 0.02
    batch_size_steps: Annotated[int, "updates per replica in the second scan", COUNT] = 4000
    replicas: Annotated[int, "replicas per learning rate or batch size", ENOUGH_REPLICAS] = 16
    initializations: Annotated[
        tuple[str, ...], "pytorch, glorot, lecun, he, normal, normal:<scale>", INITIALIZATIONS
    ] = (
        "pytorch",
        "glorot",
    )

    def experiments(self) -> Experiments:
        """Scan η, then B, once for every initialization, by epochs shuffled anew."""
        pictures = images.load(self)
        # Measuring the activation rate on images costs as much as many steps.
        experiments = {
            "learning_rate": (
                soret.SGD(self.learning_rates, batch_size=self.batch_size, sampling="epochs"),
                self.learning_rate_steps,
                100,
            ),
            "batch_size": (
                soret.SGD(self.learning_rate, batch_size=self.batch_sizes, sampling="epochs"),
                self.batch_size_steps,
                50,
            ),
        }
        return {
            f"{scan}/{init}": soret.Experiment(
                problem=soret.problems.two_layer(
                    hidden=self.hidden,
                    data=pictures,
                    labels=self.labels,
                    scaling=self.scaling,
                    init=init,
                ),
                algorithm=sgd,
                observe=scans.observables(OBSERVABLES),
                steps=steps,
                record_every=scans.record_every(steps, records),
                replicas=self.replicas,
            )
            for scan, (sgd, steps, records) in experiments.items()
            for init in self.initializations
        }

    def title(self, runs: Runs) -> str:
        """Name net and data."""
        described = next(iter(runs.values())).attrs["problem_data"]
        return f"{described}; {self.hidden} hidden units"
