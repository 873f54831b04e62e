"""What the claims on trained networks share: networks, training to a stopping rule, the ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret import missing
from soret.claims import Declared, Experiments, Given, Measurement, Runs, images
from soret.claims.images import Images
from soret.claims.ranges import COUNT, SIZES, Initialization
from soret.claims.settings import refuse_unused, show

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from soret import Experiment
    from soret.data import Dataset
    from soret.problems import Problem

    Floats = NDArray[np.float64]

# "Approximately 100 % accuracy on the train set".
TRAINED = 0.99
# "Equal" losses: what a look every half epoch and the noise of large η/S still allow. A pair (η, S)
# whose mean loss is further below the target did not stop there.
EQUAL = 1.25
# A chunk of steps has at most so many, and its length must divide the steps between two looks.
_CHUNK = 32
_ROUND = 8
# Stopping rules, in words.
RULES = {
    "loss": "at equal training loss",
    "accuracy": "at equal training accuracy",
    "epochs": "after equally many epochs",
}


@dataclass(frozen=True, kw_only=True)
class Network:
    """Images and a network: settings that the claims on trained networks have in common.

    The slides name neither network nor rates. The defaults are the published paper's as far as we
    remember them: a batch-normalized ReLU network of four layers on Fashion-MNIST, 200 epochs.
    """

    data: Annotated[
        Literal["digits", "mnist", "fashion-mnist", "cifar-10"],
        "images",
        Images(("train", "test")),
    ] = "fashion-mnist"
    images: Annotated[int, "training images, the first so many", COUNT] = 60_000
    net: Annotated[Literal["dense", "conv"], "network"] = "dense"
    hidden: Annotated[tuple[int, ...], "units of each hidden layer of a dense net", SIZES] = (
        256,
        256,
        256,
    )
    channels: Annotated[tuple[int, ...], "channels of each stack of a conv net", SIZES] = (16, 32)
    batch_normalization: Annotated[bool, "whether a dense net is batch-normalized"] = True
    init: Annotated[str, "pytorch, glorot, lecun, he, normal, normal:<scale>", Initialization()] = (
        "pytorch"
    )

    def check(self) -> None:
        """Refuse settings of the other kind of network."""
        other = ("channels",) if self.net == "dense" else ("hidden", "batch_normalization")
        refuse_unused(self, other, f"net is {self.net}")

    def training_data(self) -> Dataset:
        """Return the images trained on."""
        return images.first(self, images.load(self))

    def validation_data(self) -> Dataset:
        """Return the images validated on: the test split, which nothing here selects by."""
        return images.load(self, split="test")

    def problem(self, data: Dataset, trained: Problem | None = None) -> Problem:
        """Return the network with some images; the same parameters fit any.

        It is normalized over those that `trained` was trained on, by default over its own.
        """
        # Scaled by fixed numbers, so that training and validation images are scaled alike.
        shared: dict[str, Any] = {"data": data, "scaling": "symmetric", "init": self.init}
        if self.net == "dense":
            over = (trained or True) if self.batch_normalization else False
            return soret.problems.dense(hidden=self.hidden, batch_normalization=over, **shared)
        stacks = [(1, channels) for channels in self.channels]
        return soret.problems.conv_stack(stacks, loss="cross_entropy", **shared)

    def validation_problem(self, problem: Problem) -> Problem:
        """Return a network on validation images; what it is normalized over stays."""
        return replace(problem, data=self.problem(self.validation_data(), problem).data)

    def describe(self) -> str:
        """Name the network."""
        if self.net == "dense":
            normal = ", batch-normalized" if self.batch_normalization else ""
            return f"dense net {'–'.join(map(str, self.hidden))}{normal}"
        return f"conv net {'–'.join(map(str, self.channels))}"


def train(
    problem: Problem,
    learning_rate: float | Sequence[float],
    batch_size: int,
    *,
    rule: str,
    target: float,
    epochs: int,
    replicas: int,
    observe: Sequence[Any] = (),
    level: Any = None,
) -> Experiment:
    """Return training to a stopping rule; every replica is held where it first meets it.

    Parameters
    ----------
    problem : Problem
    learning_rate : float or sequence of float
    batch_size : int
    rule : {"loss", "accuracy", "epochs"}
        Stop as soon as the training loss is at most `target`, the training accuracy (or `level`)
        at least that, or only after all epochs.
    target : float
    epochs : int
        The most of them.
    replicas : int
    observe : sequence of observables
        Recorded once an epoch, until the end.
    level : observable, optional
        What rule "accuracy" watches, in place of the training accuracy.
    """
    assert isinstance(problem.data, soret.Dataset)
    data = problem.data
    an_epoch = max(1, len(data) // batch_size)
    every = max(1, an_epoch // (1 if observe else 2))
    if every > _CHUNK:
        every = _ROUND * round(every / _ROUND)
    steps = every * max(1, round(epochs * an_epoch / every))
    if rule == "epochs" and not observe:
        every = steps
    # A loss that is never negative is never below zero: then the rule is the number of epochs.
    watched = level or (accuracy_on(data) if rule == "accuracy" else negative_loss)
    threshold = {"accuracy": target, "loss": -target, "epochs": 0.0}[rule]
    return soret.Experiment(
        problem=problem,
        algorithm=soret.SGD(learning_rate, batch_size=batch_size, sampling="epochs"),
        observe=observe,
        watch=soret.FirstPassage(watched, [threshold], every, hold=True),
        steps=steps,
        record_every=every,
        replicas=replicas,
    )


def negative_loss(problem: Problem, state: Any) -> Any:
    """Return minus the mean loss over the training data, which rises as the net learns."""
    return -soret.observables.full_loss(problem, state)


def accuracy_on(data: Dataset, chosen: NDArray[np.bool_] | None = None) -> Any:
    """Return the observable: accuracy over the training data, or over some of them."""
    every = np.ones(len(data), bool)
    return soret.observables.accuracy_over(np.flatnonzero(every if chosen is None else chosen))


def measure_ends(
    keep: Callable[[str], Mapping[str, Any]],
    network: Network,
    problem: Problem,
    runs: Sequence[tuple[int, xr.Dataset]],
    *,
    rule: str,
    hessian_examples: int = 0,
    samples: int = 16,
) -> xr.Dataset:
    """Measure where the replicas of a scan ended.

    Parameters
    ----------
    keep : callable
        From the name of a long measurement to what makes it resumable, as `Given.keep`.
    network : Network
    problem : Problem
        The one trained on.
    runs : sequence of (batch size, Dataset)
        Of `train`.
    rule : str
    hessian_examples : int
        How many training examples the Hessian is a mean over; 0 leaves it out.
    samples : int
        Vectors of random signs for its trace and norm.

    Returns
    -------
    xarray.Dataset
        Dimensions (point, replica); coordinates learning_rate and batch_size. `reached` says
        where the stopping rule was met, or after all epochs, where nearly all training examples
        are classified right.
    """

    ends, points = gather_ends(runs, len(problem.data))  # type: ignore[arg-type]
    validation = network.validation_problem(problem)
    inside = soret.landscape.evaluate(problem, points, **keep("training loss"))
    outside = soret.landscape.evaluate(validation, points, **keep("validation loss"))
    reached = ends.reached.values
    if rule == "loss":
        target = -float(runs[0][1].threshold[-1])
        reached = reached & (inside.loss.mean(axis=1, keepdims=True) >= target / EQUAL)
    found = {
        "loss": inside.loss,
        "accuracy": inside.accuracy,
        "validation_loss": outside.loss,
        "validation_accuracy": outside.accuracy,
        "reached": (inside.accuracy >= TRAINED) if rule == "epochs" else reached,
    }
    if hessian_examples:
        n = min(hessian_examples, len(problem.data))  # type: ignore[arg-type]
        flat = soret.landscape.flatness(
            problem, points, examples=n, samples=samples, **keep("Hessians")
        )
        found |= {name: getattr(flat, name) for name in ("trace", "frobenius", "top")}
        found["trace_error"] = flat.trace_error
    return ends.assign({name: (("point", "replica"), v) for name, v in found.items()})


def gather_ends(
    runs: Sequence[tuple[int, xr.Dataset]], examples: int
) -> tuple[xr.Dataset, NDArray[np.float32]]:
    """Return when and whether replicas got there, and where they stand, (points, replicas, P).

    All points are measured in one call, for a program is compiled at every call.
    """
    import xarray as xr

    points = np.concatenate([run.final_parameters.values for _, run in runs])
    parts = [
        xr.Dataset(
            {
                "epochs": (("point", "replica"), run.watched_until.values * size / examples),
                "reached": (
                    ("point", "replica"),
                    ~np.isnan(run.first_passage.isel(threshold=-1).values),
                ),
            },
            {
                "learning_rate": ("point", np.atleast_1d(run.learning_rate.values)),
                "batch_size": ("point", np.full(run.learning_rate.size, size)),
            },
        )
        for size, run in runs
    ]
    return xr.concat(parts, "point"), points


def check_rules(claim: Any) -> None:
    """Refuse settings of stopping rules that are not asked for."""
    rules = set(claim.rules)
    settings = {
        "epochs": {"epochs"},
        "most_epochs": {"loss", "accuracy"},
        "target_loss": {"loss"},
        "target_accuracy": {"accuracy"},
    }
    for name, needs in settings.items():
        if not needs & rules:
            refuse_unused(claim, [name], f"rules are {show(claim.rules)}")


def scan(claim: Any, rules: Sequence[str], *, hessian_examples: int = 0) -> Experiments:
    """Train over the grid of (η, S) to each stopping rule, and measure the ends."""
    problem = claim.problem(claim.training_data())
    if hessian_examples:
        images.at_most(claim, "hessian_examples", problem.data)
    made: dict[str, Declared] = {}
    for rule in rules:
        trained = {
            f"{rule}/S-{size}": train(
                problem,
                claim.learning_rates,
                size,
                rule=rule,
                target=claim.target_loss if rule == "loss" else claim.target_accuracy,
                epochs=claim.epochs if rule == "epochs" else claim.most_epochs,
                replicas=claim.replicas,
            )
            for size in claim.batch_sizes
        }

        def measured(given: Given, rule: str = rule) -> xr.Dataset:
            ends = measure_ends(
                lambda name: given.keep(f"{rule}/{name}"),
                claim,
                problem,
                [(size, given[f"{rule}/S-{size}"]) for size in claim.batch_sizes],
                rule=rule,
                hessian_examples=hessian_examples,
            )
            return ends.assign_attrs(
                problem_data=problem.settings["data"], network=claim.describe(), rule=rule
            )

        made |= trained
        made[f"{rule}/ends"] = Measurement(measured, after=tuple(trained))
    return made


def ends_of(rules: Sequence[str], runs: Runs) -> Runs:
    """Return what `scan` measured at the ends, by stopping rule."""
    return {rule: runs[f"{rule}/ends"] for rule in rules}


def part_of(problem: Problem, chosen: NDArray[np.bool_]) -> Problem:
    """Return a network on some of its training examples."""
    data = problem.data
    assert isinstance(data, soret.Dataset)
    part = replace(
        data, inputs=data.inputs[chosen], labels=data.labels[chosen], description="a part"
    )
    return replace(problem, data=part)


def trained(ends: xr.Dataset, values: Floats) -> Floats:
    """Return values (points, replicas) with NaN where training did not get there."""
    return np.where(ends.reached.values.astype(bool), values, np.nan)


def unrelated(values: Floats) -> Floats:
    """Return scatter (points, replicas) about the mean that goes with nothing.

    Replicas come in pairs that mirror each other, so that every mean effect is exactly zero.
    """
    rng = np.random.default_rng(0)
    spread = missing.deviation(values) + 1e-12
    half = spread * rng.normal(size=(len(values), -(-values.shape[1] // 2)))
    scatter = np.stack([half, -half], axis=-1).reshape(len(values), -1)[:, : values.shape[1]]
    return np.asarray(np.where(np.isfinite(values), missing.mean(values) + scatter, np.nan))
