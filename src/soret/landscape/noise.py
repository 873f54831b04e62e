"""The noise of the gradient: the covariance C of one example's gradient, by its products."""

from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax.tree_util import keystr
from jaxtyping import Array

from soret.errors import ConvergenceError, SettingsError
from soret.landscape.derivatives import linear_map
from soret.landscape.flat import FlatProblem
from soret.landscape.gradients import example_gradients
from soret.landscape.matrix import LandscapeMatrix
from soret.landscape.operators import SymmetricOperator
from soret.landscape.point import Point, point
from soret.landscape.products import MEMORY, Batches, in_groups, rows
from soret.memory import refuse_beyond
from soret.problems import Params, Problem
from soret.problems.tracing import ensemble_settings

# Rows of the largest matrix whose eigenvalues are all computed: 800 MB, some minutes.
_SPECTRUM = 10_000
# Bytes of gradients that are held while those of all other examples pass by.
_GROUP = 2**30


class GradientNoise(LandscapeMatrix):
    """The covariance of one example's gradient at a point, as `gradient_noise` returns it.

    Whatever is asked of it is a ConvergenceError where a gradient is not finite.

    With g_i = ∇ℓ_i(θ), ḡ their mean over the n examples, and δ = 1 where these are a sample and
    0 where they are the whole data set:

        C = 1/(n − δ) Σ (g_i − ḡ)(g_i − ḡ)ᵀ,     or, not centred,     1/n Σ g_i g_iᵀ.

    SGD with batches of B drawn with replacement has gradient noise of covariance C/B.

    Attributes
    ----------
    centred : bool
    """

    def __init__(
        self, point: Point, operator: SymmetricOperator, centred: bool, gradients: int
    ) -> None:
        super().__init__(point, operator)
        self.centred = centred
        self._at_once = gradients

    @cached_property
    def gradient(self) -> np.ndarray:
        """The mean gradient ḡ (size,), float64."""
        gradient = self.point.model.compiled(_total_gradient)
        total = Batches(self.point).sum(lambda batch: gradient(*batch))
        return self._finite(total / self.point.examples, "mean gradient")

    @cached_property
    def diagonal(self) -> np.ndarray:
        """The diagonal of the matrix (size,), float64: the variance of each gradient component."""
        if self.centred:
            return self._variance
        return self._variance * (1 - self._sampled / self.point.examples) + self.gradient**2

    @property
    def trace(self) -> float:
        """The trace of the matrix, from every example's gradient: exact up to rounding."""
        return float(self.diagonal.sum())

    @property
    def noise_strength(self) -> float:
        """Tr C of the centred matrix: the mean square of the noise of one example."""
        return float(self._variance.sum())

    @property
    def gradient_squared(self) -> float:
        """|∇L|², without bias: |ḡ|² − tr C / n over a sample, |ḡ|² over a whole data set.

        E|ḡ|² = |∇L|² + tr C / n, for ḡ is the mean of n independent gradients. The estimate may
        come out below zero where the gradient is small.
        """
        bias = self._sampled * self.noise_strength / self.point.examples
        return float(self.gradient @ self.gradient) - bias

    @property
    def signal_to_noise(self) -> float:
        """|∇L|²/tr C of one example; a batch of B has B times as much. See `gradient_squared`.

        Raises
        ------
        ConvergenceError
            If there is no noise to compare with.
        """
        if not self.noise_strength > 0:
            raise ConvergenceError(
                "the gradients of all examples are the same, so signal over noise has no value."
            )
        return self.gradient_squared / self.noise_strength

    @property
    def simple_critical_batch_size(self) -> float:
        """B_simple = tr C/|∇L|², with both parts estimated without bias.

        Raises
        ------
        ConvergenceError
            If |∇L|² is not above zero by its estimate: more examples are needed.

        References
        ----------
        McCandlish et al. (2018), arXiv:1812.06162, Eq. 2.9 and App. A.1.
        """
        if not self.gradient_squared > 0:
            raise ConvergenceError(
                f"the mean gradient over {self.point.examples} examples cannot be told from zero, "
                "so the critical batch size has no value; measure over more examples."
            )
        return self.noise_strength / self.gradient_squared

    def spectrum(self) -> np.ndarray:
        """Return all eigenvalues, falling: through whichever is smaller of C and Gram's matrix.

        Gram's matrix of the n gradients, K_ij = g_i·g_j / n, has the eigenvalues of C that are
        not zero.

        Returns
        -------
        (min(examples, size),) float64 array
            Further eigenvalues, where there are fewer examples than parameters, are zero.

        Raises
        ------
        SettingsError
            If both examples and parameters are more than 10,000, or the matrix does not fit into
            memory.
        """
        n = self.point.examples
        if min(n, self.size) > _SPECTRUM:
            raise SettingsError(
                f"the whole spectrum needs at most {_SPECTRUM:,} examples or parameters and got "
                f"{n:,} and {self.size:,}; use top(k) or spectral_density()."
            )
        matrix = self.gram() if n < self.size else self._matrix()
        values = scipy.linalg.eigvalsh(matrix, overwrite_a=True, check_finite=True)
        return values[::-1].copy()

    @property
    def _sampled(self) -> int:
        return 0 if self.point.whole else 1

    @property
    def _divisor(self) -> int:
        return self.point.examples - (self._sampled if self.centred else 0)

    @cached_property
    def _variance(self) -> np.ndarray:
        """Variance of each component about the mean, whether centred or not."""
        n = self.point.examples
        reference = self.gradient.astype(np.float32)
        first, second = np.zeros(self.size), np.zeros(self.size)
        apply = self.point.model.compiled(_moments)
        for scale, one, two in self._rows.each(apply, reference):
            first += float(scale) * one.astype(np.float64)
            second += float(scale) ** 2 * two.astype(np.float64)
        self._finite(second, "variance of the gradient")
        # The reference is the mean but for its rounding, which is taken back here.
        return np.maximum(second - first**2 / n, 0.0) / (n - self._sampled)

    @cached_property
    def _rows(self) -> Batches:
        """Batches of as many examples as have room for all their gradients."""
        return Batches(self.point, batch_size=self._at_once)

    def _blocks(self) -> Any:
        """Yield where a batch starts, and its gradients (b, size), float64, centred if asked."""
        mean = self.gradient if self.centred else 0.0
        done = 0
        for block in self._rows.examples(self.point.model.compiled(_gradients)):
            block = block.astype(np.float64)
            wrong = ~np.isfinite(block).all(axis=1)
            if wrong.any():
                example = int(np.argmax(wrong))
                of = f"gradient of example {done + example} of {self.point.examples:,}"
                self._finite(block[example], of)
            block -= mean
            yield done, block
            done += len(block)

    def _groups(self) -> Any:
        """Yield what `_blocks` yields, several put together as long as memory allows."""
        first, group = 0, list[np.ndarray]()
        for start, block in self._blocks():
            if group and 8 * (start - first + len(block)) * self.size > _GROUP:
                yield first, np.concatenate(group)
                first, group = start, []
            group.append(block)
        yield first, np.concatenate(group)

    def _finite(self, vector: np.ndarray, what: str) -> np.ndarray:
        """Return the vector; refuse it, and say in which parameters, if it is not finite."""
        wrong = ~np.isfinite(vector)
        if wrong.any():
            leaves = jax.tree_util.tree_leaves_with_path(self.tree(wrong))
            where = next(keystr(path) or "the parameters" for path, leaf in leaves if leaf.any())
            raise ConvergenceError(
                f"the {what} is not finite in {int(wrong.sum()):,} of {self.size:,} numbers, the "
                f"first of them in {where}; measure where the loss has a gradient."
            )
        return vector

    def gram(self) -> np.ndarray:
        """Return Gram's matrix of the gradients, K_ij = g_i·g_j / n, as in `spectrum`.

        Returns
        -------
        (examples, examples) float64 array
            From gradients centred and n − δ for n, if the matrix is centred.

        Raises
        ------
        SettingsError
            If it would take more memory than may be used.
        """
        n = self.point.examples
        refuse_beyond(
            8 * n**2 + 16 * self.size + _GROUP // 2,
            f"Gram's matrix of the gradients of {n:,} examples",
            "measure over fewer examples, or use top(k) or spectral_density()",
        )
        matrix = np.empty((n, n))
        for i, ours in self._groups():
            for j, theirs in self._blocks():
                if j >= i + len(ours):
                    break
                part = ours @ theirs.T
                matrix[i : i + len(ours), j : j + len(theirs)] = part
                matrix[j : j + len(theirs), i : i + len(ours)] = part.T
        matrix /= self._divisor
        return matrix

    def _matrix(self) -> np.ndarray:
        refuse_beyond(
            16 * self.size**2,
            f"the {self.operator.name} as a dense matrix of {self.size:,} rows",
            "use top(k) or spectral_density()",
        )
        matrix = np.zeros((self.size, self.size))
        for _, block in self._blocks():
            matrix += block.T @ block
        matrix /= self._divisor
        return matrix


