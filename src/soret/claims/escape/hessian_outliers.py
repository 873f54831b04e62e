"""The Hessian of a trained net has a bulk of eigenvalues near zero and a few outliers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

import soret
from soret.claims import Experiments, Measurement, Result, Runs, Source, Statement, claim
from soret.claims.escape._images import even_odd
from soret.claims.images import Images
from soret.claims.judging import judged, with_power
from soret.claims.ranges import COUNT, POSITIVE, REPLICAS

if TYPE_CHECKING:
    import xarray as xr

# "Close to zero": below this share of the largest eigenvalue, what a linear axis cannot show.
NEAR_ZERO = 0.01
# "Most" and "some": one in twenty.
FEW = 1 / 20


@claim(
    "escape/hessian-outliers",
    statement="After training, the spectrum of ⟨∇f∇fᵀ⟩ (the Hessian without the curvature of f) "
    "has a bulk of eigenvalues close to zero and a few outliers, so that the effective dimension "
    "is small.",
    source=Source("escape", "App. E, Fig. 6, Eq. 44 and 45"),
    quick={"data": "digits", "steps": 10_000, "replicas": 4},
    statements=[
        Statement(
            name="bulk",
            text="Most eigenvalues of ⟨∇f∇fᵀ⟩ of a trained net are close to zero, and some are "
            "large.",
            where="App. E, Fig. 6a",
            origin="printed",
            tolerance="at most 1 in 20 above 1 % of the largest: what a linear axis cannot show "
            "is close to zero, and one in twenty is few.",
            holds="most eigenvalues of a trained net's ⟨∇f∇fᵀ⟩ are close to zero: a share of "
            "{measured} is above 1 % of the largest",
            fails="a share of {measured} ({low} to {high}) of the eigenvalues of a trained net's "
            "⟨∇f∇fᵀ⟩ is above 1 % of the largest",
            unclear="how many eigenvalues of a trained net's ⟨∇f∇fᵀ⟩ are close to zero is "
            "undecided ({low} to {high} are above 1 % of the largest)",
        ),
        Statement(
            name="dimension",
            text="The effective dimension, from the weights of the eigenmodes, is a small part "
            "of what gradients without structure have.",
            where="App. E, Fig. 6b, Eq. 45",
            origin="restored",
            tolerance="a twentieth of the effective dimension of random gradients, one in twenty "
            "being few; both the participation ratio and the entropy form, as the formula is "
            "lost.",
            holds="the effective dimension is small by {held} of {count} formulas (participation "
            "ratio {measured}, of random gradients {rival})",
            fails="the effective dimension is not small: {quantity} is {measured} ({low} to "
            "{high}), of random gradients {rival}",
            unclear="whether the effective dimension is small is undecided ({quantity}: {low} to "
            "{high})",
        ),
    ],
)
class HessianOutliers:
    """The net of Sec. 5.3.2: one hidden layer of 10, MNIST's first images, even against odd.

    To be supported, at most one eigenvalue in twenty may be above 1 % of the largest, and the
    effective dimension may be at most a twentieth of what gradients without structure have: for
    n independent random vectors of P components the participation ratio is P/(1 + P/n). The
    formula of Eq. 45 is lost in the text; both the participation ratio 1/Σw² and the entropy form
    exp(−Σ w ln w) of the weights w_i = h_i/Σh are tested.

    Ours: pixels run from 0 to 1; batches are by epochs shuffled anew. The note gives the largest
    eigenvalue of the exact Hessian, its curvature of f included.
    """

    data: Annotated[Literal["digits", "mnist", "fashion-mnist"], "images", Images()] = "mnist"
    images: Annotated[int, "training images, the first so many", COUNT] = 10_000
    hidden: Annotated[int, "units of the hidden layer", COUNT] = 10
    learning_rate: Annotated[float, "learning rate η", POSITIVE] = 0.01
    batch_size: Annotated[int, "batch size B", COUNT] = 100
    steps: Annotated[int, "updates before the spectrum is taken", COUNT] = 100_000
    replicas: Annotated[int, "replicas", REPLICAS] = 3

    def experiments(self) -> Experiments:
        """Train, and take the spectrum of every replica at the end."""
        data = even_odd(self)
        problem = soret.problems.dense(
            hidden=(self.hidden,), data=data, scaling="none", loss="mean_square", init="glorot"
        )
        training = soret.Experiment(
            problem=problem,
            algorithm=soret.SGD(self.learning_rate, batch_size=self.batch_size, sampling="epochs"),
            observe=[soret.observables.parameters, soret.observables.full_loss],
            steps=self.steps,
            record_every=self.steps,
            replicas=self.replicas,
        )
        spectra = Measurement(
            lambda given: _spectra(problem, given["training"]), after=("training",)
        )
        return {"training": training, "spectra": spectra}

    def judge(self, runs: Runs) -> list[Result]:
        """Predicted: few eigenvalues count. Rival: Marchenko and Pastur's law, where most do."""
        from soret.theory.marchenko_pastur import marchenko_pastur

        spectra = runs["spectra"]
        values = spectra.eigenvalue.values.astype(float)
        random = marchenko_pastur(values.shape[1], spectra.attrs["examples"], values[0].sum())
        results: list[Result] = []
        for quantity, of in _QUANTITIES.items():
            rival = of(random)
            limit = FEW * (rival if "dimension" in quantity else 1.0)
            mean, interval = soret.inference.student_interval([of(row) for row in values])
            result = judged(
                quantity,
                mean,
                interval,
                predicted=f"at most {limit:.3g}",
                rival=rival,
                within=(-np.inf, limit),
                note="" if results else _note(spectra),
                statement="dimension" if "dimension" in quantity else "bulk",
            )
            results.append(with_power(result))
        return results

    def control(self, runs: Runs) -> Runs:
        """Return the spectra of random gradients with the same traces."""
        from soret.theory.marchenko_pastur import marchenko_pastur

        spectra = runs["spectra"].copy(deep=True)
        values = spectra.eigenvalue.values
        spectra["eigenvalue"] = (
            spectra.eigenvalue.dims,
            np.array(
                [marchenko_pastur(len(v), spectra.attrs["examples"], v.sum()) for v in values]
            ),
        )
        return {**runs, "spectra": spectra}

    def draw(self, runs: Runs, results: list[Result]) -> dict[str, Any]:
        """Histogram and largest eigenvalues, as in the paper, beside the rival's."""
        from soret.claims.escape._hessian_outliers_figure import outliers_figure
        from soret.theory.marchenko_pastur import marchenko_pastur

        spectra = runs["spectra"]
        values = spectra.eigenvalue.values.astype(float)
        random = marchenko_pastur(values.shape[1], spectra.attrs["examples"], values[0].sum())
        about = runs["training"].attrs["problem_data"]
        title = f"Few outliers? {about}; one hidden layer of {self.hidden}"
        return {
            "hessian-outliers": outliers_figure(
                values, random, results, near_zero=NEAR_ZERO, title=title
            )
        }


