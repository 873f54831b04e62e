r"""SGD's own recursion on linear regression with one parameter: its stationary law and passages.

z′ = z − (η/B)Σx(xz − ε), x ~ N(0, h), ε ~ N(0, 2L*), exactly: neither Gaussian nor in continuous
time. Given z, the product x·(xz − ε) of two correlated Gaussians is diagonal in rotated axes:

    z′ = z − (η/B)(λ₊S₊ − λ₋S₋),   λ± = (√(hz² + 2L*)·√h ± hz)/2,   S± ~ χ²_B, independent.

In polar angle θ, S₊ = ρ²cos²θ and S₋ = ρ²sin²θ with ρ² ~ χ²_{2B}, and what remains of a transition
probability is one smooth integral over θ. The operator is set up on cells of |z| as probabilities
that are never differences of larger ones, and solved by the elimination of Grassmann, Taksar and
Heyman (1985), which subtracts nothing: every entry keeps its relative accuracy, be it 10⁻³⁰.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import MOST_CELLS, Floats, finite, positive, whole
from soret.theory.escape.kesten import kesten_exponent, lyapunov_exponent

# Double-exponential nodes: an integrand may be flat to all orders at either end.
_T = np.arange(-44, 45) * 0.075
_SIDE = 1 / (1 + np.exp(np.pi * np.sinh(_T)))
_STEP = 0.075 * np.pi * np.cosh(_T) * _SIDE * _SIDE[::-1]
_GAUSS = np.polynomial.legendre.leggauss(3)


@dataclass(frozen=True)
class RecursionLaw:
    """The stationary law of the recursion on cells of |z|.

    Attributes
    ----------
    edges : ndarray, shape (m + 1,)
        Of the cells, from 0.
    mass : ndarray, shape (m,)
        P(|z| in a cell).
    centers, density : ndarray, shape (m,)
        A point in each cell and P(z) there: of z, which has both signs.
    tail : float
        Kesten's α; the density falls as |z|^{−1−α}, as L^{−(1+α)/2}.
    """

    edges: Floats
    mass: Floats
    centers: Floats
    density: Floats
    tail: float

    def local_exponent(self) -> Floats:
        """Return −d log P/d log(|z|²) at the centers, shape (m,).

        (1 + α)/2 in the end, which may be far out: at (η, B) = (0.1, 1), where that is 9.14, it
        passes 7.0, 8.4, 8.93, 8.93, 9.03 and 9.15 at |z| = 1, 3, 10, 25, 100 and 900 √(2L*/h).
        """
        return -0.5 * np.gradient(np.log(self.density), np.log(self.centers))

    def density_at(self, z: ArrayLike) -> Floats:
        """Return P(z), interpolated between centers (its logarithm, linearly in |z|)."""
        r = np.abs(finite("z", z))
        if not (r <= self.centers[-1]).all():
            raise OutsideDomain(
                f"|z| goes up to {r.max():g}; the law was computed to {self.centers[-1]:g}."
            )
        return np.exp(np.interp(r, self.centers, np.log(self.density)))


@closed_form
def recursion_law(
    minimum_loss: float,
    learning_rate: float,
    batch_size: int,
    curvature: float = 1.0,
    farthest: float | None = None,
    cells: int = 400,
) -> RecursionLaw:
    """Return the stationary law of SGD on linear regression in one dimension.

    z′ = z − (η/B)Σx(xz − ε), x ~ N(0, h), ε ~ N(0, 2L*): nothing Gaussian, no continuous time.

    Parameters
    ----------
    minimum_loss : float
        L* > 0, half the variance of the residual.
    learning_rate, curvature : float
        η, h > 0.
    batch_size : int
        B ≥ 1.
    farthest : float, optional
        The largest |z|; by default 30 √(2L*/h), or less if the law gets too small. A margin
        beyond it is added and cut off again.
    cells : int
        Cells are a fixed fraction ρ of a step's spread, everywhere; the variance comes out too
        small by ρ²/12 or so, and the error falls as cells⁻². ρ > 0.7 is refused.

    Returns
    -------
    RecursionLaw

    Raises
    ------
    OutsideDomain
        If the recursion has no stationary law, or it vanishes before `farthest`.
    """
    eta, scale = _units(minimum_loss, learning_rate, curvature)
    batch = whole("batch_size", batch_size)
    alpha = kesten_exponent(eta, batch)
    margin = max(1.5, 10 ** (6 / alpha))
    if farthest is None:
        # As far as the law is above some 10⁻¹⁵⁰.
        end = min(30.0, np.sqrt((10 ** min(300 / (1 + alpha), 100) - 1) / 2) / margin)
    else:
        end = float(positive("farthest", farthest)) / scale
    edges = _edges(end * margin, eta, batch, cells)
    points, shares, whole_share = _within(edges, 1 + alpha)
    jump = _transitions(points.ravel(), edges, eta, batch)
    jump[:, -2] += jump[:, -1]
    between = np.einsum("ijk,ij->ik", jump[:, :-1].reshape(*points.shape, -1), shares)
    mass = _stationary(between)
    keep = int(np.searchsorted(edges, end * (1 + 1e-12)))
    centers = points[:, 1]
    density = mass / whole_share / 2
    kept = slice(0, keep - 1)
    return RecursionLaw(
        edges[:keep] * scale, mass[kept], centers[kept] * scale, density[kept] / scale, alpha
    )


@closed_form
def recursion_passage_steps(
    ratio: float,
    learning_rate: float,
    batch_size: int,
    start: float = 0.0,
    cells: int = 300,
) -> float:
    """Return the mean number of steps until L ≥ ratio·L*, for one parameter, watched every step.

    The recursion is that of `recursion_law`.

    Parameters
    ----------
    ratio : float
        c > 1.
    learning_rate : float
        ηh > 0: with the Hessian as the unit, as L* is that of the loss.
    batch_size : int
        B ≥ 1.
    start : float
        z√(h/2L*) before the first step.
    cells : int
        As for `recursion_law`.
    """
    if not (np.isfinite(ratio) and ratio > 1):
        raise OutsideDomain(f"the ratio is {ratio:g}; it must be above 1.")
    eta = float(positive("learning_rate", learning_rate))
    batch = whole("batch_size", batch_size)
    begin, end = abs(float(finite("start", start))), float(np.sqrt(ratio - 1))
    if begin >= end:
        return 0.0
    edges = _edges(end, eta, batch, cells)
    # The rare walker near the threshold is distributed as in the stationary law, if there is one.
    stays = lyapunov_exponent(eta, batch) < 0
    points, shares, _ = _within(edges, 1 + kesten_exponent(eta, batch) if stays else 0.0)
    jump = _transitions(points.ravel(), edges, eta, batch)
    between = np.einsum("ijk,ij->ik", jump.reshape(*points.shape, -1), shares)
    first = _transitions(np.array([begin]), edges, eta, batch)[0]
    return float(1 + first[:-1] @ absorption(between))


def _units(minimum_loss: float, learning_rate: float, curvature: float) -> tuple[float, float]:
    """ηh, and the length √(2L*/h) in which the recursion has unit inputs and residuals."""
    loss, h = positive("minimum_loss", minimum_loss), positive("curvature", curvature)
    return float(positive("learning_rate", learning_rate) * h), float(np.sqrt(2 * loss / h))


def _edges(end: float, eta: float, batch: int, cells: int) -> Floats:
    """Cells whose width is a fixed fraction of a step's spread (η/√B)√(1 + 2z²)."""
    reach = float(np.arcsinh(np.sqrt(2) * end))
    step = np.sqrt(2 / batch) * eta
    if not cells * step * 0.7 >= reach:
        raise OutsideDomain(
            f"{cells} cells are wider than a step; at least {np.ceil(reach / step / 0.7):.0f} are "
            "needed to go so far."
        )
    return np.asarray(
        np.sinh(np.linspace(0, reach, whole("cells", cells, 1, MOST_CELLS) + 1)) / np.sqrt(2)
    )


