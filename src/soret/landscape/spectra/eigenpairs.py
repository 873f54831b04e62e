"""Eigenpairs at an end of the spectrum."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, eigsh
from threadpoolctl import threadpool_limits

from soret.data.subsets import whole_number
from soret.errors import ConvergenceError, SettingsError
from soret.landscape.operators import SymmetricOperator
from soret.landscape.spectra.estimates import DENSE
from soret.landscape.spectra.host import generator
from soret.memory import refuse_beyond

Which = Literal["largest", "smallest", "magnitude"]
"""Which eigenvalues: by value from above or from below, or by absolute value."""

_ARPACK: dict[str, Literal["LA", "SA", "LM"]] = {
    "largest": "LA",
    "smallest": "SA",
    "magnitude": "LM",
}
_SMALLEST_TOLERANCE = 1e-6


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
        for products are float32. Where all that are found are nearly zero, as at the flat end of
        a spectrum, 1e-6 of the root mean square of all eigenvalues is allowed. The error of λ
        itself is far smaller: below the residual's square over the distance to the next
        eigenvalue.
    restarts : int
        ARPACK gives up after so many.
    seed : int
        Seed of the first vector.

    Raises
    ------
    ConvergenceError
        If not all pairs come within the tolerance, or products are not finite.
    SettingsError
        If a setting is outside its range, or the vectors would not fit into memory.

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
        columns_held = max(2 * k + 1, 20)  # of Lanczos' basis
        refuse_beyond(
            8 * operator.size * (columns_held + 2 * k),
            f"{k:,} eigenvectors of the {operator.name} of {operator.size:,} rows",
            "ask for fewer",
        )
        first = generator(seed).normal(size=operator.size)
        try:
            # One thread for BLAS: ARPACK's own work is bound by memory, and BLAS threads that
            # wait for more take the cores from the products (four times the time was seen).
            with threadpool_limits(1, user_api="blas"):
                values, columns = eigsh(
                    counted.operator.linear_operator(),
                    k=k,
                    which=_ARPACK[which],
                    v0=first,
                    ncv=min(columns_held, operator.size),
                    # Its tolerance is relative to each eigenvalue by itself.
                    tol=tol / 2,
                    maxiter=restarts,
                )
        except ArpackNoConvergence as error:
            raise ConvergenceError(
                f"{len(error.eigenvalues)} of {k} eigenvalues of the {operator.name} converged "
                f"within {restarts} restarts of Lanczos; raise restarts or tol."
            ) from error
        except ArpackError as error:
            # It cannot begin with a vector that A takes to zero: with a random one, A is zero.
            if not counted.operator.matvec(first).any():
                return _of_zero(k, operator.size, counted.products)
            raise ConvergenceError(
                f"Lanczos' iteration of the {operator.name} fails ({error}); ask for another k."
            ) from error
    key = -np.abs(values) if which == "magnitude" else values if which == "smallest" else -values
    order = np.argsort(key, kind="stable")[:k]
    values, vectors = values[order], np.ascontiguousarray(columns.T[order])
    residuals = np.linalg.norm(counted.operator.matmat(vectors) - values[:, None] * vectors, axis=1)
    allowed = tol * np.abs(values).max()
    if not (residuals <= allowed).all():
        allowed = max(allowed, _SMALLEST_TOLERANCE * _size_of(counted.operator, seed))
    if not (residuals <= allowed).all():
        raise ConvergenceError(
            f"an eigenpair of the {operator.name} has a residual of {residuals.max():.2g} where "
            f"{allowed:.2g} is allowed; tol may be below the rounding of the products."
        )
    return Eigenpairs(values, vectors, residuals, counted.products)


def _size_of(operator: SymmetricOperator, seed: int) -> float:
    """Return the root mean square of the eigenvalues, estimated from one random vector."""
    vector = generator(seed).normal(size=operator.size)
    return float(np.linalg.norm(operator.matvec(vector)) / np.linalg.norm(vector))


def _of_zero(k: int, size: int, products: int) -> Eigenpairs:
    """Return eigenpairs of the zero matrix."""
    return Eigenpairs(np.zeros(k), np.eye(k, size), np.zeros(k), products)


class _Counted:
    """An operator that counts its products."""

    def __init__(self, operator: SymmetricOperator) -> None:
        self.products = 0

        def products(vectors: np.ndarray) -> np.ndarray:
            self.products += len(vectors)
            return operator.matmat(vectors)

        self.operator = SymmetricOperator(operator.size, products, operator.name)