def _above(values: Any) -> float:
    """Return the share of eigenvalues that are not close to zero."""
    return float(np.mean(values > NEAR_ZERO * values.max()))


_QUANTITIES: dict[str, Any] = {
    "share of eigenvalues above 1 % of the largest": _above,
    "effective dimension n, participation ratio": lambda values: (
        soret.landscape.effective_dimension(values)
    ),
    "effective dimension n, entropy form": lambda values: soret.landscape.effective_dimension(
        values, "entropy"
    ),
}


def _spectra(problem: soret.Problem, run: xr.Dataset) -> xr.Dataset:
    """Return the spectrum of every replica at the end, zeros included."""
    import xarray as xr

    rows, tops = [], []
    for vector in run.parameters.isel(step=-1).values:
        theta = problem.unflatten(vector)
        noise = soret.landscape.output_noise(problem, theta)
        found = noise.spectrum()
        rows.append(np.concatenate([found, np.zeros(noise.size - len(found))]))
        tops.append(float(soret.landscape.hessian(problem, theta).top(1).values[0]))
    return xr.Dataset(
        {
            "eigenvalue": (("replica", "rank"), np.maximum(np.array(rows), 0.0)),
            "exact_top": ("replica", tops),
            "loss": ("replica", run.full_loss.isel(step=-1).values.astype(float)),
        },
        attrs={"examples": noise.point.examples},
    )


def _note(spectra: xr.Dataset) -> str:
    values = spectra.eigenvalue.values.astype(float)
    top = values[:, 0]
    many = (values > 0.1 * top[:, None]).sum(axis=1)
    return (
        f"{values.shape[1]:,} parameters; loss {float(spectra.loss.mean()):.3g}; largest "
        f"eigenvalue h* = {top.mean():.3g} ({top.min():.3g} to {top.max():.3g} over replicas), "
        f"that of the exact Hessian {float(spectra.exact_top.mean()):.3g}; {many.min()} to "
        f"{many.max()} eigenvalues above a tenth of it"
    )
