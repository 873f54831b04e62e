"""A symmetric matrix known by its products alone.

This is all that `soret.landscape.spectra` knows of a landscape: how the products are obtained,
by JAX here or by another library elsewhere, is not its concern.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator

from soret.errors import ConvergenceError
from soret.memory import refuse_beyond

Products = Callable[[np.ndarray], np.ndarray]
"""From vectors (k, size), one a row, to their products (k, size); both float64."""


@dataclass(frozen=True, eq=False)
class SymmetricOperator:
    """A real symmetric matrix A, as the map V ↦ V A of vectors in rows.

    Parameters
    ----------
    size : int
        Rows of A.
    products : callable
        From (k, size) float64 to (k, size) float64; linear and symmetric.
    name : str
        What A is, for messages.
    """

    size: int
    products: Products
    name: str = "operator"

    def matmat(self, vectors: np.ndarray) -> np.ndarray:
        """Return the products of vectors (k, size), one a row, in float64.

        Raises
        ------
        ConvergenceError
            If they are not finite.
        """
        found = np.asarray(self.products(np.asarray(vectors, np.float64)), np.float64)
        # A sum is not finite where a term is not, and needs no array to tell.
        if not np.isfinite(found.sum()):
            raise ConvergenceError(
                f"products with the {self.name} are not finite; measure where the loss is defined."
            )
        return found

    def matvec(self, vector: np.ndarray) -> np.ndarray:
        """Return the product of one vector (size,)."""
        return self.matmat(vector[None])[0]

    def dense(self) -> np.ndarray:
        """Return A itself (size, size), made symmetric to the last digit.

        Raises
        ------
        SettingsError
            If that would take more memory than may be used.
        """
        refuse_beyond(
            16 * self.size**2,  # beside it, what it is made of
            f"the {self.name} as a dense matrix of {self.size:,} rows",
            "use its products (matvec), top(k), trace() or spectral_density() instead",
        )
        matrix = self.matmat(np.eye(self.size))
        symmetric = matrix + matrix.T
        symmetric /= 2
        return symmetric

    def linear_operator(self) -> LinearOperator:
        """Return A as SciPy knows such things: vectors in columns."""
        return LinearOperator(
            (self.size, self.size),
            matvec=lambda v: self.matvec(np.ravel(v)),
            rmatvec=lambda v: self.matvec(np.ravel(v)),
            matmat=lambda V: self.matmat(V.T).T,
            rmatmat=lambda V: self.matmat(V.T).T,
            dtype=np.float64,
        )
