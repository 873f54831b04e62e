"""Mini-batch noise: covariance C/S, less without replacement, and Gaussian for large S."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import (
    Continuation,
    Declared,
    Experiments,
    Given,
    Measurement,
    Result,
    Runs,
    Source,
    Statement,
    claim,
)
from soret.claims.judging import judged, near
from soret.claims.ranges import COUNT, NOISY, POSITIVE, SIZES, In, Several
from soret.claims.settings import show
from soret.claims.three_factors._training import Network
from soret.errors import InferenceError, SettingsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Sampling = Literal["with_replacement", "without_replacement"]
SAMPLINGS: tuple[Sampling, ...] = (
    "with_replacement",
    "without_replacement",
)
# A law of 1/S is exact; what is allowed for is the chance of the draws.
TOLERANCE = 0.05
# "Gaussian": fourth moments off by less than a tenth, what an eye sees no difference in.
GAUSSIAN = 0.1
GROUPS = 10
# A step this short keeps the starts apart, and loses no digits that count.
STEP = 0.01


@claim(
    "three-factors/minibatch-noise",
    statement="A mini-batch's gradient is the full gradient and noise of covariance C/S, times "
    "(N − S)/(N − 1) where a batch is drawn without replacement; for large S it is Gaussian.",
    source=Source("three-factors", "SGD dynamics in the continuum limit: central limit theorem"),
    quick={
        "data": "digits",
        "images": 512,
        "hidden": (16,),
        "batch_sizes": (1, 4, 16, 64, 256),
        "draws": 800,
        "epochs": (2, 40),
        "training_batch": 16,
        "learning_rate": 0.1,
        "dimensions": 6,
    },
    resolution=["draws"],
    statements=[
        Statement(
            name="covariance",
            text="The noise of a mini-batch's gradient has the covariance C/S.",
            where="slides “SGD dynamics in continuum limit”: g + Δg/√S, Δg ~ N(0, C)",
            origin="printed",
            tolerance="5 % in tr Cov and in its power of S: the law is exact, and what is allowed "
            "for is the chance of the draws.",
            holds="the covariance of a mini-batch's gradient goes as 1/S and is C/S ({held} of "
            "{count} results)",
            fails="the covariance of a mini-batch's gradient is not C/S: {quantity} is {measured} "
            "({low} to {high}), not {predicted}",
            unclear="whether the covariance of a mini-batch's gradient is C/S is undecided "
            "({quantity}: {low} to {high}, predicted {predicted})",
        ),
        Statement(
            name="gaussian",
            text="For large S the noise of a mini-batch's gradient is Gaussian.",
            where="slides “SGD dynamics in continuum limit”: central limit theorem",
            origin="printed",
            tolerance="0.1 in the relative excess of Mardia's kurtosis, at the largest S and along "
            "the foremost eigenvectors of C: fourth moments off by less than a tenth.",
            holds="at the largest S the noise is Gaussian within a tenth ({held} of {count} points "
            "of training)",
            fails="the noise is far from Gaussian: {quantity} is {measured} ({low} to {high})",
            unclear="whether the noise is Gaussian at the largest S is undecided ({quantity}: "
            "{low} to {high})",
        ),
        Statement(
            name="without-replacement",
            text="Where a batch is drawn without replacement the covariance is (N − S)/(N − 1) of "
            "C/S.",
            where="not in the slides, for which N is large",
            origin="ours",
            tolerance="5 % at the largest S, for the chance of the draws.",
            holds="without replacement the covariance is (N − S)/(N − 1) of C/S",
            fails="without replacement the covariance is {measured} ({low} to {high}) of C/S where "
            "(N − S)/(N − 1) = {predicted}",
            unclear="whether without replacement the covariance is (N − S)/(N − 1) of C/S is "
            "undecided ({low} to {high}, predicted {predicted})",
        ),
    ],
)
class MinibatchNoise(Network):
    """Single steps of SGD from three points of training, many times each, against the full C.

    Batches are drawn by `soret.simulate` itself. To be supported, the power of S in the trace of
    the covariance must be −1 and S tr Cov/tr C be 1, both within 5 %; without replacement,
    S tr Cov/tr C must be (N − S)/(N − 1) within 5 % at the largest S; and at the largest S the
    relative excess of Mardia's multivariate kurtosis must be below 0.1, in the directions of the
    largest eigenvalues of C.

    With a finite data set the central limit theorem cannot fail; what is asked is whether it has
    set in at that S. The excess falls as 1/S exactly, so that the note can say where it would.
    Network, points and batch sizes are ours.
    """

    images: Annotated[int, "training images, the first so many: N", NOISY] = 4096
    hidden: Annotated[tuple[int, ...], "units of each hidden layer of a dense net", SIZES] = (50,)
    batch_normalization: Annotated[bool, "whether a dense net is batch-normalized"] = False
    learning_rate: Annotated[float, "learning rate η of the training", POSITIVE] = 0.1
    training_batch: Annotated[int, "batch size of the training", COUNT] = 32
    epochs: Annotated[
        tuple[int, ...], "epochs after which noise is measured, beside 0", Several(COUNT)
    ] = (2, 50)
    batch_sizes: Annotated[
        tuple[int, ...],
        "batch sizes S, ascending",
        Several(COUNT, fewest=3, order="rising", why="a power of it"),
    ] = (1, 4, 16, 64, 256, 1024)
    draws: Annotated[
        int, "mini-batches of each size at each point", In(at_least=200, why="a covariance")
    ] = 4000
    dimensions: Annotated[int, "directions of the test of normality", COUNT] = 10

    def check(self) -> None:
        """Refuse too few draws for the directions, and settings of the other network."""
        super().check()
        if self.draws < 20 * self.dimensions:
            raise SettingsError(
                f"draws must be at least 20 times dimensions, got draws={self.draws} and "
                f"dimensions={self.dimensions}."
            )

    def experiments(self) -> Experiments:
        """Train, find C at three points, and take single steps from them."""
        data = self.training_data()
        for name, most in (("batch_sizes", len(data) // 2), ("training_batch", len(data))):
            if np.max(getattr(self, name)) > most:
                raise SettingsError(
                    f"{name} must be at most {most:,} for {len(data):,} images, got "
                    f"{show(getattr(self, name))}."
                )
        problem = self.problem(data)
        an_epoch = len(data) // self.training_batch
        training = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(
                self.learning_rate, batch_size=self.training_batch, sampling="epochs"
            ),
            observe=soret.observables.parameters,
            steps=max(self.epochs) * an_epoch,
            record_every=int(np.gcd.reduce(self.epochs)) * an_epoch,
            replicas=1,
        )
        places = [epochs * an_epoch for epochs in self._stages()]
        points = Measurement(
            lambda given: _points(
                problem, given["training"], places, self._stages(), self.dimensions
            ),
            after=("training",),
        )
        declared: dict[str, Declared] = {"training": training, "points": points}
        return declared | {sampling: self._draws(problem, sampling) for sampling in SAMPLINGS}

    def saved(self, runs: Runs) -> Runs:
        """Sort draws by the point they started from, and leave out what lets them be known."""
        made = {
            name: _sorted(runs[name].noise.isel(step=1).values, self, self._stages())
            for name in SAMPLINGS
        }
        points = runs["points"].drop_vars(["parameters", "gradient", "direction"])
        about = runs["training"].attrs["problem_data"]
        return made | {"points": points.assign_attrs(problem_data=about)}

    def _stages(self) -> tuple[int, ...]:
        """Return the epochs after which noise is looked at."""
        return (0, *self.epochs)

    def _draws(self, problem: soret.Problem, sampling: Sampling) -> Continuation:
        """Return single steps from the points."""
        like = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(STEP, batch_size=list(self.batch_sizes), sampling=sampling),
            observe=soret.observables.parameter_norm,
            steps=1,
            record_every=1,
            # Starts are drawn: six standard deviations more, so that each has its draws.
            replicas=len(self._stages()) * int(self.draws + 6 * np.sqrt(self.draws)),
        )

        def parts(given: Given) -> dict[str, Any]:
            points = given["points"]
            return {
                "problem": soret.problems.starting_from(problem, points.parameters.values),
                "observe": _noise_from(points),
            }

        return Continuation(like, parts, after=("points",))

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: 1/S, (N − S)/(N − 1), Gaussian. Rival: 1/S², 1, as one example's."""
        results: list[Result] = []
        for i, epoch in enumerate(runs["points"].epoch.values):
            where = "at the start" if epoch == 0 else f"after {epoch} epochs"
            results += _judge(runs, i, where, len(results) == 0)
        return results

    def control(self, runs: Runs) -> Runs:
        """Return noise of covariance C/S², without replacement as with, and never Gaussian."""
        made = {name: run.copy(deep=True) for name, run in runs.items()}
        # One example's noise may look normal; with a random scale to every draw it does not.
        shape = runs["with_replacement"].projection.isel(batch_size=0, rank=[0]).shape
        scale = np.exp(np.random.default_rng(0).normal(size=shape))
        for name in SAMPLINGS:
            run, one = made[name], runs["with_replacement"].isel(batch_size=0)
            sizes = run.batch_size.values.astype(float)
            for variable, power in (("square", 2.0), ("projection", 1.0)):
                first = one[variable].values * (scale if variable == "projection" else 1.0)
                values = np.stack([first / s**power for s in sizes], axis=1)
                run[variable] = run[variable].dims, values
        return made

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Trace against S, its ratio to C/S, and how far from normal the noise is."""
        from soret.claims.three_factors._minibatch_noise_figure import NoisePoint, minibatch_figure

        points = runs["points"]
        drawn = []
        for i, epoch in enumerate(points.epoch.values):
            values = [result.verdict for result in results[4 * i : 4 * i + 4]]
            traces = {str(name): runs[name].square.values[i].mean(-1) for name in SAMPLINGS}
            excess = [_gaussianity(part) for part in runs["with_replacement"].projection.values[i]]
            drawn.append(
                NoisePoint(
                    "at the start" if epoch == 0 else f"after {epoch} epochs",
                    float(points.trace[i]),
                    traces,
                    np.array([one.excess for one in excess]),
                    np.array([one.interval for one in excess]),
                    runs["with_replacement"].projection.values[i, :, :, 0],
                    values,
                )
            )
        figure = minibatch_figure(
            drawn,
            sizes=runs["with_replacement"].batch_size.values.astype(float),
            examples=int(points.attrs["examples"]),
            gaussian=GAUSSIAN,
            title=f"Mini-batch noise: C/S? Gaussian? {points.attrs['problem_data']}; "
            f"{self.describe()}",
        )
        return {"minibatch-noise": figure}


def _points(
    problem: Any, run: xr.Dataset, places: list[int], stages: tuple[int, ...], dimensions: int
) -> xr.Dataset:
    """Return, at each point, parameters, full gradient, tr C, and C's foremost directions."""
    import xarray as xr

    thetas = run.parameters.isel(replica=0).sel(step=places).values
    noises = [soret.landscape.gradient_noise(problem, problem.unflatten(t)) for t in thetas]
    tops = [noise.top(dimensions) for noise in noises]
    evaluated = soret.landscape.evaluate(problem, thetas)
    return xr.Dataset(
        {
            "parameters": (("epoch", "parameter"), thetas),
            "gradient": (("epoch", "parameter"), np.array([n.gradient for n in noises])),
            "direction": (("epoch", "rank", "parameter"), np.array([t.vectors for t in tops])),
            "eigenvalue": (("epoch", "rank"), np.array([t.values for t in tops])),
            "trace": ("epoch", [noise.trace for noise in noises]),
            "loss": ("epoch", evaluated.loss),
            "accuracy": ("epoch", evaluated.accuracy),
        },
        {"epoch": list(stages)},
        {"examples": len(problem.data)},
    )


