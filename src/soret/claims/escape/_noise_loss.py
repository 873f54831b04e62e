"""What both claims on noise against loss share: nets, training, the slope late and in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import Declared, Experiments, Result, Runs, Verdict, images
from soret.claims.counts import check_divides
from soret.claims.images import Images
from soret.claims.judging import judged, near, unmeasured
from soret.claims.ranges import COUNT, POSITIVE, SIZES, In, Several
from soret.claims.settings import refuse_unused, show
from soret.errors import InferenceError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# "Roughly": over a decade, a line off by more in its slope leaves the points by a factor of 1.8.
TOLERANCE = 0.25
TOLERANCE_WHY = (
    "0.25 in the slope: the paper says roughly, and over a decade a line off by more leaves the "
    "points by a factor of 1.8; over at least a factor of 3 in the loss."
)
# Over less than half a decade of loss, slopes cannot be told apart by eye or by us.
NARROWEST = 3.0
# A loss that is not below a tenth of what it was at the start has not come late in training.
LATE = 0.1
# Places at which a stage is looked at, at equal ratios of the loss.
PLACES = 24
# What an interval over replicas takes.
MIN_REPLICAS = 8
NAMES = {"dense": "fully connected net", "conv": "convolutional net"}
# What the quick scale changes in both claims.
SMALL = {
    "dense_data": "digits",
    "conv_data": "digits",
    "images": 400,
    "hidden": (32, 32, 32),
    "channels": (8, 16),
    "stack_layers": 1,
    "epochs": 800,
    "records": 50,
    "measured": 200,
}


@dataclass(frozen=True, kw_only=True)
class Nets:
    """The paper's two nets and their training: settings that both claims have."""

    dense_data: Annotated[
        Literal["digits", "mnist", "fashion-mnist", "cifar-10"], "images", Images()
    ] = "fashion-mnist"
    conv_data: Annotated[
        Literal["digits", "mnist", "fashion-mnist", "cifar-10"], "images", Images()
    ] = "cifar-10"
    images: Annotated[int, "training images, the first so many", COUNT] = 60_000
    nets: Annotated[tuple[Literal["dense", "conv"], ...], "dense, conv", Several()] = (
        "dense",
        "conv",
    )
    hidden: Annotated[tuple[int, ...], "units of each hidden layer of the dense net", SIZES] = (
        2048,
        2048,
        2048,
    )
    channels: Annotated[tuple[int, ...], "channels of each stack of the conv net", SIZES] = (
        64,
        128,
        256,
    )
    stack_layers: Annotated[int, "convolutions in each stack", In(at_least=1, at_most=100)] = 3
    dense_learning_rate: Annotated[float, "learning rate η of the dense net", POSITIVE] = 0.1
    conv_learning_rate: Annotated[float, "learning rate η of the conv net", POSITIVE] = 0.1
    batch_size: Annotated[int, "batch size B", COUNT] = 100
    epochs: Annotated[int, "epochs", COUNT] = 100
    records: Annotated[
        int, "records along training; must divide epochs", In(at_least=10, why="a slope")
    ] = 100
    measured: Annotated[
        int, "images that loss and noise are averaged over", In(at_least=2, why="a variance")
    ] = 1000
    replicas: Annotated[
        int, "replicas per net, at least 8", In(at_least=MIN_REPLICAS, why="an interval of a slope")
    ] = 8

    def check(self) -> None:
        """Refuse records that do not divide the epochs."""
        check_divides("records", self.records, "epochs", self.epochs)
        for net, names in (
            ("dense", ("dense_data", "hidden", "dense_learning_rate")),
            ("conv", ("conv_data", "channels", "stack_layers", "conv_learning_rate")),
        ):
            if net not in self.nets:
                refuse_unused(self, names, f"nets are {show(self.nets)}")


@dataclass(frozen=True)
class Stage:
    """A range of losses in which a power is read off.

    Attributes
    ----------
    name : str
    predicted, rival : float
        Slopes.
    span : (float, float) or None
        Losses between which it is read off; None is as far up from the lowest loss as the points
        lie on a straight line, by `soret.inference.loglog_slope`.
    statement : str
        Name of the statement that it tests.
    """

    name: str
    predicted: float
    rival: float
    span: tuple[float, float] | None
    statement: str


def training(claim: Nets, loss: str) -> Experiments:
    """Train every net, recording loss and noise strength along the way."""
    o = soret.observables
    made: dict[str, Declared] = {}
    for net in claim.nets:
        dense = net == "dense"
        data = images.load(claim, f"{net}_data")
        data = images.first(claim, data)
        images.at_most(claim, "measured", data)
        shared: dict[str, Any] = {"data": data, "scaling": "none", "loss": loss}
        problem = (
            soret.problems.dense(hidden=claim.hidden, init="glorot", **shared)
            if dense
            else soret.problems.conv_stack(
                [(claim.stack_layers, channels) for channels in claim.channels], **shared
            )
        )
        an_epoch = max(1, len(data) // claim.batch_size)
        rate = claim.dense_learning_rate if dense else claim.conv_learning_rate
        made[net] = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(rate, batch_size=claim.batch_size, sampling="epochs"),
            observe=[o.loss_over(claim.measured), o.noise_strength_over(claim.measured)],
            steps=claim.epochs * an_epoch,
            record_every=an_epoch * claim.epochs // claim.records,
            replicas=claim.replicas,
        )
    return made


