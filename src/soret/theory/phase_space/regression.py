r"""Linear regression on a given data set: first and second moments of SGD, exact.

With residuals e_n at the minimum θ* and u = θ − θ*, one example's gradient is x_n(x_n·u − e_n), so
that the noise of a batch, averaged over a law of u with mean ū and second moments U, has the
covariance

    share · [Xᵀ diag(q) X/N − H U H],    q_n = x_nᵀUx_n − 2e_n x_n·ū + e_n²,

whatever the law: nothing is assumed of inputs or residuals, and first and second moments follow a
closed linear recursion. It is done in the eigenbasis of H, at 4Nd² operations a step, or d⁴/2 from
the fourth moments of the inputs, once these are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import ConvergenceError, OutsideDomain
from soret.theory.checks import closed_form, finite
from soret.theory.phase_space.discrete import whole_steps
from soret.theory.phase_space.modes import Floats, Modes, Moments

# Eigenvalues below this share of the largest are rounding: no example reaches there.
_EMPTY = 1e-10
# Pairs of directions up to which fourth moments are kept: 32 MB.
_PAIRS = 2000
_ITERATIONS = 20_000
_SETTLED = 1e-12


@dataclass(frozen=True, eq=False)
class _Examples:
    """A data set in the eigenbasis of its H: what does not depend on hyperparameters.

    Attributes
    ----------
    x : (N, n) array
    e : (N,) array
        Residuals at the minimum.
    h, minimum : (n,) array
    vectors : (d, n) array
    """

    x: Floats
    e: Floats
    h: Floats
    minimum: Floats
    vectors: Floats

    @cached_property
    def upper(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Indices of pairs i ≤ j."""
        first, second = np.triu_indices(self.h.size)
        return first, second

    @cached_property
    def moments(self) -> tuple[Floats, Floats, Floats] | None:
        """Means of x_i x_j times x_k x_l, e x_k and e², pairs i ≤ j packed: (m, m), (m, n), (m,).

        They replace a sum over examples by a product with a matrix; None where that is too large.
        """
        first, second = self.upper
        if first.size > _PAIRS:
            return None
        pairs = self.x[:, first] * self.x[:, second]
        count = len(self.x)
        # A pair of two different coordinates stands for itself and for its mirror image.
        twice = np.where(first == second, 1.0, 2.0)
        return (
            pairs.T @ pairs / count * twice,
            pairs.T @ (self.x * self.e[:, None]) / count,
            pairs.T @ self.e**2 / count,
        )

    def second_moments(self, off: Floats, seconds: Floats) -> Floats:
        """Return Xᵀ diag(q) X/N, (n, n), for u with mean `off` and second moments `seconds`."""
        if self.moments is None:
            q = ((self.x @ seconds) * self.x).sum(1) - 2 * self.e * (self.x @ off) + self.e**2
            return np.asarray((self.x.T * q) @ self.x / len(self.x))
        fourth, third, second = self.moments
        upper = self.upper
        found = np.empty_like(seconds)
        found[upper] = found.T[upper] = fourth @ seconds[upper] - 2 * (third @ off) + second
        return found