def _noise_from(points: xr.Dataset) -> Any:
    """Return the observable of a first step: where it started, its noise squared, projections."""
    import jax.numpy as jnp

    starts, gradients, directions = (
        jnp.asarray(points[name].values, jnp.float32)
        for name in ("parameters", "gradient", "direction")
    )

    def noise(problem: Any, state: Any) -> Any:
        moved = starts - soret.observables.parameters(problem, state)
        which = jnp.argmin(jnp.sum(moved**2, axis=1))
        found = moved[which] / STEP - gradients[which]
        head = jnp.stack([which.astype(jnp.float32), jnp.sum(found**2)])
        return jnp.concatenate([head, directions[which] @ found])

    return noise


def _sorted(values: Floats, claim: Any, stages: tuple[int, ...]) -> xr.Dataset:
    """Return draws by the point they started from, equally many at each."""
    import xarray as xr

    which = values[0, :, 0].astype(int)
    # Which replica starts where does not depend on the batch size.
    chosen = np.array([np.flatnonzero(which == i)[: claim.draws] for i in range(len(stages))])
    kept = np.moveaxis(values[:, chosen].astype(float), 0, 1)
    return xr.Dataset(
        {
            "square": (("epoch", "batch_size", "draw"), kept[..., 1]),
            "projection": (("epoch", "batch_size", "draw", "rank"), kept[..., 2:]),
        },
        {"epoch": list(stages), "batch_size": list(claim.batch_sizes)},
    )


