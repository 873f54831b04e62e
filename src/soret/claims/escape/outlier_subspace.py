"""SGD about a trained net's minimum moves among the Hessian's outliers, by noise 2L·H."""

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
from soret.claims.counts import check_divides
from soret.claims.escape import _passages as passages
from soret.claims.escape._images import even_odd
from soret.claims.images import Images
from soret.claims.judging import judged, mean_interval
from soret.claims.ranges import COUNT, POSITIVE, REPLICAS, In

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A quarter of the way to the rival's number is three times nearer to what is predicted.
QUARTER = 0.25
# "Do not change": what is called equal is held to 10 %.
UNCHANGED = 0.9
_MATRIX_WHY = (
    "in Frobenius' norm over the outliers, a quarter of the way to an isotropic matrix of the same "
    "trace: three times nearer to the prediction than to that."
)
# Learning rates of the dry run, before h* is known.
_PLACEHOLDER = 1e-3


@claim(
    "escape/outlier-subspace",
    statement="Near a trained net's minimum the noise is 2L·H as a matrix, H's outliers are those "
    "of ⟨∇f∇fᵀ⟩ and keep their eigenvectors, and SGD is frozen along all other directions until it "
    "escapes along one of them.",
    source=Source("escape", "Sec. 3.1, Eq. 6, 10 and 11; Sec. 4, Assumption 4.6; App. B"),
    quick={
        "data": "digits",
        "pretraining_steps": 20_000,
        "steps": 20_000,
        "every": 20,
        "replicas": 6,
    },
    resolution=["every"],
    statements=[
        Statement(
            name="noise",
            text="Among the Hessian's outliers the covariance of an example's gradient is 2L·H, "
            "eigenvectors included.",
            where="Sec. 3.1, Eq. 6 and 8",
            origin="restored",
            tolerance=_MATRIX_WHY,
            holds="near a net's minimum the noise is 2L·H as a matrix (off by {measured} of its "
            "norm among outliers, isotropic noise by {rival})",
            fails="near a net's minimum the noise is not 2L·H as a matrix: it is off by {measured} "
            "({low} to {high}) of its norm among outliers, isotropic noise by {rival}",
            unclear="whether the noise near a net's minimum is 2L·H as a matrix is undecided (off "
            "by {low} to {high} of its norm)",
            regardless=["heat", "batch_size", "level", "steps", "every"],
        ),
        Statement(
            name="gauss-newton",
            text="Near a minimum the Hessian's outliers and their eigenvectors are those of "
            "⟨∇f∇fᵀ⟩: what else is in the Hessian does not contribute to them.",
            where="Sec. 3.1, Eq. 10 and 11; App. A",
            origin="printed",
            tolerance=_MATRIX_WHY,
            holds="the Hessian's outliers are those of ⟨∇f∇fᵀ⟩ (off by {measured} of their norm)",
            fails="the Hessian's outliers are not those of ⟨∇f∇fᵀ⟩: off by {measured} ({low} to "
            "{high}) of their norm",
            unclear="whether the Hessian's outliers are those of ⟨∇f∇fᵀ⟩ is undecided (off by "
            "{low} to {high} of their norm)",
            regardless=["heat", "batch_size", "level", "steps", "every"],
        ),
        Statement(
            name="frozen",
            text="SGD is frozen along the flat directions: until it escapes it moves in the space "
            "of the outliers' eigenvectors.",
            where="Sec. 3.1, below Assumption 3.1; Sec. 4, Assumption 4.6",
            origin="printed",
            tolerance="a quarter of what isotropic motion has along the flat directions: three "
            "times nearer to none.",
            holds="until it escapes SGD is frozen along flat directions (a share of {measured} of "
            "its squared displacement)",
            fails="SGD is not frozen along flat directions: when it escapes, they have {measured} "
            "({low} to {high}) of its squared displacement",
            unclear="whether SGD is frozen along flat directions is undecided (a share of {low} "
            "to {high} of its squared displacement)",
        ),
        Statement(
            name="eigenvectors",
            text="The outliers' eigenvectors do not change within the valley.",
            where="Sec. 4, Assumption 4.6",
            origin="printed",
            tolerance="at least 0.9 of their space in common with that at the minimum: what is "
            "called equal is held to 10 %.",
            holds="where it escapes the outliers' eigenvectors are those of the minimum "
            "({measured} of their space in common)",
            fails="where it escapes the outliers' eigenvectors are not those of the minimum "
            "({measured}, {low} to {high}, of their space in common)",
            unclear="whether the outliers' eigenvectors change on the way is undecided ({low} to "
            "{high} of their space in common)",
        ),
        Statement(
            name="path",
            text="The path of escape aligns with one of the Hessian's eigenvectors.",
            where="App. B, above Eq. 23",
            origin="printed",
            tolerance="a quarter of the way from 1, all along one eigenvector, to the share of the "
            "foremost one in a random direction: three times nearer to one eigenvector.",
            holds="within the outliers' space it escapes along one eigenvector (with a share of "
            "{measured})",
            fails="within the outliers' space it does not escape along one eigenvector: the "
            "foremost one has a share of {measured} ({low} to {high}), in a random direction "
            "{rival}",
            unclear="whether it escapes along one eigenvector is undecided (the foremost one has "
            "a share of {low} to {high})",
        ),
    ],
)
class OutlierSubspace:
    """The net of Sec. 5.3.2: one hidden layer of 10, MNIST's first images, even against odd.

    Nets are trained as there, and the exact Hessian H, C and ⟨∇f∇fᵀ⟩ are taken where one ends, by
    their products with H's foremost eigenvectors: with them in the rows of U and their eigenvalues
    h, the difference of a matrix A from what is predicted is |AUᵀ − Uᵀdiag(h)| over |h|, h times 2L
    for C. So what A has outside of the space counts as well. From there replicas run on until the
    loss over all images first reaches `level` times what it was, or the steps end, and their
    displacement and H's foremost eigenvectors are taken there. A net is one sample: intervals are
    Student's over nets, over the mean of a net's replicas that got there.

    Ours: how many eigenvectors count as outliers, the level, the heat ηh*/B and batch size of the
    second stage, pixels from 0 to 1, and how often the loss is looked at. In the space of the
    outliers a direction drawn at random is the rival of an escape along one eigenvector; of all
    else, what is isotropic in all of θ.
    """

    data: Annotated[Literal["digits", "mnist", "fashion-mnist"], "images", Images()] = "mnist"
    images: Annotated[int, "training images, the first so many", COUNT] = 10_000
    hidden: Annotated[int, "units of the hidden layer", COUNT] = 10
    pretraining_rate: Annotated[float, "learning rate η of the training", POSITIVE] = 0.01
    pretraining_batch: Annotated[int, "batch size B of the training", COUNT] = 100
    pretraining_steps: Annotated[int, "updates of the training", COUNT] = 100_000
    trained: Annotated[int, "nets trained independently", REPLICAS] = 5
    outliers: Annotated[
        int, "foremost eigenvectors", In(at_least=2, at_most=100, why="one among several")
    ] = 10
    heat: Annotated[
        float, "ηh*/B of the runs that escape", In(above=0, below=1, why="a net that stays")
    ] = 0.2
    batch_size: Annotated[int, "batch size B of the runs that escape", COUNT] = 1
    level: Annotated[float, "L/L* at which a run has escaped", In(above=1)] = 2.0
    steps: Annotated[int, "updates after which a run gives up", COUNT] = 400_000
    every: Annotated[int, "updates between looks at the loss", COUNT] = 100
    replicas: Annotated[int, "replicas of each net that escape", REPLICAS] = 10

    def check(self) -> None:
        """Refuse looks that do not divide the steps."""
        check_divides("every", self.every, "steps", self.steps)

    def experiments(self) -> Experiments:
        """Train nets, measure at the minimum of each, let replicas escape, and measure there."""
        problem = soret.problems.dense(
            hidden=(self.hidden,),
            data=even_odd(self),
            scaling="none",
            loss="mean_square",
            init="glorot",
        )
        training = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(self.pretraining_rate, batch_size=self.pretraining_batch),
            observe=[soret.observables.parameters, soret.observables.full_loss],
            steps=self.pretraining_steps,
            record_every=self.pretraining_steps,
            replicas=self.trained,
        )

        def minimum(net: int) -> Measurement:
            def measured(given: Given) -> xr.Dataset:
                return _minimum(problem, given["training"].isel(replica=net), self.outliers)

            return Measurement(measured, after=("training",))

        def watched(lowest: float) -> soret.FirstPassage:
            loss = passages.loss_over(lowest)
            return soret.FirstPassage(loss, [self.level], self.every, hold=True)

        def leaving(net: int) -> Continuation:
            def parts(given: Given) -> dict[str, Any]:
                found = given[f"{net}/minimum"]
                ends = given["training"].parameters.isel(step=-1, replica=net)
                rate = self.heat * self.batch_size / float(found.eigenvalue[0])
                return {
                    "problem": soret.problems.starting_from(problem, ends),
                    "algorithm": soret.SGD(rate, batch_size=self.batch_size),
                    "watch": watched(float(found.loss)),
                }

            like = soret.Experiment(
                problem=problem,
                algorithm=soret.SGD(_PLACEHOLDER, batch_size=self.batch_size),
                watch=watched(1.0),
                steps=self.steps,
                record_every=self.every * passages.record_every(self.steps // self.every),
                replicas=self.replicas,
            )
            return Continuation(like, parts, after=("training", f"{net}/minimum"))

        def ends(net: int) -> Measurement:
            def measured(given: Given) -> xr.Dataset:
                start = given["training"].parameters.isel(step=-1, replica=net).values
                return _ends(problem, start, given[f"{net}/minimum"], given[f"{net}/leaving"])

            return Measurement(measured, after=("training", f"{net}/minimum", f"{net}/leaving"))

        declared: dict[str, Declared] = {"training": training}
        for net in range(self.trained):
            declared[f"{net}/minimum"] = minimum(net)
            declared[f"{net}/leaving"] = leaving(net)
            declared[f"{net}/ends"] = ends(net)
        return declared

    def saved(self, runs: Runs) -> Runs:
        """Return the measurements, a row a net, without eigenvectors."""
        import xarray as xr

        together = {
            name: xr.concat(
                [runs[f"{net}/{name}"].drop_vars("vector", errors="ignore") for net in self._nets],
                "net",
            )
            for name in ("minimum", "ends")
        }
        about = runs["training"].attrs["problem_data"]
        return {
            "minimum": together["minimum"].assign_attrs(problem_data=about),
            "ends": together["ends"],
        }

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: no difference, no motion outside, one eigenvector. Rival: isotropy."""
        minimum, ends = runs["minimum"], runs["ends"]
        size = int(minimum.attrs["parameters"])
        results = []
        for statement, matrix, what in (
            ("noise", "noise", "C − 2L·H over 2L·H"),
            ("gauss-newton", "outputs", "⟨∇f∇fᵀ⟩ − H over H"),
        ):
            rival = float(minimum[f"{matrix}_isotropic"].mean())
            results.append(
                judged(
                    f"norm of {what} among the {self.outliers} foremost eigenvectors",
                    *mean_interval(minimum[f"{matrix}_apart"].values.astype(float)),
                    predicted=f"at most {QUARTER * rival:.3g}",
                    rival=rival,
                    within=(-np.inf, QUARTER * rival),
                    note=_ratios(minimum, matrix) if np.isfinite(rival) else "",
                    statement=statement,
                )
            )
        within = ends.share.sum("rank")
        passed = ends.passed.values.astype(bool)
        kept = f"{passed.sum()} of {passed.size} replicas of {len(passed)} nets escaped"
        flat = 1 - self.outliers / size
        results.append(
            judged(
                f"share of flat directions in the squared displacement at {self.level:g} L*",
                *mean_interval(_by_net(1 - within.values, passed)),
                predicted=f"at most {QUARTER * flat:.3g}",
                rival=flat,
                within=(-np.inf, QUARTER * flat),
                note=kept,
                statement="frozen",
            )
        )
        foremost = float(np.mean(_by_net(ends.foremost.values, passed)))
        results.append(
            judged(
                f"share of the outliers' space in common with the minimum's at {self.level:g} L*",
                *mean_interval(_by_net(ends.overlap.values, passed)),
                predicted=1.0,
                rival=self.outliers / size,
                within=(UNCHANGED, np.inf),
                note=f"{kept}; of the foremost eigenvector alone {foremost:.2f}",
                statement="eigenvectors",
            )
        )
        rival = random_foremost(self.outliers)
        along = (ends.share.max("rank") / within).values
        results.append(
            judged(
                f"share of the foremost eigenvector in the displacement at {self.level:g} L*, "
                "within the outliers' space",
                *mean_interval(_by_net(along, passed)),
                predicted=1.0,
                rival=rival,
                within=(1 - QUARTER * (1 - rival), np.inf),
                note=f"{kept}; {_which(ends, passed)}",
                statement="path",
            )
        )
        return results

    def control(self, runs: Runs) -> Runs:
        """Return matrices and displacements that are isotropic, and unrelated eigenvectors."""
        minimum, ends = (runs[name].copy(deep=True) for name in ("minimum", "ends"))
        size = int(minimum.attrs["parameters"])
        for matrix in ("noise", "outputs"):
            minimum[f"{matrix}_apart"] = minimum[f"{matrix}_isotropic"]
        drawn = np.random.default_rng(0).normal(size=(*ends.overlap.shape, size)) ** 2
        drawn = drawn[..., : self.outliers] / drawn.sum(-1, keepdims=True)
        ends["share"] = (*ends.overlap.dims, "rank"), drawn
        ends["overlap"] = 0 * ends.overlap + self.outliers / size
        return {"minimum": minimum, "ends": ends}

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Both matrices along the outliers, where displacements go, and all that is judged."""
        from soret.claims.escape._outlier_subspace_figure import outlier_figure

        minimum = runs["minimum"]
        about = f"{minimum.attrs['problem_data']}; one hidden layer of {self.hidden}"
        figure = outlier_figure(
            minimum,
            runs["ends"],
            results,
            level=self.level,
            title=f"Noise and motion among the Hessian's outliers; {about}",
        )
        return {"outlier-subspace": figure}

    @property
    def _nets(self) -> range:
        return range(self.trained)


def random_foremost(dimensions: int) -> float:
    """Return the mean largest squared component of a random unit vector, by 20,000 draws."""
    drawn = np.random.default_rng(0).normal(size=(20_000, dimensions)) ** 2
    return round(float((drawn.max(1) / drawn.sum(1)).mean()), 3)


def apart(products: Floats, vectors: Floats, values: Floats) -> float:
    """Return |AUᵀ − Uᵀdiag(h)|/|h| in Frobenius' norm.

    Parameters
    ----------
    products : (k, P) array
        AUᵀ, a row an eigenvector.
    vectors : (k, P) array
        U, orthonormal rows.
    values : (k,) array
        h.
    """
    left = products - values[:, None] * vectors
    return float(np.linalg.norm(left) / np.linalg.norm(values))


def _minimum(problem: soret.Problem, trained: xr.Dataset, k: int) -> xr.Dataset:
    """Compare C and ⟨∇f∇fᵀ⟩ with H where a net was trained to."""
    import xarray as xr

    theta = problem.unflatten(trained.parameters.isel(step=-1).values)
    loss = float(trained.full_loss.isel(step=-1))
    found = soret.landscape.hessian(problem, theta).top(k)
    noise = soret.landscape.gradient_noise(problem, theta)
    outputs = soret.landscape.output_noise(problem, theta)
    made: dict[str, Any] = {
        "vector": (("rank", "parameter"), found.vectors),
        "eigenvalue": ("rank", found.values),
        "loss": loss,
    }
    for name, matrix, scale in (("noise", noise, 2 * loss), ("outputs", outputs, 1.0)):
        values, size = scale * found.values, noise.size
        products = matrix.operator.matmat(found.vectors)
        isotropic = matrix.trace / size * found.vectors
        made[f"{name}_apart"] = apart(products, found.vectors, values)
        made[f"{name}_isotropic"] = apart(isotropic, found.vectors, values)
        made[f"{name}_ratio"] = ("rank", (products * found.vectors).sum(1) / values)
        made[f"{name}_share"] = float((products * found.vectors).sum() / matrix.trace)
    return xr.Dataset(made, attrs={"parameters": noise.size})


def _ends(
    problem: soret.Problem, start: Floats, minimum: xr.Dataset, leaving: xr.Dataset
) -> xr.Dataset:
    """Measure displacements and foremost eigenvectors where replicas escaped."""
    import xarray as xr

    vectors = minimum.vector.values
    rows: dict[str, list[Any]] = {"share": [], "overlap": [], "foremost": []}
    for end in leaving.final_parameters.values:
        moved = end.astype(float) - start
        rows["share"].append((vectors @ moved) ** 2 / (moved @ moved))
        here = soret.landscape.hessian(problem, problem.unflatten(end)).top(len(vectors)).vectors
        common = (vectors @ here.T) ** 2
        rows["overlap"].append(common.sum() / len(vectors))
        rows["foremost"].append(common[0, 0])
    passed = np.isfinite(leaving.first_passage.isel(threshold=-1).values)
    return xr.Dataset(
        {
            "share": (("replica", "rank"), np.array(rows["share"])),
            "overlap": ("replica", np.array(rows["overlap"])),
            "foremost": ("replica", np.array(rows["foremost"])),
            "passed": ("replica", passed),
        }
    )


def _by_net(values: Floats, passed: NDArray[np.bool_]) -> Floats:
    """Return the mean of each net's replicas that escaped; NaN where none did."""
    kept = np.where(passed, values, 0.0).sum(1)
    count = passed.sum(1)
    return np.where(count > 0, kept / np.maximum(count, 1), np.nan)


def _ratios(minimum: xr.Dataset, matrix: str) -> str:
    ratio = minimum[f"{matrix}_ratio"].mean("net").values
    share = float(minimum[f"{matrix}_share"].mean())
    return (
        f"along the eigenvectors {ratio.min():.2f} to {ratio.max():.2f} of the prediction, "
        f"{ratio[0]:.2f} along the foremost; {100 * share:.0f} % of the trace is among them"
    )


def _which(ends: xr.Dataset, passed: NDArray[np.bool_]) -> str:
    first = ends.share.values.argmax(-1)[passed]
    return f"the foremost is the first eigenvector in {(first == 0).sum()} of {first.size}"
