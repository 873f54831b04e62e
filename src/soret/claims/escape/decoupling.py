"""Losses and output gradients of examples are independent, as far as noise matrices show it."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret import missing
from soret.claims import Experiments, Measurement, Result, Runs, Source, Statement, claim, images
from soret.claims.escape._images import even_odd
from soret.claims.images import Images
from soret.claims.judging import judged, mean_interval, near, with_power
from soret.claims.memory import refuse_beyond
from soret.claims.ranges import COUNT, POSITIVE, REPLICAS, SIZES, In, Several

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# "Exponentially small": eigenvalues of the decoupled matrix below this share of its largest. On a
# logarithmic axis like the paper's they fill all decades but the first three.
SMALL = 1e-3
# "Statistically similar": what a bin of a histogram over many decades does not show.
FACTOR = 2.0
# "The same matrix": a quarter of the way to the rival's is three times nearer to what is predicted.
APART = 0.25


@claim(
    "escape/decoupling",
    statement="The eigenvalues of the exact noise matrix 2⟨ℓ∇f∇fᵀ⟩ and of the decoupled one, "
    "2L⟨∇f∇fᵀ⟩, have similar distributions at the start of training and after 50 and 500 epochs, "
    "except for exponentially small ones; the matrices are nearly the same.",
    source=Source("escape", "Sec. 5.1, Fig. 1; Sec. 3.1, Eq. 7 and 9"),
    quick={"data": "digits", "hidden": (50, 50), "measured": 400, "replicas": 3},
    statements=[
        Statement(
            name="similar-spectra",
            text="The exact noise matrix and the decoupled one have similar distributions of "
            "eigenvalues at the start of training and after 50 and 500 epochs, except for "
            "exponentially small eigenvalues.",
            where="Sec. 5.1, Fig. 1",
            origin="printed",
            tolerance="a factor of 2 between eigenvalues of the same rank, which a bin of a "
            "histogram over many decades does not show; exponentially small are those below 10⁻³ "
            "of the largest, all but three decades of such an axis.",
            holds="the spectra of the exact noise matrix and of the decoupled one agree at "
            "{held} of {count} stages (typical factor {measured} where furthest off)",
            fails="the spectra of the exact noise matrix and of the decoupled one differ by a "
            "typical factor of {measured} ({low} to {high})",
            unclear="whether exact and decoupled noise matrix have similar spectra is undecided "
            "(typical factor {low} to {high})",
        ),
        Statement(
            name="matrices",
            text="At the start of training and after 50 and 500 epochs the exact noise matrix and "
            "the decoupled one are nearly the same matrix, eigenvectors included.",
            where="Sec. 3.1, Assumption 3.1, Eq. 7 and 9",
            origin="restored",
            tolerance="in Frobenius' norm, a quarter of the way to an isotropic matrix with the "
            "trace of the exact one: three times nearer to Eq. 9 than to that.",
            holds="as matrices, eigenvectors included, they agree at {held} of {count} stages (the "
            "difference is {measured} of the decoupled one's norm where furthest off)",
            fails="as matrices, eigenvectors included, they differ by {measured} ({low} to "
            "{high}) of the decoupled one's norm, an isotropic one by {rival}",
            unclear="whether they agree as matrices, eigenvectors included, is undecided (they "
            "differ by {low} to {high} of the decoupled one's norm)",
        ),
    ],
)
class Decoupling:
    """MNIST's first images, even against odd as ±1, two hidden layers of 100, mean square, Glorot.

    Eigenvalues are sorted and matched by rank. To be supported, the root mean square of the
    logarithm of their ratio must correspond to a factor of at most 2, over all ranks at which the
    decoupled eigenvalue is at least 10⁻³ of its largest. The rival's covariance is isotropic and
    has the trace of the exact one. Equal spectra do not make equal matrices: the second statement
    is about the Frobenius norm of the difference. Its note says what pairing losses and gradients
    at random would leave of it, which is no correlation but a finite number of images.

    Ours: pixels run from 0 to 1; batches are by epochs shuffled anew; the matrices are averages
    over the first `measured` of the training images, because a full spectrum costs their cube.
    """

    data: Annotated[Literal["digits", "mnist", "fashion-mnist"], "images", Images()] = "mnist"
    images: Annotated[int, "training images, the first so many", COUNT] = 10_000
    hidden: Annotated[tuple[int, ...], "units of each hidden layer", SIZES] = (100, 100)
    learning_rate: Annotated[float, "learning rate η", POSITIVE] = 0.01
    batch_size: Annotated[int, "batch size B", COUNT] = 100
    epochs: Annotated[
        tuple[int, ...], "epochs after which spectra are taken, beside 0", Several(COUNT)
    ] = (50, 500)
    measured: Annotated[
        int, "images that the matrices are averaged over", In(at_least=2, why="a covariance")
    ] = 2500
    replicas: Annotated[int, "replicas", REPLICAS] = 4

    def experiments(self) -> Experiments:
        """Train, keep the parameters at every stage, and take both spectra there."""
        data = even_odd(self)
        problem = soret.problems.dense(
            hidden=self.hidden, data=data, scaling="none", loss="mean_square", init="glorot"
        )
        an_epoch = max(1, len(data) // self.batch_size)
        training = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(self.learning_rate, batch_size=self.batch_size, sampling="epochs"),
            observe=[soret.observables.parameters, soret.observables.loss],
            steps=max(self.epochs) * an_epoch,
            record_every=gcd(*self.epochs) * an_epoch,
            replicas=self.replicas,
        )
        measured = images.at_most(self, "measured", data)
        # A full spectrum of so many outputs: a symmetric matrix in float64, and its factors.
        refuse_beyond(4 * 8 * measured**2, "a spectrum over so many images", measured=measured)
        stages = (0, *self.epochs)
        points = [epochs * an_epoch for epochs in stages]
        spectra = Measurement(
            lambda given: _spectra(problem, given["training"], points, stages, measured),
            after=("training",),
        )
        return {"training": training, "spectra": spectra}

    def saved(self, runs: Runs) -> Runs:
        """Leave out the parameters of a large net at every record: they are for measuring."""
        return {**runs, "training": runs["training"].drop_vars("parameters")}

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: ratios within a factor of 2, one matrix. Rival: the unit matrix, scaled."""
        stages = [runs["spectra"].isel(epoch=i) for i in range(runs["spectra"].sizes["epoch"])]
        return [judge(stage) for judge in (_judge, _judge_matrices) for stage in stages]

    def control(self, runs: Runs) -> Runs:
        """Return exact spectra that are isotropic, with the traces they had."""
        spectra = runs["spectra"].copy(deep=True)
        isotropic = spectra.exact.sum("rank") / spectra.attrs["parameters"]
        spectra["distance"] = isotropic_distance(spectra)
        spectra["exact"] = isotropic.broadcast_like(spectra.exact).transpose(*spectra.exact.dims)
        return {**runs, "spectra": spectra}

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Histograms as in the paper, and the ratios that the verdict is about."""
        from soret.claims.escape._decoupling_figure import SpectraColumn, spectra_figure

        spectra = runs["spectra"]
        columns = []
        stages = spectra.sizes["epoch"]
        for i, (result, matrices) in enumerate(
            zip(results[:stages], results[stages:], strict=True)
        ):
            stage = spectra.isel(epoch=i)
            epoch = int(stage.epoch)
            columns.append(
                SpectraColumn(
                    "at initialization" if epoch == 0 else f"after {epoch} epochs",
                    stage.exact.values,
                    stage.decoupled.values,
                    float(stage.exact.sum("rank").mean()) / spectra.attrs["parameters"],
                    result,
                    matrices,
                )
            )
        about = runs["training"].attrs["problem_data"]
        widths = "–".join(map(str, self.hidden))
        title = f"Is the noise matrix decoupled? {about}; hidden layers of {widths}"
        figure = spectra_figure(columns, small=SMALL, factor=FACTOR, title=title)
        return {"decoupling": figure}


def _spectra(
    problem: soret.Problem,
    run: xr.Dataset,
    points: list[int],
    stages: tuple[int, ...],
    measured: int,
) -> xr.Dataset:
    """Return both spectra of every replica at every stage."""
    import xarray as xr

    assert isinstance(problem.data, soret.Dataset)
    n = min(measured, len(problem.data))
    kept = run.parameters.sel(step=points)
    made = []
    for replica in range(run.sizes["replica"]):
        thetas = [problem.unflatten(vector) for vector in kept.isel(replica=replica).values]
        made.append([soret.landscape.decoupling(problem, theta, n) for theta in thetas])
    size = made[0][0].size
    grid = ("replica", "epoch")
    variables: dict[str, Any] = {
        name: ((*grid, "rank"), np.array([[getattr(one, name) for one in row] for row in made]))
        for name in ("exact", "decoupled")
    }
    for name in ("loss", "trace_ratio", "distance", "random_distance"):
        variables[name] = (grid, np.array([[getattr(one, name) for one in row] for row in made]))
    attributes = {"parameters": size, "examples": n}
    return xr.Dataset(variables, {"epoch": list(stages)}, attributes)


def factors_by_rank(exact: Floats, decoupled: Floats) -> Floats:
    """Return max(A_k/D_k, D_k/A_k) of spectra (replicas, n); NaN where D_k is exponentially small.

    An eigenvalue that is zero where its partner is not makes the factor huge, not NaN.
    """
    kept = decoupled >= SMALL * decoupled[:, :1]
    ratios = np.maximum(exact, np.finfo(float).tiny) / np.where(kept, decoupled, np.nan)
    return np.asarray(np.exp(np.abs(np.log(ratios))))


def factors(exact: Floats, decoupled: Floats) -> Floats:
    """Return the typical factor between matched eigenvalues, (replicas,)."""
    logs = np.log(factors_by_rank(exact, decoupled))
    return np.asarray(np.exp(np.sqrt(missing.mean(logs**2, axis=1))))


def isotropic_distance(spectra: xr.Dataset) -> xr.DataArray:
    """Return |A − D|/|D| in Frobenius' norm for a multiple A of the unit matrix with A's trace."""
    size = spectra.attrs["parameters"]
    each = spectra.exact.sum("rank") / size
    square = (spectra.decoupled**2).sum("rank")
    apart = size * each**2 - 2 * each * spectra.decoupled.sum("rank") + square
    return np.sqrt(apart / square)


def _judge_matrices(stage: xr.Dataset) -> Result:
    """Test one stage's matrices."""
    rival = float(isotropic_distance(stage).mean())
    chance = float(stage.random_distance.mean())
    return judged(
        f"norm of the matrices' difference over the decoupled one's after {int(stage.epoch)} "
        "epochs",
        *mean_interval(stage.distance.values.astype(float)),
        predicted=f"at most {APART * rival:.3g}",
        rival=rival,
        within=(-np.inf, APART * rival),
        note=f"losses and gradients paired at random: {chance:.2f}",
        statement="matrices",
    )


