"""What is done with a symmetric operator: eigenpairs, traces, norms, densities of eigenvalues.

Every answer says how good it is, and one that did not converge is a `ConvergenceError`.
"""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax.extend.core import Primitive
from jax.interpreters import batching
from matfree import decomp, stochtrace
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from threadpoolctl import threadpool_limits

from soret.errors import ConvergenceError, SettingsError
from soret.landscape.operators import SymmetricOperator
from soret.landscape.point import whole_number

Which = Literal["largest", "smallest", "magnitude"]

_ARPACK: dict[str, Literal["LA", "SA", "LM"]] = {
    "largest": "LA",
    "smallest": "SA",
    "magnitude": "LM",
}
# At most so many rows are taken as a dense matrix: products with the identity are exact and no
# dearer than the estimates.
DENSE = 256
# Bytes of vectors held by matfree at once.
_MEMORY = 2**29
# Bytes of random signs and their products held at once: more is slower, for it is fresh memory.
_SIGNS = 2**26
_SMALLEST_TOLERANCE = 1e-6
# A Krylov space ends where the next vector is so much shorter than the products.
_EXHAUSTED = 1e-10


@dataclass(frozen=True)
class Eigenpairs:
    """Some eigenvalues with their eigenvectors, and how well they fit.

    Attributes
    ----------
    values : (k,) float64 array
        In the order asked for, the foremost first.
    vectors : (k, size) float64 array
        One a row, of length 1.
    residuals : (k,) float64 array
        ‖A v − λ v‖. An eigenvalue of A lies within that of λ.
    products : int
        Matrix–vector products that they took.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    products: int


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes
    ----------
    value : float
    standard_error : float
        0 where the number is exact up to rounding.
    samples : int
        Random vectors that it took; 0 where the number is exact.
    """

    value: float
    standard_error: float
    samples: int

    @property
    def exact(self) -> bool:
        """Whether no chance was involved."""
        return self.samples == 0


@dataclass(frozen=True)
class SpectralDensity:
    """The density of an operator's eigenvalues, per eigenvalue: its integral is 1.

    Attributes
    ----------
    nodes, weights : (vectors, depth) float64 arrays
        Gauss quadrature of each random vector; weights sum to 1 in each row. ∫ρ(λ)f(λ)dλ is
        about the mean over rows of Σ weights·f(nodes). Where a row is exhausted early, its
        last weights are 0.
    grid, density : (points,) float64 arrays
        The nodes broadened by a Gaussian of deviation `width`.
    standard_error : (points,) float64 array
        Of `density`, over the random vectors.
    width : float
    change : float
        ∫|ρ − ρ'|dλ between the broadened density and that of three quarters of the depth.
    """

    nodes: np.ndarray
    weights: np.ndarray
    grid: np.ndarray
    density: np.ndarray
    standard_error: np.ndarray
    width: float
    change: float


