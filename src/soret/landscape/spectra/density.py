"""The density of eigenvalues, by stochastic Lanczos quadrature."""

from dataclasses import dataclass
from numbers import Real

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from matfree import decomp

from soret.data.subsets import whole_number
from soret.errors import ConvergenceError, SettingsError
from soret.landscape.operators import SymmetricOperator
from soret.landscape.spectra.host import hosted, random_signs, traceable
from soret.memory import refuse_beyond

# Bytes of vectors held by matfree at once.
_MEMORY = 2**29
# A Krylov space ends where the next vector is so much shorter than the products.
_EXHAUSTED = 1e-10
# What float32 products resolve, of the largest eigenvalue.
_RESOLVED = 1e-7


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
        of the nodes. Not below the spacing of the grid, where it would not integrate to 1, nor
        below 1e-7 of the largest node, which float32 products do not resolve.
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
    SettingsError
        If a setting is out of range, the width too narrow for the grid or the rounding, or the
        vectors would not fit into memory.

    References
    ----------
    Ubaru, Chen, Saad (2017), SIAM J. Matrix Anal. Appl. 38, 1075; Ghorbani, Krishnan, Xiao
    (2019), ICML, arXiv:1901.10159.
    """
    depth = min(whole_number(depth, "depth", least=4), operator.size)
    vectors = whole_number(vectors, "vectors", least=2)
    points = whole_number(points, "points", least=2)
    if width is not None and not (isinstance(width, Real) and 0 < width < np.inf):
        raise SettingsError(f"`width` must be a positive number, got {width!r}.")
    if not 0 < tol <= 2:
        raise SettingsError(f"`tol` must lie between 0 and 2, got {tol!r}.")
    refuse_beyond(
        8 * operator.size * (4 * vectors + depth) + 16 * points * (depth + vectors),
        f"a spectral density of {vectors:,} vectors of {operator.size:,} numbers on "
        f"{points:,} points",
        "use fewer vectors, points or a smaller depth",
    )
    diagonals, offdiagonals = _tridiagonal(operator, depth, vectors, seed)
    full = [_quadrature(d, e) for d, e in zip(diagonals, offdiagonals, strict=True)]
    most = max(1, (3 * depth) // 4)
    short = [
        _quadrature(d[:most], e[: most - 1]) for d, e in zip(diagonals, offdiagonals, strict=True)
    ]
    nodes, weights = (np.stack([one[i] for one in full]) for i in (0, 1))
    low, high = nodes[weights > 0].min(), nodes[weights > 0].max()
    width = _width(width, low, high, points)
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


def _width(width: float | None, low: float, high: float, points: int) -> float:
    """Return the width that was asked for, or the default; refuse what the grid cannot show."""
    size = max(abs(low), abs(high))
    finest = _RESOLVED * size
    if width is None:
        # Where all eigenvalues are the same, any width would do.
        width = (high - low) / 100
        width = width if width > finest else (1e-3 * size or 1e-3)
    if width < finest:
        raise SettingsError(
            f"width {width:.3g} is below what float32 products resolve of eigenvalues up to "
            f"{size:.3g}; use at least {finest:.2g}."
        )
    span = high - low + 10 * width
    if not np.isfinite(span):
        raise SettingsError(f"width {width:.3g} is too large for a grid; use a smaller one.")
    if span > width * (points - 1):
        enough = int(np.ceil(span / width)) + 1
        wide = f", or a width of at least {(high - low) / (points - 11):.2g}" if points > 11 else ""
        raise SettingsError(
            f"width {width:.3g} is narrower than the spacing {span / (points - 1):.3g} of a grid "
            f"of {points:,} points, on which the density would not integrate to 1; use at least "
            f"{enough:,} points{wide}."
        )
    return float(width)


def _tridiagonal(
    operator: SymmetricOperator, depth: int, vectors: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return diagonals (vectors, depth) and off-diagonals (vectors, depth − 1) of Lanczos."""
    # Arnoldi's iteration of a symmetric matrix is Lanczos' with full reorthogonalization, which
    # is also how matfree's tridiag_sym does it; but that mixes what follows an exhausted Krylov
    # space into its off-diagonal, and there the subdiagonal alone tells.
    arnoldi = decomp.hessenberg(depth, reortho="full", custom_vjp=False)
    together = max(1, _MEMORY // (8 * depth * operator.size))
    signs = random_signs(operator, vectors, seed)
    found = []
    for start in range(0, vectors, together):
        with hosted():
            matvec = traceable(operator)
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
