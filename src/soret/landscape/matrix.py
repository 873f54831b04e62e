"""A symmetric matrix measured at a point: its products, and what spectra make of them."""

from typing import Any

import jax
import numpy as np
from scipy.sparse.linalg import LinearOperator

from soret.errors import SettingsError
from soret.landscape import spectra
from soret.landscape.operators import SymmetricOperator
from soret.landscape.point import Point
from soret.landscape.spectra import Eigenpairs, Estimate, SpectralDensity, Which


class LandscapeMatrix:
    """A symmetric matrix over the parameters, known by its products.

    Attributes
    ----------
    point : Point
        Where it was measured, and over which examples.
    operator : SymmetricOperator
        Its products with batches of flat vectors.
    """

    def __init__(self, point: Point, operator: SymmetricOperator) -> None:
        self.point = point
        self.operator = operator

    def __repr__(self) -> str:
        return (
            f"<{self.operator.name} of {self.point.problem.name}: {self.size:,} parameters, "
            f"{self.point.examples:,} examples>"
        )

    def __matmul__(self, vector: Any) -> Any:
        return self.matvec(vector)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.operator.size

    def matvec(self, vector: Any) -> Any:
        """Return the product with a flat vector (size,), or with a tree like the parameters.

        Returns
        -------
        (size,) float64 array, or a tree of float64 NumPy arrays

        Raises
        ------
        SettingsError
            If the vector does not fit.
        """
        if isinstance(vector, np.ndarray | jax.Array) and vector.shape == (self.size,):
            return self.operator.matvec(np.asarray(vector))
        like = self.point.unflatten(self.point.flat)
        given: Any = jax.tree.structure(vector)
        shapes = [np.shape(leaf) for leaf in jax.tree.leaves(vector)]
        if given != jax.tree.structure(like) or shapes != [
            leaf.shape for leaf in jax.tree.leaves(like)
        ]:
            raise SettingsError(
                f"the vector fits neither the shape ({self.size},) nor the parameters' tree."
            )
        product = self.operator.matvec(self.point.flatten(vector))
        return self.tree(product)

    def tree(self, vector: np.ndarray) -> Any:
        """Return a flat vector (size,), such as an eigenvector, as a tree like the parameters."""
        leaves, structure = jax.tree.flatten(self.point.unflatten(self.point.flat))
        ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
        parts = np.split(np.asarray(vector), ends)
        return jax.tree.unflatten(
            structure, [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
        )

    def linear_operator(self) -> LinearOperator:
        """Return the matrix as SciPy knows such things."""
        return self.operator.linear_operator()

    def dense(self) -> np.ndarray:
        """Return the matrix itself (size, size); for few parameters."""
        return self.operator.dense()

    def top(
        self,
        k: int = 1,
        which: Which = "largest",
        tol: float = 1e-4,
        restarts: int = 100,
        seed: int = 0,
    ) -> Eigenpairs:
        """Find eigenpairs at an end of the spectrum: `soret.landscape.spectra.top`."""
        return spectra.top(self.operator, k, which, tol, restarts, seed)

    def frobenius_norm(
        self, samples: int = 100, rtol: float | None = None, seed: int = 0
    ) -> Estimate:
        """Return the Frobenius norm: `soret.landscape.spectra.frobenius_norm`."""
        return spectra.frobenius_norm(self.operator, samples, rtol, seed)

    def spectral_density(
        self,
        depth: int = 64,
        vectors: int = 8,
        width: float | None = None,
        points: int = 512,
        tol: float = 0.05,
        seed: int = 0,
    ) -> SpectralDensity:
        """Estimate the density of eigenvalues: `soret.landscape.spectra.spectral_density`."""
        return spectra.spectral_density(self.operator, depth, vectors, width, points, tol, seed)