def _total_gradient(model: FlatProblem) -> Any:
    """Return what makes the gradient of a batch's total loss."""

    def total(flat: Array, inputs: Array, labels: Array, weights: Array) -> Array:
        return jnp.dot(weights, model.losses(flat, inputs, labels))

    return jax.grad(total)


def _gradients(model: FlatProblem) -> Any:
    """Return what makes the gradient of each example of a batch, in rows."""

    def gradients(batch: tuple[Array, ...]) -> Array:
        flat, inputs, labels, _ = batch
        return example_gradients(model.problem, model.unflatten(flat), inputs, labels)

    return gradients


def _moments(model: FlatProblem) -> Any:
    """Return what sums a batch's gradients and their squares, about a reference and scaled."""
    gradients = _gradients(model)

    def moments(batch: tuple[Array, ...], reference: Array) -> tuple[Array, ...]:
        deviations, weights = gradients(batch) - reference, batch[3]
        # Squares of what is far from 1 are beyond float32.
        scale = jnp.maximum(jnp.max(jnp.abs(deviations)), jnp.finfo(jnp.float32).tiny)
        deviations = deviations / scale
        return scale, weights @ deviations, weights @ deviations**2

    return moments


def _linear_losses(model: FlatProblem) -> Any:
    """Return what makes the losses of a batch linear, for `_push` and `_pull`."""

    def linearize(flat: Array, inputs: Array, labels: Array, weights: Array) -> Any:
        def losses(flat: Array) -> Array:
            return weights * model.losses(flat, inputs, labels)

        return linear_map(losses, flat)[1], jax.vjp(losses, flat)[1]

    return linearize


