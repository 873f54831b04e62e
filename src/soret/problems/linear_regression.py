"""Linear regression, f = θ·x with the loss ½(θ·x − y)²: a quadratic surface known in full."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32
from numpy.typing import ArrayLike, NDArray

from soret.data import Dataset, GaussianRegression, Stream
from soret.data.arrays import as_array, as_float32, check_same_order
from soret.errors import DataError, SettingsError
from soret.numerics import default_semantics
from soret.problems.arguments import at_least, real
from soret.problems.problem import Problem

RegressionParams = dict[str, Float32[Array, "dimensions"]]
"""theta (dimensions,)."""

# Bytes of inputs that are in float64 at a time while they are summed up.
_AT_ONCE = 2**26


@dataclass(frozen=True)
class RegressionStatistics:
    """All that the mean loss of linear regression depends on: L = L* + ½(θ − θ*)ᵀH(θ − θ*).

    Attributes
    ----------
    hessian : (dimensions, dimensions) float64 array
        H = XᵀX/N.
    minimum : (dimensions,) float64 array
        θ*, the shortest where there are many.
    minimum_loss : float
        L*, the loss there.
    examples : int or None
        N; None is the limit of infinitely many.
    """

    hessian: NDArray[np.float64]
    minimum: NDArray[np.float64]
    minimum_loss: float
    examples: int | None

    @property
    def dimensions(self) -> int:
        """Number of parameters d."""
        return len(self.minimum)

    def loss(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return L(θ), shape (...), in float64, for θ of shape (..., dimensions)."""
        away = np.asarray(theta, float) - self.minimum
        return self.minimum_loss + 0.5 * np.einsum("...i,ij,...j", away, self.hessian, away)


@default_semantics()
def linear_regression(
    dimensions: int | None = None,
    examples: int | None = 100_000,
    *,
    data: Dataset | GaussianRegression | tuple[ArrayLike, ArrayLike] | None = None,
    start: ArrayLike | None = None,
    spread: float = 0.0,
    seed: int = 0,
) -> Problem:
    """Build linear regression without bias, by default on noise (power-law escape, Sec. 5.3.1).

    In the paper's problem all components of x, and y, are independent standard Gaussian numbers,
    so that θ* is near zero, H near the identity and L* near ½. Its full loss costs d² operations,
    not N: see `soret.observables.full_loss` and `regression_statistics`. It is evaluated in
    float32, so a loss is known to 10⁻⁷ of itself, and a displacement from θ* to 10⁻⁷|θ*|.

    Parameters
    ----------
    dimensions : int, optional
        d, the number of features; 1 by default, and what given data have.
    examples : int or None
        N, drawn once with `seed`. None is the limit N → ∞: fresh examples at every step. Not
        looked at where data are given.
    data : Dataset, (inputs, labels), or stream, optional
        Inputs (N, ...), flattened, and real labels (N,).
    start : (dimensions,) array_like, optional
        Where all replicas start; by default at the minimum θ*.
    spread : float
        Standard deviation of a Gaussian from which every replica draws its start around that.
    seed : int
        Of the data, which do not move with a run's seed.

    Raises
    ------
    SettingsError
        If the arguments do not fit each other.
    DataError
        If inputs and labels form no data set.
    """
    source = _source(data, dimensions, examples, seed)
    found = regression_statistics(source)
    d = found.dimensions
    if dimensions not in (None, d):
        raise SettingsError(f"dimensions is {dimensions}, but the data have {d}; leave it out.")
    centre = _centre(found.minimum if start is None else start, d)
    real(spread=spread)
    if not (np.isfinite(spread) and spread >= 0):
        raise SettingsError(f"spread is {spread}; it must be a number of at least 0.")
    hessian, minimum = found.hessian.astype(np.float32), found.minimum.astype(np.float32)
    lowest = np.float32(found.minimum_loss)

    def initial(key: Array) -> RegressionParams:
        theta = jnp.asarray(centre)
        if spread:
            theta = theta + np.float32(spread) * jax.random.normal(key, (d,), jnp.float32)
        return {"theta": theta}

    def full_loss(params: RegressionParams) -> Float[Array, ""]:
        away = params["theta"] - minimum
        return lowest + jnp.float32(0.5) * (away @ (jnp.asarray(hessian) @ away))

    return Problem(
        init=initial,
        predict=predict,
        loss="mean_square",
        data=source,
        full_loss=full_loss,
        name="linear_regression",
        fixed_start=not spread,
        settings={
            "dimensions": d,
            "examples": "infinite" if found.examples is None else found.examples,
            "data": source.description,
            "start": "minimum" if start is None else [float(value) for value in centre],
            "spread": float(spread),
        },
    )