def judge(runs: Runs, stages: tuple[Stage, ...]) -> list[Result]:
    """Read the slope off in every stage of every net."""
    return [_judge(net, run, stage) for net, run in runs.items() for stage in stages]


def control(runs: Runs, rivals: Mapping[str, float]) -> Runs:
    """Return noise strengths that do not follow the loss as predicted, scattered as they were."""
    made = {}
    for net, run in runs.items():
        made[net] = run.copy(deep=True)
        scatter = np.exp(0.02 * np.random.default_rng(0).normal(size=run.loss.shape))
        made[net]["noise_strength"] = run.loss ** rivals[net] * scatter
    return made


def draw(
    claim: Nets, runs: Runs, results: list[Result], stages: tuple[Stage, ...], title: str
) -> Any:
    """Draw loss and noise along training, and one against the other with the slopes."""
    from soret.plotting import NoiseRow, noise_loss_figure

    rows = []
    told = iter(results)
    for net, run in runs.items():
        own = [next(told) for _ in stages]
        rows.append(
            NoiseRow(
                f"{describe(claim, net)}, {run.attrs['problem_data']}",
                np.asarray(run.step, float) * claim.epochs / float(run.step[-1]),
                run.loss.values.astype(float),
                run.noise_strength.values.astype(float),
                [(stage.name, result) for stage, result in zip(stages, own, strict=True)],
            )
        )
    return noise_loss_figure(rows, title=title)


def describe(claim: Nets, net: str) -> str:
    """Name a net with its size."""
    if net == "dense":
        return "Dense layers of " + "–".join(map(str, claim.hidden))
    stacks = ", ".join(f"{claim.stack_layers}x[{channels},3,3,1]" for channels in claim.channels)
    return f"Convolutions {stacks}"


def at_losses(
    loss: Floats, noise: Floats, span: tuple[float, float] | None
) -> tuple[Floats, Floats]:
    """Return losses (n,) that every replica passed, and the noise of each there (replicas, n).

    Replicas reach a loss at different times, so they are compared at equal losses: on a line
    through a replica's records in the order of their losses. The start belongs to no stage:
    nothing has been learned there.

    Raises
    ------
    InferenceError
        If replicas have no loss in common.
    """
    x, y = np.log(loss[:, 1:]), np.log(noise[:, 1:])
    low, high = float(x.min(axis=1).max()), float(x.max(axis=1).min())
    if span is not None:
        low, high = max(low, float(np.log(span[0]))), min(high, float(np.log(span[1])))
    if not low < high:
        raise InferenceError("not all replicas passed through losses of this stage.")
    places = np.linspace(low, high, PLACES)
    order = np.argsort(x, axis=1)
    x, y = np.take_along_axis(x, order, 1), np.take_along_axis(y, order, 1)
    along = [np.interp(places, one, other) for one, other in zip(x, y, strict=True)]
    return np.exp(places), np.exp(along)


def _judge(net: str, run: xr.Dataset, stage: Stage) -> Result:
    loss, noise = (run[name].values.astype(float) for name in ("loss", "noise_strength"))
    kept = (np.isfinite(loss) & np.isfinite(noise) & (loss > 0) & (noise > 0)).all(axis=1)
    quantity = f"slope of log 𝒩 against log L, {stage.name} ({NAMES[net]})"
    expected: dict[str, Any] = {
        "predicted": stage.predicted,
        "rival": stage.rival,
        "within": near(stage.predicted, TOLERANCE),
        "statement": stage.statement,
    }
    if not kept.any():
        return unmeasured(quantity, "no replica stayed finite", **expected)
    loss, noise = loss[kept], noise[kept]
    lowest = float((loss[:, 1:].min(axis=1) / loss[:, 0]).max())
    if stage.span is None and lowest > LATE:
        why = f"the loss only fell to {lowest:.2g} of what it was at the start"
        return unmeasured(quantity, why, **expected)
    try:
        places, along = at_losses(loss, noise, stage.span)
        within = None if stage.span is None else (places[0], places[-1])
        found = soret.inference.loglog_slope(places, along, end="low", within=within)
    except InferenceError as error:
        return unmeasured(quantity, str(error), **expected)
    width = found.span[1] / found.span[0]
    note = (
        f"losses from {found.span[0]:.3g} to {found.span[1]:.3g}, {found.points} places, "
        f"{kept.sum()} replicas; {'straight' if found.straight else 'bent'}, at the lower end "
        f"{found.end_slope:.2f} ({found.end_interval[0]:.2f} to {found.end_interval[1]:.2f})"
    )
    result = judged(quantity, found.slope, found.interval, note=note, evidence=found, **expected)
    if width >= NARROWEST:
        return result
    note += f"; a range of less than a factor of {NARROWEST:g} cannot tell slopes apart"
    return replace(result, verdict=Verdict.INCONCLUSIVE, note=note)
