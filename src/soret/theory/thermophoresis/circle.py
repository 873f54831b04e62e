"""Stationary densities of a fair walk q ← q − ηζg(q) on a circle of length 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from soret.errors import OutsideDomain
from soret.theory.checks import Floats, finite, positive

_FINE = 8
_NODES = 20


def power_shares(g: Callable[[Floats], Floats], power: float, cells: int) -> Floats:
    r"""Return the share of every cell under ρ ∝ \|g\|^power.

    −1 is the Soret equilibrium of the paper's Eq. 10, −η²g²ρ′ − η²gg′ρ = 0; −2 is where Itô's flux
    −½η²(g²ρ)′ vanishes.

    Parameters
    ----------
    g : callable
        Of points (n,), of period 1 and nowhere 0.
    power : float
    cells : int
        The circle is cut into so many, the first of which begins at 0.

    Returns
    -------
    ndarray, shape (cells,)
        They add up to 1.

    Raises
    ------
    OutsideDomain
        If g vanishes somewhere, or the power is not finite.
    """
    cells, power = _count(cells), float(finite("power", power))
    q = (np.arange(cells * _NODES) + 0.5) / (cells * _NODES)
    density = _size(g, q) ** power
    shares = density.reshape(cells, _NODES).sum(1)
    return np.asarray(shares / shares.sum())


def walk_shares(g: Callable[[Floats], Floats], learning_rate: float, cells: int) -> Floats:
    """Return the stationary share of every cell of the walk itself, its steps as long as they are.

    Ulam's method: the circle is cut into many small intervals, mass spreads evenly over each, and
    what an interval's image covers of others is its matrix of transitions, whose fixed point is
    solved for. The error is a diffusion of its own, of the order of an interval's length squared a
    step, to be small beside η²g².

    Parameters
    ----------
    g : callable
        As for `power_shares`.
    learning_rate : float
        η > 0.
    cells : int

    Returns
    -------
    ndarray, shape (cells,)

    Raises
    ------
    OutsideDomain
        If g vanishes somewhere, steps are not long beside the intervals, or carry one point past
        another.
    """
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    cells, rate = _count(cells), float(positive("learning_rate", learning_rate))
    count = cells * _FINE
    edges = np.arange(count + 1) / count
    size = _size(g, edges)
    if not rate * size.min() > 4 / count:
        raise OutsideDomain(
            f"the least step, {rate * size.min():.2g}, is not long beside intervals of "
            f"{1 / count:.2g}; take more cells."
        )
    rows, columns, weights = [], [], []
    for sign in (1, -1):
        image = (edges + sign * rate * size) * count
        low, high = image[:-1], image[1:]
        if not (high > low).all():
            raise OutsideDomain(
                "a step carries one point past another: ηg′ must lie between −1 and 1."
            )
        first = np.floor(low)
        for beyond in range(int(np.ceil((high - low).max())) + 1):
            left = first + beyond
            covered = np.minimum(high, left + 1) - np.maximum(low, left)
            rows.append(left.astype(int) % count)
            columns.append(np.arange(count))
            weights.append(np.maximum(covered, 0) / (high - low) / 2)
    entries = np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))
    moved = sparse.csr_array(entries, shape=(count, count)) - sparse.eye_array(count)
    # Columns add up to 0; in place of the last equation: all mass is 1.
    whole = sparse.csr_array(np.ones((1, count)))
    system: Any = sparse.vstack([moved[:-1], whole]).tocsc()
    found = np.asarray(spsolve(system, np.eye(1, count, count - 1)[0]))
    return found.reshape(cells, _FINE).sum(1)


def _count(cells: int) -> int:
    if isinstance(cells, bool) or not isinstance(cells, int | np.integer) or cells < 2:
        raise OutsideDomain(f"cells is {cells!r}; it must be a whole number, at least 2.")
    return int(cells)


def _size(g: Callable[[Floats], Floats], q: Floats) -> Floats:
    size = np.abs(np.asarray(g(q), np.float64))
    if not (np.isfinite(size) & (size > 0)).all():
        raise OutsideDomain("g vanishes, or is not finite, somewhere on the circle.")
    return np.asarray(size)
