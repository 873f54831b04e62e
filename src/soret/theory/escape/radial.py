r"""First passages of SGD's own recursion on linear regression with several parameters.

z′ = z − (η/B)Σx(x·z − ε), x ~ N(0, h1) in n dimensions, ε ~ N(0, 2L*), exactly. In units
h = 2L* = 1 and with κ = η/B, r = |z| is a Markov chain by itself: the residuals e = x·z − ε are
N(0, 1 + r²), and given them the part of x along z has mean re/(1 + r²) and variance 1/(1 + r²), so

    r′² = (r − κrS − κ√S w)² + κ²(1 + r²)S·C,   S ~ χ²_B, w ~ N(0, 1), C ~ χ²_{n−1}, independent.

The integral over C is a survival function, those over S and w are quadratures; the chain on cells
of r is solved by an elimination that subtracts nothing, so that times keep their accuracy however
long they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from soret.errors import OutsideDomain
from soret.theory.checks import closed_form
from soret.theory.escape.checks import MOST_CELLS, Floats, at_least, positive, whole
from soret.theory.escape.recursion import absorption

_PANELS, _ORDER, _NORMAL_NODES = 12, 8, 48
# Beyond this the chance of S or w is below 10⁻²⁰ and no jump from there matters.
_RARE = 1e-20
_GAUSS = np.polynomial.legendre.leggauss(3)


@closed_form
def radial_recursion_steps(
    ratio: ArrayLike,
    learning_rate: float,
    batch_size: int,
    dimension: int,
    cells: int = 100,
) -> Floats:
    """Return the mean number of steps from the minimum until L ≥ ratio·L*, watched every step.

    Of z′ = z − (η/B)Σx(x·z − ε), x ~ N(0, h1), ε ~ N(0, 2L*): |z| is a Markov chain by itself.
    For one parameter use `recursion_passage_steps`.

    Parameters
    ----------
    ratio : array_like, shape (...)
        c > 1, each.
    learning_rate : float
        ηh > 0: with the Hessian as the unit, as L* is that of the loss.
    batch_size : int
        B ≥ 1.
    dimension : int
        n ≥ 2.
    cells : int
        Of r, besides those that end at the thresholds. With 100, times are within about 2 % of
        what finer cells give.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    OutsideDomain
        If an argument is outside its range, or a chance too small for a float.
    """
    c = at_least("ratio", ratio, 1.0)
    kappa = float(positive("learning_rate", learning_rate)) / whole("batch_size", batch_size)
    n = whole("dimension", dimension, 2)
    if not (c > 1).all():
        raise OutsideDomain("a ratio of 1 is passed at once; ratios must be above 1.")
    ends = np.sqrt(np.unique(c) - 1)
    edges = _edges(ends, whole("cells", cells, 10, MOST_CELLS))
    points, shares = _within(edges, n, 1 / kappa)
    chances = _survival(np.append(points, 0.0), edges, kappa, batch_size, n)
    between = np.einsum("ijk,ij->ik", chances[:-1].reshape(*points.shape, -1), shares)
    times = np.empty(ends.size)
    for place, end in enumerate(ends):
        size = int(np.searchsorted(edges, end))
        waits = absorption(_jumps(between[:size], size))
        times[place] = 1 + _jumps(chances[-1:], size)[0, :-1] @ waits
    return np.asarray(times[np.searchsorted(ends, np.sqrt(c - 1))])


def _edges(ends: Floats, cells: int) -> Floats:
    """Edges of cells, finer near the minimum, with every threshold among them."""
    reach = np.arcsinh(np.sqrt(2) * ends[-1])
    base = np.sinh(np.linspace(0, reach, cells + 1)) / np.sqrt(2)
    width = np.diff(base)
    near = np.abs(base[:, None] - ends).min(1) < 0.5 * np.append(width, width[-1])
    near[0] = False
    return np.unique(np.concatenate([base[~near], ends]))


def _within(edges: Floats, n: int, power: float) -> tuple[Floats, Floats]:
    """Points in each cell, and their shares of its mass, (cells, 3) each.

    Inside a cell r is taken to have the density r^(n−1)(1 + r²)^(−1−power), the paper's.
    """
    half = np.diff(edges)[:, None] / 2
    points = edges[:-1, None] + half * (1 + _GAUSS[0])
    logs = (n - 1) * np.log(points) - (1 + power) * np.log1p(points**2)
    shares = _GAUSS[1] * np.exp(logs - logs[:, 1:2])
    return points, shares / shares.sum(1, keepdims=True)


def _jumps(chances: Floats, size: int) -> Floats:
    """Chances of each of the first cells, and in the last column of what lies beyond them."""
    cells = np.clip(chances[:, :size] - chances[:, 1 : size + 1], 0, None)
    return np.concatenate([cells, chances[:, size : size + 1]], axis=1)


def _survival(points: Floats, edges: Floats, kappa: float, batch: int, n: int) -> Floats:
    """Return P(r′ ≥ edge) from each point; shape (points, edges)."""
    root, root_weight = _chi_nodes(batch)
    w, w_weight = np.polynomial.hermite_e.hermegauss(_NORMAL_NODES)
    weights = root_weight[:, None] * (w_weight / w_weight.sum())
    # Survival of C from a table: even in log C, where it is smooth at both ends.
    grid = np.linspace(-40, np.log(stats.chi2.isf(1e-300, n - 1)), 6000)
    table = stats.chi2.logsf(np.exp(grid), n - 1)
    out = np.empty((points.size, edges.size))
    for row, r in enumerate(points):
        along = (r * (1 - kappa * root[:, None] ** 2) - kappa * root[:, None] * w) ** 2
        across = (kappa * root[:, None]) ** 2 * (1 + r * r)
        for column, edge in enumerate(edges):
            rest = edge * edge - along
            needed = np.log(np.maximum(rest, 1e-300)) - np.log(across)
            chance = np.where(rest <= 0, 1.0, np.exp(np.interp(needed, grid, table)))
            out[row, column] = (weights * chance).sum()
    # From one edge to the next the chance falls; rounding must not say otherwise.
    return np.minimum.accumulate(np.minimum(out, 1.0), axis=1)


def _chi_nodes(batch: int) -> tuple[Floats, Floats]:
    """Nodes and weights for √S, S ~ χ²_B, on panels out to where the tail is negligible."""
    end = np.sqrt(stats.chi2.isf(_RARE, batch))
    x, weight = np.polynomial.legendre.leggauss(_ORDER)
    bounds = np.linspace(0, end, _PANELS + 1)
    half = np.diff(bounds)[:, None] / 2
    nodes = (bounds[:-1, None] + half * (1 + x)).ravel()
    log_density = (
        np.log(2)
        + special.xlogy(batch - 1, nodes)
        - nodes**2 / 2
        - batch / 2 * np.log(2)
        - special.gammaln(batch / 2)
    )
    weights = (half * weight).ravel() * np.exp(log_density)
    return nodes, np.asarray(weights / weights.sum())