def top(
    operator: SymmetricOperator,
    k: int = 1,
    which: Which = "largest",
    tol: float = 1e-4,
    restarts: int = 100,
    seed: int = 0,
) -> Eigenpairs:
    """Find some eigenpairs at an end of the spectrum, by ARPACK's restarted Lanczos iteration.

    Parameters
    ----------
    operator : SymmetricOperator
    k : int
        How many.
    which : {"largest", "smallest", "magnitude"}
        The algebraically largest, the algebraically smallest, or those of largest magnitude.
    tol : float
        ‖A v − λ v‖ of every pair is at most `tol` times the largest |λ| found; at least 1e-6,
        for products are float32. The error of λ itself is far smaller: below the residual's
        square over the distance to the next eigenvalue.
    restarts : int
        ARPACK gives up after so many.
    seed : int
        Seed of the first vector.

    Raises
    ------
    ConvergenceError
        If not all pairs come within the tolerance.
    SettingsError
        If a setting is outside its range.

    References
    ----------
    Lehoucq, Sorensen, Yang (1998), ARPACK Users' Guide, SIAM.
    """
    k = whole_number(k, "k", most=operator.size)
    restarts = whole_number(restarts, "restarts")
    if which not in _ARPACK:
        raise SettingsError(f"which is {which!r}; use one of {', '.join(map(repr, _ARPACK))}.")
    if not _SMALLEST_TOLERANCE <= tol < 1:
        raise SettingsError(
            f"tol is {tol!r}; it must lie between {_SMALLEST_TOLERANCE:g}, which float32 products "
            "allow, and 1."
        )
    counted = _Counted(operator)
    if operator.size <= DENSE or k >= operator.size // 2:
        values, columns = scipy.linalg.eigh(counted.operator.dense())
    else:
        first = _generator(seed).normal(size=operator.size)
        try:
            # One thread for BLAS: ARPACK's own work is bound by memory, and BLAS threads that
            # wait for more take the cores from the products (four times the time was seen).
            with threadpool_limits(1, user_api="blas"):
                values, columns = eigsh(
                    counted.operator.linear_operator(),
                    k=k,
                    which=_ARPACK[which],
                    v0=first,
                    # Its tolerance is relative to each eigenvalue by itself.
                    tol=tol / 2,
                    maxiter=restarts,
                )
        except ArpackNoConvergence as error:
            raise ConvergenceError(
                f"{len(error.eigenvalues)} of {k} eigenvalues of the {operator.name} converged "
                f"within {restarts} restarts of Lanczos; raise restarts or tol."
            ) from error
    key = -np.abs(values) if which == "magnitude" else values if which == "smallest" else -values
    order = np.argsort(key, kind="stable")[:k]
    values, vectors = values[order], np.ascontiguousarray(columns.T[order])
    residuals = np.linalg.norm(counted.operator.matmat(vectors) - values[:, None] * vectors, axis=1)
    scale = np.abs(values).max()
    if not (residuals <= tol * scale).all():
        raise ConvergenceError(
            f"an eigenpair of the {operator.name} has a residual of {residuals.max():.2g} where "
            f"{tol * scale:.2g} is allowed; tol may be below the rounding of the products."
        )
    return Eigenpairs(values, vectors, residuals, counted.products)


def trace(
    operator: SymmetricOperator,
    samples: int = 100,
    rtol: float | None = None,
    seed: int = 0,
) -> Estimate:
    """Return tr A: the sum of the diagonal where A is small, else Hutchinson's estimate.

    The estimate is the mean of zᵀAz over random signs z; its variance per sample is
    2 Σ_{i≠j} A_ij².

    Parameters
    ----------
    operator : SymmetricOperator
    samples : int
        Random vectors; at least 2.
    rtol : float, optional
        Refuse an estimate whose standard error is more than so many times its size.
    seed : int

    Raises
    ------
    ConvergenceError
        If products are not finite, or the standard error is larger than `rtol` allows.

    References
    ----------
    Hutchinson (1990), Commun. Stat. Simul. Comput. 19, 433.
    """
    if operator.size <= DENSE:
        return Estimate(float(np.trace(operator.dense())), 0.0, 0)
    forms = _quadratic_forms(operator, stochtrace.monte_carlo_trace(), samples, seed)
    return _accepted(_estimate(forms), rtol, operator, "trace")


def frobenius_norm(
    operator: SymmetricOperator,
    samples: int = 100,
    rtol: float | None = None,
    seed: int = 0,
) -> Estimate:
    """Return ‖A‖_F: of A itself where it is small, else from the mean of ‖Az‖² over signs z.

    The standard error of the root is that of the mean over twice the root.

    Parameters
    ----------
    operator, samples, rtol, seed
        As for `trace`.

    Raises
    ------
    ConvergenceError
        If products are not finite, or the standard error is larger than `rtol` allows.
    """
    if operator.size <= DENSE:
        return Estimate(float(np.linalg.norm(operator.dense())), 0.0, 0)
    integrand = stochtrace.monte_carlo_frobeniusnorm_squared()
    squared = _estimate(_quadratic_forms(operator, integrand, samples, seed))
    root = float(np.sqrt(squared.value))
    error = squared.standard_error / (2 * root) if root > 0 else 0.0
    return _accepted(Estimate(root, error, squared.samples), rtol, operator, "Frobenius norm")