def _judge(stage: xr.Dataset) -> Result:
    """Test one stage's spectra."""
    exact, decoupled = (stage[name].values.astype(float) for name in ("exact", "decoupled"))
    isotropic = exact.sum(axis=1, keepdims=True) / stage.attrs["parameters"]
    rival = float(factors(np.broadcast_to(isotropic, exact.shape), decoupled).mean())
    mean, (low, high) = soret.inference.student_interval(factors(exact, decoupled))
    interval = (np.fmax(low, 1.0) if np.isfinite(low) else low, high)  # no factor is below 1
    kept = decoupled >= SMALL * decoupled[:, :1]
    share = float((decoupled * kept).sum() / decoupled.sum())
    largest = float((exact[:, 0] / decoupled[:, 0]).mean())
    worst = float(missing.largest(factors_by_rank(exact, decoupled)))
    result = judged(
        f"typical factor between matched eigenvalues after {int(stage.epoch)} epochs",
        mean,
        interval,
        predicted=f"at most {FACTOR:g}",
        rival=rival,
        within=near(1.0, FACTOR - 1.0),
        note=f"{int(kept.sum(axis=1).mean())} eigenvalues, {100 * share:.1f} % of the trace; loss "
        f"{float(stage.loss.mean()):.3g}; largest eigenvalues exact/decoupled {largest:.2f}, "
        f"traces {float(stage.trace_ratio.mean()):.2f}; at the worst rank a factor of {worst:.3g}",
        statement="similar-spectra",
    )
    return with_power(result)
