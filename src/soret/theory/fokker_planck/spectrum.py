"""What the matrix of a Markov chain does in the end: stationary state, slowest rate, dead ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg

from soret.errors import ConvergenceError
from soret.theory.fokker_planck.grid import Floats

# Below this many cells the whole spectrum is cheaper than an iteration.
_DENSE = 20


def factorize(matrix: sparse.csc_array, shift: float = 0.0) -> sparse_linalg.SuperLU:
    """Return the factors of shift − M, on its diagonal: an M-matrix needs no pivots."""
    return sparse_linalg.splu(
        sparse.csc_array(shift * sparse.eye_array(matrix.shape[0]) - matrix),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def dead_ends(matrix: sparse.csc_array, leaves: NDArray[np.bool_]) -> int:
    """Count the sets of cells that no jump leaves, neither to another cell nor for good."""
    jumps = matrix.T.tocoo()
    count, part = csgraph.connected_components(matrix.T, connection="strong")
    start, end = part[jumps.coords[0]], part[jumps.coords[1]]
    is_left = np.zeros(count, dtype=bool)
    is_left[start[(start != end) & (jumps.data > 0)]] = True
    is_left[part[leaves]] = True
    return int((~is_left).sum())


def even_state(matrix: sparse.csc_array, shift: float, iterations: int = 100) -> Floats:
    """Return the stationary state of sum 1 by inverse iteration from an even one.

    Each (s − M)⁻¹s keeps the sum and turns what is not negative into the same; what relaxes at
    rate λ shrinks by s/(s + λ).
    """
    solver = factorize(matrix, shift)
    state = np.full(matrix.shape[0], 1 / matrix.shape[0])
    for _ in range(iterations):
        before, state = state, solver.solve(state)
        state /= state.sum()
        if (state < 0).any():
            break
        if abs(state - before).sum() < 1e-13:
            return state
    raise ConvergenceError(
        f"The stationary density relaxes more slowly than {shift:.1e}, too slowly to be told from "
        "rounding; take larger cells or a lower barrier."
    )


def slowest_rate(
    solve: Callable[[Floats], Floats], size: int, shift: float = 0.0, *, count: int = 1
) -> float:
    """Return the smallest real part among the `count` eigenvalues λ nearest 0.

    solve(f) is (shift + A)⁻¹f, where A has the eigenvalues λ. If no entry of it is negative, one
    is enough: the eigenvalue nearest 0 is real and has the smallest real part (Perron).
    """
    if size < _DENSE:
        found = np.linalg.eigvals(np.stack([solve(unit) for unit in np.eye(size)], axis=1))
        found = found[np.argsort(-abs(found))][:count]
    else:
        start = np.random.default_rng(0).standard_normal(size)
        inverse = sparse_linalg.LinearOperator((size, size), matvec=solve, dtype=np.float64)
        try:
            found = sparse_linalg.eigs(
                inverse, k=count, v0=start, which="LM", return_eigenvectors=False
            )
        except sparse_linalg.ArpackNoConvergence as error:
            raise ConvergenceError("The slowest eigenvalues were not found.") from error
    # Beside a very slow one the others are rounding, or modes projected out.
    found = found[abs(found) > 1e-8 * abs(found).max()]
    rate = float((1 / found).real.min() - shift)
    if not rate > 0:
        raise ConvergenceError("The slowest eigenvalue is lost in rounding; take larger cells.")
    return rate
