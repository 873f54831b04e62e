r"""The Fokker–Planck operator ∂ρ/∂t = −∂_i(A_iρ) + ½∂_i∂_j(D_ijρ), in Itô form, on a grid.

It is the law of dx = A dt + σ dW, σσᵀ = D (Risken 1989, Sec. 3.4 and 4.7). On the grid it is a
Markov chain of jumps between cells (`rates`), so mass is conserved, densities stay non-negative
and the matrix −M that appears everywhere is an M-matrix: its elimination needs no pivots and its
inverse is non-negative entry by entry, in rounded numbers too.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, stats

from soret.errors import ConvergenceError, OutsideDomain, SettingsError
from soret.theory.fokker_planck.chain import Chain, dual, stationary
from soret.theory.fokker_planck.grid import Field, Floats, Grid, Walls, read_walls
from soret.theory.fokker_planck.rates import discretize, end, within
from soret.theory.fokker_planck.spectrum import dead_ends, even_state, factorize, slowest_rate

# More products of M and a density than this are refused: minutes on a large grid.
_MOST_PRODUCTS = 10**6
# Relative error that rounding may leave in a result before it is refused.
_ROUNDING = 1e-3
# Added to −M to make it regular, beside its fastest rate: above rounding, below what relaxes.
_SHIFT = 1e-11


class FokkerPlanck:
    """Densities on a grid under a drift A and a diffusion D, in Itô form.

    ∂ρ/∂t = −∂_i(A_iρ) + ½∂_i∂_j(D_ijρ), the law of dx = A dt + σ dW with
    σσᵀ = D (Risken 1989, Sec. 4.7).

    Parameters
    ----------
    drift : callable or array_like
        A at points (..., n), shape (..., n); or a constant (n,).
    diffusion : callable or array_like
        D at points, shape (..., n, n), positive semi-definite; or a constant (n, n). The drift
        is read at faces, the diffusion at centres of cells.
    grid : Grid
        n = 1 or 2 axes. The error falls with the square of the spacing h where |A|h ≲ D.
    walls : str or sequence
        'reflecting' (no flux) or 'absorbing' (ρ = 0): one word, a word per axis, or per axis a
        pair (lower, upper). If mass meets a reflecting wall where D12 ≠ 0, the error is of order h.

    Raises
    ------
    SettingsError
        If walls or shapes are not as above.
    OutsideDomain
        If D is no covariance, or so oblique that a density could become negative: |D12| must not
        exceed D11 h2/h1 nor D22 h1/h2.
    """

    def __init__(
        self, drift: Field, diffusion: Field, grid: Grid, walls: Walls = "reflecting"
    ) -> None:
        self.grid = grid
        self.walls = read_walls(walls, grid.dimensions)
        self._rates = discretize(drift, diffusion, grid, self.walls)

    @cached_property
    def matrix(self) -> sparse.csc_array:
        """M in dρ/dt = Mρ, for densities in row-major order; (cells, cells), rates per time."""
        size = int(np.prod(self.grid.cells))
        number = np.arange(size).reshape(self.grid.cells)
        diagonal = np.zeros(self.grid.cells)
        rows, columns, values = [], [], []
        for bonds in self._rates.bonds:
            source, target = number[bonds.source], number[bonds.target]
            for here, there, rate in ((source, target, bonds.there), (target, source, bonds.back)):
                rows.append(there.ravel())
                columns.append(here.ravel())
                values.append(rate.ravel())
            diagonal[bonds.source] -= bonds.there
            diagonal[bonds.target] -= bonds.back
        for leaving in self._rates.exits:
            diagonal[leaving.cells] -= leaving.rate
        rows.append(number.ravel())
        columns.append(number.ravel())
        values.append(diagonal.ravel())
        where = (np.concatenate(rows), np.concatenate(columns))
        matrix = sparse.coo_array((np.concatenate(values), where), shape=(size, size)).tocsc()
        # A jump at rate 0 is none: what it would join is not joined.
        matrix.eliminate_zeros()
        return matrix

    def evolve(self, density: ArrayLike, times: ArrayLike, step: float | None = None) -> Floats:
        r"""Return the density at later times.

        Without a step, exp(tM)ρ = Σ_k Poisson(k; qt) (1 + M/q)ᵏρ with q the fastest rate: exact
        in time, and every term is non-negative and has the same mass, where the Taylor and Padé
        sums that are usual have neither. It costs about qt ~ tD/h² products. With a step,
        backward Euler: non-negative and conserving at any step, with an error in proportion to it.

        Parameters
        ----------
        density : array_like, shape (*cells)
            ρ ≥ 0 at time 0.
        times : array_like, shape (k,)
            From 0 upwards, never falling.
        step : float, optional
            Longest step of backward Euler.

        Returns
        -------
        ndarray, shape (k, *cells)

        Raises
        ------
        SettingsError
            If shapes do not fit, times fall, or a step is needed to get there.
        """
        state = self.grid.density(density).ravel()
        times = np.asarray(times, dtype=np.float64)
        spans = np.diff(times, prepend=0.0) if times.ndim == 1 else np.array([-1.0])
        if not np.isfinite(times).all() or (spans < 0).any():
            raise SettingsError("times must be a list that starts at 0 or later and never falls.")
        if step is not None and not step > 0:
            raise SettingsError(f"step is {step:g}; it must be above 0.")
        products = self._fastest * times[-1:].sum()
        if step is None and products > _MOST_PRODUCTS:
            raise SettingsError(
                f"To time {times[-1]:g} there are {products:.0e} products; give a step."
            )
        found = []
        for span in spans:
            if step is None:
                state = self._uniformized(state, span)
            else:
                state = self._stepped(state, span, step)
            found.append(state.reshape(self.grid.cells))
        return np.array(found).reshape(len(times), *self.grid.cells)

    def stationary(self) -> Floats:
        """Return the stationary density of mass 1 between reflecting walls, shape (*cells).

        In one dimension from ratios of rates, exact at any barrier. In two by inverse iteration,
        (s − M)⁻¹sρ from an even density, which keeps it non-negative.

        Raises
        ------
        OutsideDomain
            If a wall absorbs, or more than one stationary density exists.
        ConvergenceError
            If relaxation is too slow beside the fastest rate (10⁻¹² of it) to be told from
            rounding.
        """
        self._check_ends(leaving=False)
        bonds = self._rates.bonds[0]
        if self.grid.dimensions == 1 and (bonds.there > 0).all() and (bonds.back > 0).all():
            found = stationary(bonds.there, bonds.back)
        else:
            found = even_state(self.matrix, _SHIFT * self._fastest)
        return found.reshape(self.grid.cells) / (found.sum() * self.grid.volume)

    def current(self, density: ArrayLike) -> tuple[Floats, ...]:
        """Return the probability current through the faces, walls included.

        A jump along a diagonal goes half through one pair of faces around the corner and half
        through the other, so dρ/dt is minus the differences of the current, to rounding.

        Parameters
        ----------
        density : array_like, shape (*cells)

        Returns
        -------
        tuple of n ndarrays
            J_i through the faces across axis i (`Grid.faces`), mass per time and length of face;
            shape of the cells with one more along axis i.
        """
        rho = self.grid.density(density)
        h = self.grid.spacing
        shapes = [
            tuple(c + (axis == other) for other, c in enumerate(rho.shape))
            for axis in range(rho.ndim)
        ]
        flows = [np.zeros(shape) for shape in shapes]
        for bonds in self._rates.bonds:
            net = bonds.there * rho[bonds.source] - bonds.back * rho[bonds.target]
            if bonds.step.count(0) == rho.ndim - 1:
                axis = bonds.step.index(1)
                flows[axis][within(axis)] += net * h[axis]
                continue
            for half in (slice(None, -1), slice(1, None)):
                flows[0][1:-1, half] += net * h[0] / 2
                flows[1][half, 1:-1] += net * h[1] / 2 * bonds.step[1]
        for axis, side, rate in self._rates.exits:
            outward = h[axis] if side else -h[axis]
            flows[axis][end(axis, side)] += outward * rate * rho[end(axis, side)]
        return tuple(flows)

    def slowest_eigenvalue(self) -> float:
        """Return the slowest rate of decay: of escape if a wall absorbs, else of relaxation.

        In one dimension to nearly all digits, however slow. Relaxation in two dimensions may turn:
        it is the smallest real part among the six eigenvalues nearest 0.

        Raises
        ------
        OutsideDomain
            If from some cells no absorbing wall is reached, or there are several stationary
            densities.
        ConvergenceError
            If the rate is lost in the rounding of the fastest one.
        """
        escaping = bool(self._rates.exits)
        self._check_ends(leaving=escaping)
        if self.grid.dimensions == 1:
            bonds = self._rates.bonds[0]
            chain = self._chain if escaping else dual(bonds.there, bonds.back)
            return slowest_rate(chain.solve, len(bonds.there) + escaping)
        size = self.matrix.shape[0]
        if escaping:
            rate = slowest_rate(factorize(self.matrix).solve, size)
        else:
            shift = _SHIFT * self._fastest
            solver, still = factorize(self.matrix, shift), self.stationary().ravel()
            still /= still.sum()

            def relax(source: Floats) -> Floats:
                found = solver.solve(source - source.sum() * still)
                return found - found.sum() * still

            rate = slowest_rate(relax, size, shift, count=6)
        if np.finfo(float).eps * self._fastest > _ROUNDING * rate:
            raise ConvergenceError(
                f"The slowest rate, near {rate:.1e}, is lost in the rounding of the fastest, "
                f"{self._fastest:.1e}; take larger cells."
            )
        return rate

    def mean_first_passage_time(self) -> Floats:
        """Return the mean time until an absorbing wall is met, by starting cell; (*cells).

        Solves A·∇τ + ½D_ij∂_i∂_jτ = −1 (Risken 1989, Eq. 8.5), as −Mᵀτ = 1.

        Raises
        ------
        OutsideDomain
            If from some cells no absorbing wall is reached.
        ConvergenceError
            If the rate of escape is lost in the rounding of the fastest one.
        """
        self._check_ends(leaving=True)
        ones = np.ones(self.grid.cells)
        if self.grid.dimensions == 1:
            return self._chain.solve_adjoint(ones)
        time: Floats = factorize(self.matrix.T.tocsc()).solve(ones.ravel())
        if np.finfo(float).eps * self._fastest * time.max() > _ROUNDING or (time < 0).any():
            raise ConvergenceError(
                f"Escape takes about {time.max():.1e}, too long to be told from rounding; take "
                "larger cells."
            )
        return time.reshape(self.grid.cells)

    @property
    def _fastest(self) -> float:
        return float(-self.matrix.diagonal().min())

    @property
    def _chain(self) -> Chain:
        out = np.zeros(self.grid.cells)
        for leaving in self._rates.exits:
            out[leaving.cells] += leaving.rate
        return Chain(self._rates.bonds[0].there, self._rates.bonds[0].back, out)

    def _check_ends(self, *, leaving: bool) -> None:
        """Refuse where the question has no answer, or several."""
        if leaving and not self._rates.exits:
            raise OutsideDomain("Nothing leaves: make at least one wall absorbing.")
        if not leaving and self._rates.exits:
            raise OutsideDomain("Mass leaves through an absorbing wall; make all reflecting.")
        out = np.zeros(self.grid.cells)
        for at in self._rates.exits:
            out[at.cells] += at.rate
        ends = dead_ends(self.matrix, out.ravel() > 0)
        if leaving and ends:
            raise OutsideDomain("From some cells no absorbing wall is reached.")
        if not leaving and ends > 1:
            raise OutsideDomain(f"The grid falls into {ends} parts that no path joins.")

    def _uniformized(self, state: Floats, span: float) -> Floats:
        """Return exp(span M) state as a sum over the number of jumps."""
        mean = self._fastest * span
        if mean == 0:
            return state
        # Beyond 12 standard deviations, and 40 for small means, lies less than 10⁻²⁵.
        last = int(mean + 12 * np.sqrt(mean) + 40)
        weights = stats.poisson.pmf(np.arange(last + 1), mean)
        weights /= weights.sum()
        jump = self.matrix.tocsr() / self._fastest
        # No entry of 1 + M/q is negative: the fastest rate itself leaves exactly 0.
        jump = jump + sparse.eye_array(len(state), format="csr")
        found = weights[0] * state
        for weight in weights[1:]:
            state = np.asarray(jump @ state)
            found += weight * state
        return found

    def _stepped(self, state: Floats, span: float, step: float) -> Floats:
        """Return the state after backward Euler in equal steps."""
        count = int(np.ceil(span / step))
        if count:
            solver = factorize(self.matrix * (span / count), 1.0)
            for _ in range(count):
                state = solver.solve(state)
        return state