def _push(linear: Any, vector: Array) -> Array:
    slopes: Array = linear[0](vector)
    return slopes


def _pull(linear: Any, slopes: Array) -> Array:
    vector: Array = linear[1](slopes)[0]
    return vector


@ensemble_settings()
def gradient_noise(
    problem: Problem,
    params: Params,
    examples: int | None = None,
    centred: bool = True,
    batch_size: int | None = None,
    seed: int = 0,
) -> GradientNoise:
    """Return the covariance C of one example's gradient, measured at a point.

    Products with C take two passes, J v and Jᵀ(J v − mean) with J = ∂ℓ_i/∂θ_j, and never hold
    the gradients of single examples; only the diagonal and the whole spectrum do, a batch at a
    time.

    Parameters
    ----------
    problem : Problem
    params : pytree of float32 arrays
        As `problem.initial(key)` gives them.
    examples : int, optional
        So many drawn at random from a data set (default: all), or from a stream (default 4096).
        Unless they are a whole data set, they are taken for a sample and C is estimated without
        bias.
    centred : bool
        Whether the mean gradient is subtracted. The matrix that is not centred is the second
        moment of the gradient, C + ḡḡᵀ.
    batch_size : int, optional
        Examples a batch; by default what takes about a quarter of a GiB.
    seed : int
        Seed of the draw.

    Raises
    ------
    SettingsError
        If the arguments do not fit, or one example is to stand for many: a covariance takes two.
    """
    measured = point(problem, params, examples, seed)
    n = measured.examples
    if n < 2 and not measured.whole:
        raise SettingsError("one example of many has no covariance; use at least 2 examples.")
    divisor = n - (1 if centred and not measured.whole else 0)

    model = measured.model
    batches = Batches(measured, model.compiled(_linear_losses), batch_size)
    push, pull = model.compiled(rows, _push), model.compiled(rows, _pull)

    def products(vectors: np.ndarray) -> np.ndarray:
        slopes = batches(push, vectors.astype(np.float32))
        if centred:
            mean = sum(part.sum(axis=1, dtype=np.float64) for part in slopes) / n
            # Padding has weight 0 in the pull that follows.
            slopes = [(part - mean[:, None]).astype(np.float32) for part in slopes]
        return np.asarray(batches.sum(pull, slopes) / divisor)

    name = "gradient noise" if centred else "second moment of the gradient"
    operator = SymmetricOperator(measured.size, in_groups(products, batches.together), name)
    at_once = (
        batches.cut.length if batch_size is not None else max(1, MEMORY // (16 * measured.size))
    )
    return GradientNoise(measured, operator, centred, at_once)
