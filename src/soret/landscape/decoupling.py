"""Is the loss of an example independent of its output's gradient? (power-law escape, Eq. 7)"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array
from numpy.typing import NDArray

from soret.errors import ConvergenceError, SettingsError
from soret.landscape.flat import FlatProblem
from soret.landscape.noise import GradientNoise, gradient_noise
from soret.landscape.point import point
from soret.landscape.products import Batches
from soret.problems import Params, Problem
from soret.problems.tracing import ensemble_settings

Floats = NDArray[np.float64]

# Rounding of a residual in float32 that passes for a mean-square loss.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Decoupling:
    """Noise of the mean-square loss, exact and decoupled, as `decoupling` returns it.

    With r_i = f_i − y_i, ℓ_i = ½r_i² and L their mean over n examples:

        exact      A = 2/n Σ ℓ_i ∇f_i∇f_iᵀ = 1/n Σ ∇ℓ_i∇ℓ_iᵀ,
        decoupled  D = 2L/n Σ ∇f_i∇f_iᵀ.

    Both have at most n eigenvalues that are not zero: those of the n x n matrices r_i K_ij r_j and
    2L K_ij, K_ij = ∇f_i·∇f_j / n.

    Attributes
    ----------
    gram : (n, n) float64 array
        K.
    residuals : (n,) float64 array
        r.
    size : int
        Number of parameters P.
    whole : bool
        Whether the n examples are the whole data set.
    """

    gram: Floats
    residuals: Floats
    size: int
    whole: bool = False

    @property
    def examples(self) -> int:
        """n."""
        return len(self.residuals)

    @property
    def loss(self) -> float:
        """L."""
        return float(np.mean(self.residuals**2)) / 2

    @cached_property
    def exact(self) -> Floats:
        """Eigenvalues of A (min(n, P),), falling."""
        return self._spectrum(self.gram * np.outer(self.residuals, self.residuals))

    @cached_property
    def decoupled(self) -> Floats:
        """Eigenvalues of D (min(n, P),), falling."""
        return 2 * self.loss * self._spectrum(self.gram.copy())

    @property
    def trace_ratio(self) -> float:
        """Tr A/Tr D: whether large losses go with large gradients; 1 where decoupled.

        Raises
        ------
        ConvergenceError
            If both are zero: no loss, or no gradient of the output. So for `distance`.
        """
        self._refuse_zero()
        diagonal = np.diag(self.gram)
        return float(self.residuals**2 @ diagonal / (2 * self.loss * diagonal.sum()))

    @property
    def distance(self) -> float:
        """|A − D|/|D| in Frobenius' norm, the eigenvectors included; 0 where decoupled.

        The sampling of n examples alone makes it more than zero: see `random_distance`.
        """
        self._refuse_zero()
        squares = self.gram**2
        weights = self._weights
        return float(np.sqrt(max(weights @ squares @ weights, 0.0) / squares.sum()))

    @property
    def random_distance(self) -> float:
        """`distance` where losses are dealt to gradients at random, in root mean square.

        With w_i = ℓ_i/L − 1, which sum to zero, a random order has E w_i² = s² and E w_i w_j =
        −s²/(n − 1), s² the mean of w².
        """
        self._refuse_zero()
        squares = self.gram**2
        own, whole = np.trace(squares), squares.sum()
        each = own - (whole - own) / max(self.examples - 1, 1)
        return float(np.sqrt(max(np.mean(self._weights**2) * each, 0.0) / whole))

    @property
    def _weights(self) -> Floats:
        """ℓ_i/L − 1."""
        return self.residuals**2 / (2 * self.loss) - 1

    def _refuse_zero(self) -> None:
        zero = "loss" if not self.loss > 0 else "gradient of the output"
        if not self.loss > 0 or not np.diag(self.gram).any():
            raise ConvergenceError(
                f"the {zero} is zero at all {self.examples:,} examples, so both noise matrices "
                "vanish and cannot be compared; measure before the data are fitted exactly."
            )

    def _spectrum(self, matrix: Floats) -> Floats:
        values = scipy.linalg.eigvalsh(matrix, overwrite_a=True)[::-1]
        return np.maximum(values[: min(len(values), self.size)], 0.0)


@ensemble_settings()
def output_noise(
    problem: Problem, params: Params, examples: int | None = None, seed: int = 0
) -> GradientNoise:
    """Return 1/n Σ ∇f_i∇f_iᵀ, the second moment of the gradient of a scalar output.

    For the mean-square loss it is the Hessian but for the curvature of the outputs (power-law
    escape, Eq. 11 and 44): the Gauss–Newton matrix, with all that is known of gradients' moments.

    Parameters
    ----------
    problem, params, examples, seed
        As for `gradient_noise`.

    Raises
    ------
    SettingsError
        If the output is no scalar, or the arguments do not fit.
    """
    _check_scalar(problem, params)
    kept = problem.kept
    if output_noise not in kept:
        kept[output_noise] = replace(
            problem, loss=lambda output, _: output.reshape(()), full_loss=None
        )
    return gradient_noise(kept[output_noise], params, examples, centred=False, seed=seed)


@ensemble_settings()
def decoupling(
    problem: Problem, params: Params, examples: int | None = None, seed: int = 0
) -> Decoupling:
    """Measure both sides of the decoupling approximation at a point.

    Parameters
    ----------
    problem : Problem
        With a scalar output and the mean-square loss.
    params : pytree of float32 arrays
    examples : int, optional
        So many drawn at random from a data set (default: all), or from a stream (default 4096).
        The Gram matrix takes 8n² bytes, each spectrum 4n³/3 operations.
    seed : int
        Seed of the draw.

    Raises
    ------
    SettingsError
        If the output is no scalar or the loss is not ½(f − y)², the arguments do not fit, or
        Gram's matrix does not fit into memory.
    ConvergenceError
        If loss, residual or gradient of an example is not finite.
    """
    noise = output_noise(problem, params, examples, seed)
    measured = point(problem, params, examples, seed)
    each = measured.model.compiled(_losses_and_slopes)
    parts = zip(*Batches(measured).examples(each), strict=True)
    losses, residuals = (np.concatenate(part).astype(np.float64) for part in parts)
    n = measured.examples
    if not (np.isfinite(losses).all() and np.isfinite(residuals).all()):
        where = int(np.argmin(np.isfinite(losses) & np.isfinite(residuals)))
        raise ConvergenceError(
            f"loss or residual of example {where} of {n:,} is not finite; measure where the loss "
            "is defined."
        )
    if not np.allclose(losses, residuals**2 / 2, rtol=_ROUNDING, atol=_ROUNDING * losses.mean()):
        raise SettingsError(
            f"the loss of problem {problem.name!r} is not ½(f − y)²; the decoupling approximation "
            "is about the mean-square loss."
        )
    return Decoupling(noise.gram(), residuals, measured.size, measured.whole)


def _losses_and_slopes(model: FlatProblem) -> Any:
    """Return what makes the loss of each example of a batch, and its slope in the output."""
    problem = model.problem

    def each(batch: tuple[Array, ...]) -> tuple[Array, Array]:
        flat, inputs, labels, _ = batch
        params = model.unflatten(flat)

        def one(x: Array, label: Array) -> tuple[Array, Array]:
            assert callable(problem.loss)
            output = problem.output(params, x)
            loss, slope = jax.value_and_grad(problem.loss)(output, label)
            return loss, slope.reshape(())

        return jax.vmap(one)(inputs, labels)

    return each


def _check_scalar(problem: Problem, params: Params) -> None:
    inputs, _ = problem.evaluation_batch(1)
    shape = jax.eval_shape(problem.output, params, jnp.asarray(inputs[0])).shape
    if int(np.prod(shape)) != 1:
        raise SettingsError(
            f"problem {problem.name!r} has outputs of shape {shape}; this takes scalar ones."
        )
