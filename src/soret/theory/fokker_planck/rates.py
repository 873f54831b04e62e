r"""The equation as jumps between neighbouring cells, all at rates that are not negative.

The flux is J_i = A_iρ − ½Σ_j ∂_j(D_ijρ) (Risken 1989, Eq. 4.101 and 4.107, with his D² = ½D).
In one dimension, between cells whose centres are h apart, Scharfetter & Gummel (1969) solve
J = (A − ½D′)ρ − ½Dρ′ exactly for constant coefficients:

    J = [B(−β)ρ_i − B(β)ρ_{i+1}] D/(2h),     β = 2h(A − ½D′)/D,     B(z) = z/(eᶻ − 1).

Here D is the logarithmic mean of both cells' D, so that D′/D is the difference of ln D. Without
drift J is then −½Δ(Dρ)/h to rounding, and Itô's stationary density 1/D comes out exactly, as the
quasi-equilibrium of Chang & Cooper (1970) does with drift. Both factors are positive, hence rates
of jumps. The error is of order h² while |A|h ≲ D and of order h where drift wins (upwind).

In two dimensions D is split along the directions of the 9-point stencil,

    D = w1 e1e1ᵀ + w2 e2e2ᵀ + c vvᵀ,   v = (h1, ±h2),   c = |D12|/(h1h2),

with w1 = D11 − |D12|h1/h2 and w2 = D22 − |D12|h2/h1, and −½∂_v(cρ) along v is −½Δ(cρ). All three
must not be negative. Where D is constant, h1/h2 = √(D11/D22) always serves. On a line where D12
changes sign c has a kink: means stay of order h², the density in single cells beside it is off by
order h.

Walls: nothing jumps through a reflecting one, so J·n = 0. With D12 ≠ 0 the flow along a
reflecting wall, in the cells that touch it, lacks the diagonal through the wall: where mass meets
such a wall the whole density is off by order h. At an absorbing wall ρ = 0 half a cell away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soret.errors import OutsideDomain
from soret.theory.fokker_planck.grid import Field, Floats, Grid, Wall, evaluate

Index = tuple[slice | int, ...]


def end(axis: int, side: int) -> Index:
    """Return the index of the first (side 0) or last (1) layer along an axis."""
    return (*[slice(None)] * axis, -side)


def within(axis: int) -> Index:
    """Return the index of all but the first and last layer along an axis."""
    return (*[slice(None)] * axis, slice(1, -1))


class Bonds(NamedTuple):
    """Jumps by `step`, and back, between all pairs of cells so placed; rates per time."""

    step: tuple[int, ...]
    there: Floats
    back: Floats

    @property
    def source(self) -> tuple[slice, ...]:
        """The cells from which `there` leaves."""
        return tuple(slice(max(-s, 0), -s if s > 0 else None) for s in self.step)

    @property
    def target(self) -> tuple[slice, ...]:
        """The cells at which `there` arrives."""
        return tuple(slice(max(s, 0), s if s < 0 else None) for s in self.step)


class Exit(NamedTuple):
    """Jumps out through an absorbing wall from the cells that touch it."""

    axis: int
    side: int
    rate: Floats

    @property
    def cells(self) -> Index:
        """The cells that touch the wall; `axis` is dropped."""
        return end(self.axis, self.side)


@dataclass(frozen=True)
class Rates:
    """All jumps of an equation on a grid."""

    bonds: tuple[Bonds, ...]
    exits: tuple[Exit, ...]


def discretize(
    drift: Field, diffusion: Field, grid: Grid, walls: tuple[tuple[Wall, Wall], ...]
) -> Rates:
    """Return the jump rates of ∂ρ/∂t = −∂_i(A_iρ) + ½∂_i∂_j(D_ijρ) on a grid.

    Raises
    ------
    OutsideDomain
        If D is not a covariance, or too oblique for the cells.
    """
    weights, diagonal = _split(evaluate("diffusion", diffusion, grid.points, 2), grid.spacing)
    bonds, exits = [], []
    for axis, h in enumerate(grid.spacing):
        step = tuple(int(axis == other) for other in range(grid.dimensions))
        empty = np.zeros(0)
        at = Bonds(step, empty, empty)
        velocity = evaluate("drift", drift, grid.faces(axis)[within(axis)], 1)[..., axis]
        weight = weights[axis]
        bonds.append(Bonds(step, *_fitted(velocity, h, weight[at.source], weight[at.target])))
        for side, wall in enumerate(walls[axis]):
            if wall == "absorbing":
                outward = evaluate("drift", drift, grid.faces(axis)[end(axis, side)], 1)[..., axis]
                outward = outward if side else -outward
                rate = _out(outward, h, weight[end(axis, side)])
                exits.append(Exit(axis, side, rate + _through(diagonal, axis, side, walls)))
    for sign, c in diagonal.items():
        at = Bonds((1, sign), c, c)
        bonds.append(Bonds(at.step, c[at.source] / 2, c[at.target] / 2))
    return Rates(tuple(bonds), tuple(exits))


def _split(D: Floats, spacing: tuple[float, ...]) -> tuple[list[Floats], dict[int, Floats]]:
    """Return the weights along the axes, and along both diagonals if any is needed."""
    own = [D[..., axis, axis] for axis in range(len(spacing))]
    if any((d < 0).any() for d in own):
        raise OutsideDomain("A diagonal entry of the diffusion is negative; it is a covariance.")
    if len(spacing) == 1:
        return own, {}
    size = np.sqrt(own[0] * own[1])
    across = D[..., 0, 1]
    slack = 1e-12 * (own[0] + own[1])
    if (abs(across - D[..., 1, 0]) > slack).any() or (abs(across) > size + slack).any():
        raise OutsideDomain("The diffusion is not symmetric and positive semi-definite everywhere.")
    h1, h2 = spacing
    weights = [own[0] - abs(across) * h1 / h2, own[1] - abs(across) * h2 / h1]
    if any((w < -slack).any() for w in weights):
        raise OutsideDomain(
            f"The diffusion is too oblique for cells of {h1:g} x {h2:g}: |D12| must not exceed "
            "D11 h2/h1 nor D22 h1/h2, which h1/h2 = √(D11/D22) achieves where D is constant."
        )
    weights = [np.maximum(w, 0) for w in weights]
    halves = {1: np.maximum(across, 0) / (h1 * h2), -1: np.maximum(-across, 0) / (h1 * h2)}
    return weights, {sign: c for sign, c in halves.items() if c.any()}


def _fitted(velocity: Floats, h: float, here: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Return the rates to the next cell and back, after Scharfetter and Gummel."""
    mean = _logarithmic_mean(here, there)
    velocity = velocity - (there - here) / (2 * h)
    common = _spread(velocity, h, mean) / (2 * h**2)
    return common + np.maximum(velocity, 0) / h, common + np.maximum(-velocity, 0) / h