class Regression:
    """SGD on ½(θ·x − y)² over N examples, in the eigenbasis of H = XᵀX/N.

    Directions that no example reaches are left out: nothing ever moves there but weight decay.

    Parameters
    ----------
    inputs, labels : array_like, shape (N, d) and (N,)
    learning_rate, batch_size, momentum, weight_decay : float
        As in `Modes`.
    replacement : bool
        Whether batches are drawn with replacement; without, each is drawn afresh.

    Attributes
    ----------
    vectors : (d, n) array
        Eigenvectors in columns, by falling eigenvalue.
    frozen : Modes
        With the noise at the centre, where θ rests: that at θ* if there is no weight decay, mean
        of e²(x·v_i)².

    Raises
    ------
    OutsideDomain
        If arguments are outside their range or SGD is unstable.
    """

    @closed_form
    def __init__(
        self,
        inputs: ArrayLike,
        labels: ArrayLike,
        learning_rate: float,
        batch_size: float = 1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        replacement: bool = True,
    ) -> None:
        x, y = finite("inputs", inputs), finite("labels", labels)
        if x.ndim != 2 or y.shape != x.shape[:1]:
            raise OutsideDomain(
                f"inputs and labels have shapes {x.shape} and {y.shape}; they must be (N, d), (N,)."
            )
        values, vectors = np.linalg.eigh(x.T @ x / len(x))
        kept = np.flatnonzero(values > _EMPTY * values[-1])[::-1]
        x, h = x @ vectors[:, kept], values[kept]
        minimum = x.T @ y / len(x) / h
        self._set(
            _Examples(x, y - x @ minimum, h, minimum, vectors[:, kept]),
            (learning_rate, batch_size, momentum, weight_decay),
            replacement,
        )

    def at(
        self,
        learning_rate: float,
        batch_size: float = 1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        replacement: bool = True,
    ) -> Regression:
        """Return the same data at other hyperparameters: what depends on the data alone is kept."""
        made = object.__new__(Regression)
        made._set(self._data, (learning_rate, batch_size, momentum, weight_decay), replacement)
        return made

    def _set(
        self, data: _Examples, point: tuple[float, float, float, float], replacement: bool
    ) -> None:
        self._data, self.vectors = data, data.vectors
        modes = Modes(data.h, 0.0, *point, data.minimum, None if replacement else len(data.x))
        off = modes.centre - data.minimum
        noise = np.diag(data.second_moments(off, np.outer(off, off))) - (data.h * off) ** 2
        self.frozen = modes.with_noise(np.maximum(noise, 0.0))

    @cached_property
    def modes(self) -> Modes:
        """The modes with their noise averaged over the exact stationary law.

        `Discrete` of these gives variances, correlations, speed and displacements of SGD exactly,
        state-dependent noise included.

        Raises
        ------
        OutsideDomain
            If second moments grow without bound.
        """
        return self.frozen.with_noise(np.diag(self._stationary_noise) / self.frozen.share)

    @cached_property
    def covariance(self) -> Floats:
        """Cov θ of the stationary law in the eigenbasis, (n, n)."""
        return np.asarray(self._response * self._stationary_noise)

    def moments(self, steps: ArrayLike, mean: ArrayLike, covariance: ArrayLike = 0.0) -> Moments:
        """Return mean and covariance of (θ, v) of every mode after so many steps, from v = 0.

        Parameters
        ----------
        steps : array_like, shape (T,)
            Whole numbers of at least 0, rising.
        mean : array_like, shape (n,)
            Of θ at the start, in the eigenbasis.
        covariance : array_like, shape (n, n) or ()
            Of θ at the start.
        """
        at = whole_steps(steps)
        if (np.diff(at) < 0).any():
            raise OutsideDomain("steps do not rise.")
        m, n = self.frozen, self.frozen.size
        z = finite("mean", mean) - m.centre
        zz = np.array(np.broadcast_to(finite("covariance", covariance), (n, n)))
        v, zv, vv = np.zeros(n), np.zeros((n, n)), np.zeros((n, n))
        k, eta, beta = m.stiffness, m.learning_rate, m.momentum
        a = 1 - eta * k
        means, spreads = [], []
        for step in range(int(at[-1]) + 1):
            for _ in range(int((at == step).sum())):
                means.append([z + m.centre, v])
                diagonal = [np.diag(block) for block in (zz, zv, vv)]
                spreads.append([[diagonal[0], diagonal[1]], [diagonal[1], diagonal[2]]])
            noise = self._noise(z, zz)
            left = a[:, None] * zv
            right = k[:, None] * zv
            turned = np.outer(a, a) * zz - eta * beta * (left + left.T) + (eta * beta) ** 2 * vv
            mixed = np.outer(a, k) * zz + beta * left - eta * beta * (right.T + beta * vv)
            moved = np.outer(k, k) * zz + beta * (right + right.T) + beta**2 * vv
            zz, zv, vv = turned + eta**2 * noise, mixed - eta * noise, moved + noise
            # Rounding that is not symmetric would grow: it does not obey the same recursion.
            zz, vv = (zz + zz.T) / 2, (vv + vv.T) / 2
            z, v = a * z - eta * beta * v, k * z + beta * v
        return Moments(at.astype(float), np.array(means), np.array(spreads))

    def _noise(self, z: Floats, zz: Floats) -> Floats:
        """Return the covariance of ζ averaged over a law of z, (n, n)."""
        off = z + self.frozen.centre - self._data.minimum
        seconds = zz + np.outer(off, off)
        h = self.frozen.h
        spread = self._data.second_moments(off, seconds) - np.outer(h, h) * seconds
        return np.asarray(self.frozen.share * spread)

    @cached_property
    def _response(self) -> Floats:
        """Stationary Cov(θ_i, θ_j) for noise of covariance 1 between modes i and j, (n, n)."""
        m = self.frozen
        k, eta, beta = m.stiffness, m.learning_rate, m.momentum
        one = np.ones_like(k)
        step = np.array([[1 - eta * k, -eta * beta * one], [k, beta * one]])
        n = m.size
        # Of the four moments zz, zv, vz, vv: what a step makes of them.
        system = np.eye(4) - np.einsum("abi,cdj->ijacbd", step, step).reshape(n, n, 4, 4)
        enters = np.array([eta**2, -eta, -eta, 1.0])
        right = np.broadcast_to(enters[:, None], (n, n, 4, 1))
        return np.asarray(np.linalg.solve(system, right)[..., 0, 0])

    @cached_property
    def _stationary_noise(self) -> Floats:
        """Fixed point of noise → law → noise."""
        zero = np.zeros(self.frozen.size)
        noise = self._noise(zero, np.zeros_like(self._response))
        size = last = np.trace(noise)
        for _ in range(_ITERATIONS):
            new = self._noise(zero, self._response * noise)
            change = abs(new - noise).max()
            noise = new
            if change <= _SETTLED * abs(noise).max():
                return noise
            size = np.trace(noise)
            if not np.isfinite(size) or size > 1e12 * last:
                raise OutsideDomain(
                    "second moments grow without bound, although every mode is stable: the noise "
                    "grows faster with the distance than it is damped; lower "
                    "learning_rate/batch_size."
                )
        raise ConvergenceError(
            f"the stationary noise changes by {change / size:.2g} of itself after {_ITERATIONS:,} "
            "iterations: second moments are barely bounded."
        )