def _judge(runs: Runs, i: int, where: str, first: bool) -> list[Result]:
    points, drawn = runs["points"].isel(epoch=i), runs["with_replacement"].isel(epoch=i)
    n, trace = int(points.attrs["examples"]), float(points.trace)
    sizes = drawn.batch_size.values.astype(float)

    def traces(name: str) -> Floats:
        """Return tr Cov/tr C of groups of draws, (groups, sizes)."""
        values = runs[name].square.values[i]
        return np.array([p.mean(axis=1) for p in np.array_split(values, GROUPS, axis=1)]) / trace

    grouped, without = traces("with_replacement"), traces("without_replacement")
    slopes = np.polyfit(np.log(sizes), np.log(grouped).T, 1)[0]
    last = sizes[-1]
    share = (n - last) / (n - 1)
    about = (
        f"{drawn.sizes['draw']} draws of each S; training loss {float(points.loss):.2g}, accuracy "
        f"{float(points.accuracy):.3f}; tr C = {trace:.3g}"
    )
    results = [
        _judge_mean(
            f"power of S in tr Cov, {where}",
            slopes,
            predicted=-1.0,
            rival=-2.0,
            note=about,
            statement="covariance",
        ),
        _judge_mean(
            f"S tr Cov/tr C, mean over S, {where}",
            (grouped * sizes).mean(axis=1),
            predicted=1.0,
            rival="falls as 1/S",
            note="by size " + ", ".join(f"{v:.3f}" for v in (grouped * sizes).mean(axis=0)),
            statement="covariance",
        ),
        _judge_mean(
            f"S tr Cov/tr C without replacement at S = {last:g}, {where}",
            without[:, -1] * last,
            predicted=share,
            rival=1.0,
            note=f"(N − S)/(N − 1) with N = {n}",
            statement="without-replacement",
        ),
    ]
    return [*results, _judge_gaussian(drawn.projection.values, sizes, where)]