def spectral_density(
    operator: SymmetricOperator,
    depth: int = 64,
    vectors: int = 8,
    width: float | None = None,
    points: int = 512,
    tol: float = 0.05,
    seed: int = 0,
) -> SpectralDensity:
    """Estimate the density of the eigenvalues by stochastic Lanczos quadrature.

    For a random vector z of length 1, Lanczos' tridiagonal matrix T of A and z has eigenvalues
    (nodes) and squared first components of its eigenvectors (weights) that integrate
    polynomials up to degree 2·depth − 1 against zᵀδ(λ − A)z exactly; the mean over z is the
    density.

    Parameters
    ----------
    operator : SymmetricOperator
    depth : int
        Lanczos steps.
    vectors : int
        Random vectors; at least 2.
    width : float, optional
        Deviation of the Gaussian that broadens each node; by default a hundredth of the span
        of the nodes.
    points : int
        Of the grid, which reaches five widths beyond the nodes.
    tol : float
        Most that the broadened density may still change (see `SpectralDensity.change`; between
        0 and 2) with the last quarter of the depth.
    seed : int

    Raises
    ------
    ConvergenceError
        If the broadened density still changes with the depth, or products are not finite.

    References
    ----------
    Ubaru, Chen, Saad (2017), SIAM J. Matrix Anal. Appl. 38, 1075; Ghorbani, Krishnan, Xiao
    (2019), ICML, arXiv:1901.10159.
    """
    depth = min(whole_number(depth, "depth", least=4), operator.size)
    vectors = whole_number(vectors, "vectors", least=2)
    points = whole_number(points, "points", least=2)
    if width is not None and not 0 < width < np.inf:
        raise SettingsError(f"width is {width!r}; it must be a positive number.")
    diagonals, offdiagonals = _tridiagonal(operator, depth, vectors, seed)
    full = [_quadrature(d, e) for d, e in zip(diagonals, offdiagonals, strict=True)]
    most = max(1, (3 * depth) // 4)
    short = [
        _quadrature(d[:most], e[: most - 1]) for d, e in zip(diagonals, offdiagonals, strict=True)
    ]
    nodes, weights = (np.stack([one[i] for one in full]) for i in (0, 1))
    low, high = nodes[weights > 0].min(), nodes[weights > 0].max()
    if width is None:
        width = (high - low) / 100
    if not width > 0:
        # All eigenvalues are the same: any width would do.
        width = max(abs(high), 1.0) * 1e-3
    grid = np.linspace(low - 5 * width, high + 5 * width, points)
    each = np.stack([_broadened(*one, grid, width) for one in full])
    density = each.mean(axis=0)
    shorter = np.mean([_broadened(*one, grid, width) for one in short], axis=0)
    change = float(np.trapezoid(np.abs(density - shorter), grid))
    exhausted = depth == operator.size
    if change > tol and not exhausted:
        raise ConvergenceError(
            f"the spectral density of the {operator.name} still changes by {change:.2g} over the "
            f"last quarter of depth {depth}, where {tol:g} is allowed; raise depth or width."
        )
    error = each.std(axis=0, ddof=1) / np.sqrt(vectors)
    return SpectralDensity(nodes, weights, grid, density, error, float(width), change)


def _tridiagonal(
    operator: SymmetricOperator, depth: int, vectors: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return diagonals (vectors, depth) and off-diagonals (vectors, depth − 1) of Lanczos."""
    # Arnoldi's iteration of a symmetric matrix is Lanczos' with full reorthogonalization, which
    # is also how matfree's tridiag_sym does it; but that mixes what follows an exhausted Krylov
    # space into its off-diagonal, and there the subdiagonal alone tells.
    arnoldi = decomp.hessenberg(depth, reortho="full", custom_vjp=False)
    together = max(1, _MEMORY // (8 * depth * operator.size))
    signs = _signs(operator, vectors, seed)
    found = []
    for start in range(0, vectors, together):
        with _hosted():
            matvec = _traceable(operator)
            run = jax.vmap(lambda z: arnoldi(matvec, z).J_small)  # noqa: B023
            found.append(np.asarray(run(jnp.asarray(signs[start : start + together]))))
    matrices = np.concatenate(found)
    return (
        np.diagonal(matrices, axis1=1, axis2=2),
        np.diagonal(matrices, offset=-1, axis1=1, axis2=2),
    )


def _quadrature(diagonal: np.ndarray, offdiagonal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of a tridiagonal matrix, up to where its Krylov space ends."""
    full = len(diagonal)
    scale = np.abs(diagonal[0]) + np.nanmax(np.abs(offdiagonal), initial=0.0)
    with np.errstate(invalid="ignore"):
        over = ~(np.abs(offdiagonal) > _EXHAUSTED * scale)
    end = int(np.argmax(over)) + 1 if over.any() else full
    nodes, vectors = scipy.linalg.eigh_tridiagonal(diagonal[:end], offdiagonal[: end - 1])
    filled = np.full(full, nodes[-1]), np.zeros(full)
    filled[0][:end], filled[1][:end] = nodes, vectors[0] ** 2
    return filled


def _broadened(
    nodes: np.ndarray, weights: np.ndarray, grid: np.ndarray, width: float
) -> np.ndarray:
    z = (grid[:, None] - nodes) / width
    return np.exp(-(z**2) / 2) @ weights / (width * np.sqrt(2 * np.pi))


def _quadratic_forms(
    operator: SymmetricOperator, integrand: Any, samples: int, seed: int
) -> np.ndarray:
    """Return matfree's integrand for each of so many vectors of random signs."""
    samples = whole_number(samples, "samples", least=2)
    together = max(1, _SIGNS // (32 * operator.size))
    # Groups of one length but for the last, so that little is compiled.
    together = -(-samples // -(-samples // together))
    found = []
    for start in range(0, samples, together):
        # Each group has a seed of its own, so that not all vectors are held at once.
        signs = _signs(operator, min(together, samples - start), seed, start)
        with _hosted():
            matvec = _traceable(operator)
            forms = jax.vmap(lambda z: integrand(matvec, z))(jnp.asarray(signs))  # noqa: B023
            found.append(np.asarray(forms))
    return np.concatenate(found)


def _traceable(operator: SymmetricOperator) -> Any:
    """Return the product with one vector as JAX's transformations know it."""

    def matvec(vector: jax.Array) -> jax.Array:
        return _PRODUCT.bind(vector, operator=operator)

    return matvec


def _product(vectors: jax.Array, *, operator: SymmetricOperator) -> jax.Array:
    rows = np.asarray(vectors).reshape(-1, operator.size)
    # Past the end of an exhausted Krylov space, vectors are 0/0: nothing to multiply.
    ended = ~np.isfinite(rows).all(axis=1)
    if ended.any():
        rows = np.where(ended[:, None], 0.0, rows)
    found = operator.matmat(rows)
    if ended.any():
        found = np.where(ended[:, None], np.nan, found)
    return jnp.asarray(found.reshape(vectors.shape))


def _batched(vectors: Any, axes: Any, *, operator: SymmetricOperator) -> tuple[jax.Array, int]:
    return _PRODUCT.bind(jnp.moveaxis(vectors[0], axes[0], 0), operator=operator), 0


# A product as a primitive that is evaluated on the host, there and then. `jax.pure_callback`
# is none: it runs in a thread of the device, which a product that uses JAX in turn waits for.
_PRODUCT = Primitive("landscape_product")
_PRODUCT.def_impl(_product)
_PRODUCT.def_abstract_eval(lambda vectors, **_: vectors)
batching.primitive_batchers[_PRODUCT] = _batched


class _hosted:  # noqa: N801
    """Run matfree operation by operation, in float64, without touching the configuration."""

    def __enter__(self) -> None:
        self._settings = jax.enable_x64(True), jax.disable_jit()
        for one in self._settings:
            one.__enter__()

    def __exit__(self, *error: Any) -> None:
        for one in reversed(self._settings):
            one.__exit__(*error)


def _signs(operator: SymmetricOperator, n: int, seed: int, start: int = 0) -> np.ndarray:
    words = _generator(seed, start).bytes(-(-n * operator.size // 8))
    bits = np.unpackbits(np.frombuffer(words, np.uint8), count=n * operator.size)
    return np.array([-1.0, 1.0])[bits].reshape(n, operator.size)


def _generator(seed: int, start: int = 0) -> np.random.Generator:
    return np.random.default_rng([whole_number(seed, "seed", least=0), start])


def _estimate(forms: np.ndarray) -> Estimate:
    error = forms.std(ddof=1) / np.sqrt(len(forms))
    return Estimate(float(forms.mean()), float(error), len(forms))


def _accepted(
    found: Estimate, rtol: float | None, operator: SymmetricOperator, name: str
) -> Estimate:
    if rtol is not None and not found.standard_error <= rtol * abs(found.value):
        raise ConvergenceError(
            f"the {name} of the {operator.name} is {found.value:.4g} ± {found.standard_error:.2g} "
            f"after {found.samples} samples, where rtol={rtol:g} is asked for; raise samples or "
            "rtol."
        )
    return found


class _Counted:
    """An operator that counts its products."""

    def __init__(self, operator: SymmetricOperator) -> None:
        self.products = 0

        def products(vectors: np.ndarray) -> np.ndarray:
            self.products += len(vectors)
            return operator.matmat(vectors)

        self.operator = SymmetricOperator(operator.size, products, operator.name)