def _within(edges: Floats, power: float) -> tuple[Floats, Floats, Floats]:
    """Points in each cell, their shares of its mass, and the mass at unit density at the second.

    Inside a cell the density is taken to fall like (1 + 2z²)^{−power/2}.
    """
    half = np.diff(edges)[:, None] / 2
    points = edges[:-1, None] + half * (1 + _GAUSS[0])
    logs = np.log1p(2 * points**2)
    shares = half * _GAUSS[1] * np.exp(-power / 2 * (logs - logs[:, 1:2]))
    total = shares.sum(1)
    return points, shares / total[:, None], total


def _transitions(points: Floats, edges: Floats, eta: float, batch: int) -> Floats:
    """P(|z′| in each cell, and beyond the last) from each point z ≥ 0; shape (points, m + 1)."""
    m = edges.size - 1
    out = np.empty((points.size, m + 1))
    signed = np.concatenate([-edges[:0:-1], edges])
    for row, z in enumerate(points):
        below = signed < z
        size = np.abs(signed - z) * batch / eta
        # Mass below each edge that lies below z, above each edge that lies above.
        tail = np.concatenate(
            [_beyond(size[below], z, batch, 1), _beyond(size[~below], z, batch, -1)]
        )
        cell = np.abs(np.diff(tail))
        here = int(below.sum()) - 1
        if here < 2 * m:
            cell[here] = 1 - tail[here] - tail[here + 1]
        out[row, :m] = cell[m:] + cell[m - 1 :: -1]
        out[row, m] = tail[0] + tail[-1]
    return out