def _judge_mean(quantity: str, groups: Floats, *, predicted: float, **told: Any) -> Result:
    """Test a mean over groups of draws; groups whose number is not finite are left out."""
    return judged(
        quantity,
        *soret.inference.student_interval(groups),
        predicted=predicted,
        within=near(predicted, TOLERANCE),
        **told,
    )


def _gaussianity(projections: Floats) -> Any:
    return soret.inference.gaussianity(projections)


def _judge_gaussian(projections: Floats, sizes: Floats, where: str) -> Result:
    found = [_gaussianity(part) for part in projections]
    last, one = found[-1], found[0]
    rejected = [f"{s:g}" for s, each in zip(sizes, found, strict=True) if not each.normal]
    try:
        tail = soret.inference.power_tail(np.linalg.norm(projections[0], axis=1))
        index = f"tail index of its norm at S = 1: {tail.exponent - 1:.1f}"
    except InferenceError as error:
        index = f"no tail index: {error}"
    note = (
        "excess by size "
        + ", ".join(f"{each.excess:.2g}" for each in found)
        + f"; normality rejected at 5 % for S = {', '.join(rejected) or 'none'}; as 1/S, the "
        f"excess falls to {GAUSSIAN:g} at S = {max(1.0, one.excess * sizes[0] / GAUSSIAN):.0f}; "
        + index
    )
    return judged(
        f"relative excess kurtosis ({last.dimensions} dimensions) at S = {sizes[-1]:g}, {where}",
        last.excess,
        last.interval,
        predicted=f"below {GAUSSIAN:g}",
        rival=one.excess,
        within=(-np.inf, GAUSSIAN),
        note=note,
        statement="gaussian",
    )