def predict(params: RegressionParams, x: Float[Array, "dimensions"]) -> Float[Array, ""]:
    """Return θ·x."""
    return params["theta"] @ x


@default_semantics()
def regression_statistics(data: Dataset | Stream) -> RegressionStatistics:
    """Return H, θ* and L* of data, in float64; of a problem, give ``problem.data``.

    Parameters
    ----------
    data : Dataset with real labels, or GaussianRegression

    Raises
    ------
    SettingsError
        If the data have classes, or are a stream of another kind.
    """
    if isinstance(data, GaussianRegression):
        d = data.features
        return RegressionStatistics(np.eye(d), np.zeros(d), 0.5, None)
    if not isinstance(data, Dataset) or data.classes:
        raise SettingsError(
            f"linear regression got {data!r}; give (inputs, labels), a Dataset whose labels are "
            "real numbers, or soret.data.GaussianRegression."
        )
    if data.labels.ndim != 1:
        raise SettingsError(
            f"data set {data.name!r} has labels of shape {data.labels.shape[1:]} for each example; "
            "linear regression takes one number."
        )
    inputs, labels = data.flat(), data.labels.astype(np.float64)
    n, d = inputs.shape
    second, mixed = np.zeros((d, d)), np.zeros(d)
    rows = max(1, _AT_ONCE // (8 * d))
    parts = [slice(a, a + rows) for a in range(0, n, rows)]
    for part in parts:
        x = inputs[part].astype(np.float64)
        second += x.T @ x
        mixed += x.T @ labels[part]
    minimum: NDArray[np.float64] = np.linalg.lstsq(second, mixed, rcond=None)[0].astype(float)
    # Summed over residuals, not from y², which would lose the digits of a good fit.
    squares = sum(
        float(np.sum((inputs[part].astype(np.float64) @ minimum - labels[part]) ** 2))
        for part in parts
    )
    return RegressionStatistics(second / n, minimum, 0.5 * squares / n, n)


def _source(
    data: Any, dimensions: int | None, examples: int | None, seed: int
) -> Dataset | GaussianRegression:
    """Return the data; all but their kind is checked by whoever takes them."""
    if data is None:
        stream = GaussianRegression(1 if dimensions is None else dimensions)
        if examples is None:
            return stream
        if isinstance(examples, bool) or not isinstance(examples, int | np.integer) or examples < 1:
            raise SettingsError(f"examples is {examples!r}; it must be at least 1, or None.")
        at_least("seed", seed, 0)
        random = np.random.default_rng(seed)
        inputs = random.standard_normal((examples, stream.features), np.float32)
        labels = random.standard_normal(examples, np.float32)
        about = f"{stream.description}, {examples:,} examples, seed {seed}"
        return Dataset("gaussian regression", inputs, labels, (), about)
    if isinstance(data, tuple):
        if len(data) != 2:
            raise SettingsError(f"data holds {len(data)} arrays; give (inputs, labels).")
        check_same_order(*data, "regression")
        labels = as_array(data[1], "regression", "labels")
        if labels.dtype.kind not in "buif":
            raise DataError(
                f"the labels form no array of numbers (they are of type {labels.dtype})"
            )
        if labels.ndim != 1:
            raise DataError(
                f"the labels have shape {labels.shape}; linear regression takes one number for "
                "each example, of shape (examples,)"
            )
        # Whole numbers are quantities here; those that float32 has not are refused as such.
        as_float32(labels, "regression", "labels")
        return Dataset("regression", data[0], labels.astype(np.float64))
    if isinstance(data, Dataset) and not data.classes:
        if data.augmentation is not None:
            raise SettingsError(
                f"data set {data.name!r} is augmented, and what is known of linear regression "
                "(H, θ*, L*) is of the examples as they are; give them so."
            )
        if data.inputs.ndim > 2:
            return replace(data, inputs=data.flat(), layout=None)
    return data


def _centre(start: ArrayLike, dimensions: int) -> Float32[np.ndarray, "dimensions"]:
    try:
        centre = np.asarray(start, np.float32)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"start is {start!r}; it must be numbers, one a dimension.") from error
    if centre.shape != (dimensions,) or not np.isfinite(centre).all():
        raise SettingsError(
            f"start has shape {centre.shape} and must be finite numbers of shape ({dimensions},)."
        )
    return centre