def _beyond(size: Floats, z: float, batch: int, sign: int) -> Floats:
    """P(±(λ₊S₊ − λ₋S₋) > size), in units h = 2L* = 1."""
    root = np.hypot(z, 1.0)
    # λ₊ − λ₋ = z and λ₊λ₋ = 1/4; the smaller of them without cancellation.
    large = (root + z) / 2
    toward, away = (large, 0.25 / large) if sign > 0 else (0.25 / large, large)
    widest = np.arctan2(np.sqrt(toward), np.sqrt(away))
    angle, left = widest * _SIDE[::-1], widest * _SIDE
    # toward·cos²θ − away·sin²θ = root·sin(widest − θ)·sin(widest + θ)
    reach = root * np.sin(left) * np.sin(widest + angle)
    log_beta = special.betaln(batch / 2, batch / 2)
    around = np.exp((batch - 1) * np.log(np.sin(2 * angle) / 2) - log_beta)
    y = np.minimum(size[:, None] / (2 * reach), 740.0)
    survives = np.ones_like(y)
    for k in range(batch - 1, 0, -1):
        survives = 1 + y / k * survives
    return np.asarray((np.exp(-y) * survives) @ (2 * around * widest * _STEP))


def _leaving(chance: float) -> float:
    if not chance > 0:
        raise OutsideDomain("a chance is below 10⁻³⁰⁸ and lost; nothing so far out is computed.")
    return chance


def _stationary(jump: Floats) -> Floats:
    """The stationary law of a chain, by elimination from the last state to the first."""
    p = jump.copy()
    for k in range(len(p) - 1, 0, -1):
        p[:k, k] /= _leaving(p[k, :k].sum())
        p[:k, :k] += np.outer(p[:k, k], p[k, :k])
    mass = np.zeros(len(p))
    mass[0] = 1
    for k in range(1, len(p)):
        mass[k] = mass[:k] @ p[:k, k]
    _leaving(mass.min())
    return np.asarray(mass / mass.sum())


def absorption(jump: Floats) -> Floats:
    """Mean steps to the last column from each state, by elimination in the same way."""
    p, size = jump.copy(), len(jump)
    wait = np.ones(size)
    for k in range(size - 1, -1, -1):
        leaves = _leaving(p[k, :k].sum() + p[k, -1])
        share = p[:k, k] / leaves
        wait[:k] += share * wait[k]
        p[:k, :k] += np.outer(share, p[k, :k])
        p[:k, -1] += share * p[k, -1]
        p[k, :k] /= leaves
        wait[k] /= leaves
    for k in range(1, size):
        wait[k] += p[k, :k] @ wait[:k]
    return wait
