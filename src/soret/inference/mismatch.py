"""How far apart rescaled curves lie, estimated so that replica noise does not count as distance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from soret.inference.curves import Curves

#: Midpoints at which a pair of curves is compared over the range they share.
NODES = 64


class Mismatch:
    r"""Mean-square difference between curves rescaled along their steps.

    Curve ``k`` is the mean over replicas of ``y_kr(t)`` and is drawn against
    :math:`s = t\,(h_k/h_\mathrm{ref})^a`. Two curves are compared *vertically, at equal s, over
    the range of s that both cover*, and each pair counts the same:

    .. math::

        V(a) = \frac{1}{P} \sum_{k<l} \frac{1}{|S_{kl}|} \int_{S_{kl}}
               \Bigl(\frac1R \sum_r D_{klr}(s)\Bigr)^{2} ds,
        \qquad D_{klr}(s) = y_{kr}(s/c_k) - y_{lr}(s/c_l), \quad c_k = (h_k/h_\mathrm{ref})^a .

    Dividing by the length of the shared range :math:`S_{kl}` leaves nothing to gain from an
    exponent that shrinks it. Noise in the means raises V by

    .. math::

        F(a) = \frac{1}{P} \sum_{k<l} \frac{1}{|S_{kl}|} \int_{S_{kl}}
               \tfrac1R \widehat{\mathrm{Var}}_r\, D_{klr}(s)\, ds

    on average, so V − F is an unbiased estimate of the mean-square difference between the
    expected curves, whatever the correlation of the noise along a trajectory, between
    hyperparameters (replicas that share a start), or introduced by interpolation: all of it is
    in the variance of D over replicas, which is estimated after interpolating. Since F depends
    on the exponent, minimising V alone would favour exponents at which the noise cancels best.

    Interpolation is by cubic splines through every replica. It is linear in the data, so the
    mean of the splines is the spline of the mean; its error is of fourth order in the spacing.

    Values are taken in units of the total range of the mean curves.

    Parameters
    ----------
    curves : Curves
        H curves of R replicas at T steps.
    """

    def __init__(self, curves: Curves) -> None:
        self._first, self._last = float(curves.steps[0]), float(curves.steps[-1])
        self._log_scales = np.log(curves.scales / curves.scales.max())
        self._pairs = list(combinations(range(len(curves.scales)), 2))
        # Centred and scaled: the result must not depend on the observable's units or origin.
        values = (curves.values - curves.mean.mean()) / curves.extent
        self._splines = [CubicSpline(curves.steps, replicas.T) for replicas in values]
        self._means = CubicSpline(curves.steps, values.mean(axis=1).T)

    @property
    def log_ratio(self) -> float:
        """Logarithm of the largest over the smallest hyperparameter."""
        return float(np.ptp(self._log_scales))

    def widest_exponent(self, overlap: float) -> float:
        """Largest \\|exponent\\| at which every two curves share a fraction `overlap` of a range.

        Parameters
        ----------
        overlap : float
            Least length of the shared range of s, as a fraction of the shorter of the two ranges.

        Returns
        -------
        float
            Infinite if the curves start at step 0, where they overlap at every exponent.
        """
        # All curves run from t0 to t1. Stretched by ρ ≥ 1 against another, a curve shares with it
        # t1 − ρ t0 of t1 − t0, and ρ is largest for the two extreme hyperparameters.
        if self._first == 0:
            return np.inf
        stretch = (self._last - overlap * (self._last - self._first)) / self._first
        return float(np.log(stretch)) / self.log_ratio

    def shared_range(self, exponent: float) -> NDArray[np.float64]:
        """Range of s that each pair of curves shares, shape (P, 2), with h_ref the largest h."""
        c = np.exp(exponent * self._log_scales)
        return np.array(
            [(self._first * max(c[k], c[m]), self._last * min(c[k], c[m])) for k, m in self._pairs]
        )

    def extent(self, exponent: float) -> float:
        """Range of the mean curves over what is compared: largest minus smallest value there."""
        c = np.exp(exponent * self._log_scales)
        seen = [
            self._means(np.linspace(low, high, NODES) / c[k])[:, k]
            for pair, (low, high) in zip(self._pairs, self.shared_range(exponent), strict=True)
            for k in pair
        ]
        return float(np.ptp(seen))

    def differences(self, exponent: float) -> NDArray[np.float64]:
        """Weighted differences of every replica, shape (R, P·NODES).

        Weighted so that the sum of their squares over the second axis is the mean square over
        the shared range and over pairs.
        """
        c = np.exp(exponent * self._log_scales)
        u = (np.arange(NODES) + 0.5) / NODES
        blocks = []
        for (k, m), (low, high) in zip(self._pairs, self.shared_range(exponent), strict=True):
            s = low + u * (high - low)
            blocks.append(self._splines[k](s / c[k]) - self._splines[m](s / c[m]))
        return np.concatenate(blocks).T / np.sqrt(len(self._pairs) * NODES)

    def __call__(
        self, exponents: ArrayLike, weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean-square difference V of weighted means, and the part F that noise explains.

        Parameters
        ----------
        exponents : array_like, shape (A,)
        weights : ndarray, shape (B, R)
            Each row weighs the replicas and adds up to one.

        Returns
        -------
        square : ndarray, shape (A, B)
            V at each exponent for each row of weights, in units of the squared range.
        floor : ndarray, shape (A,)
            F at each exponent for equally weighted replicas.
        """
        exponents = np.atleast_1d(np.asarray(exponents, dtype=np.float64))
        square = np.empty((len(exponents), len(weights)))
        floor = np.empty(len(exponents))
        for i, exponent in enumerate(exponents):
            d = self.differences(float(exponent))
            floor[i] = d.var(axis=0, ddof=1).sum() / len(d)
            if d.shape[0] < d.shape[1]:  # w·DDᵀ·w and |Dᵀw|² agree; take the cheaper
                square[i] = np.einsum("br,br->b", weights @ (d @ d.T), weights)
            else:
                square[i] = np.square(weights @ d).sum(axis=1)
        return np.maximum(square, 0), floor  # rounding can leave −1e-20 where curves coincide