def _out(outward: Floats, h: float, weight: Floats) -> Floats:
    """Return the rate through a wall half a cell away, where Dρ = 0."""
    return _spread(outward, h / 2, weight) / h**2 + np.maximum(outward, 0) / h


def _spread(velocity: Floats, h: float, weight: Floats) -> Floats:
    """Return w B(2h|A|/w), which is 0 for w = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        peclet = np.where(velocity == 0, 0.0, 2 * h * abs(velocity) / weight)
        bernoulli = np.where(peclet > 0, peclet / np.expm1(peclet), 1.0)
    return weight * np.where(peclet < 700, bernoulli, 0.0)


def _logarithmic_mean(a: Floats, b: Floats) -> Floats:
    """Return (b − a)/ln(b/a), which is 0 if a or b is."""
    both = (a > 0) & (b > 0)
    a, b = np.where(both, a, 1.0), np.where(both, b, 1.0)
    half = np.log(b / a) / 2
    close = abs(half) < 1
    near = np.where(close & (half != 0), half, 1.0)
    even = np.where(half == 0, 1.0, np.sinh(near) / near)
    far = np.where(close, 1.0, half)
    return np.where(both, np.where(close, np.sqrt(a * b) * even, (b - a) / (2 * far)), 0.0)


def _through(
    diagonal: dict[int, Floats], axis: int, side: int, walls: tuple[tuple[Wall, Wall], ...]
) -> Floats:
    """Return the rate of diagonal jumps out through a wall: each crosses it halfway."""
    total = np.zeros(())
    for sign, c in diagonal.items():
        rate = c[end(axis, side)].copy()
        if axis == 1:
            # Through a corner one jumps once: through the wall across the first axis.
            corner = side if sign > 0 else 1 - side
            if walls[0][corner] == "absorbing":
                rate[-corner] = 0
        total = total + rate
    return total
