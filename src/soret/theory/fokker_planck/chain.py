"""Chains of cells in one dimension, solved without a subtraction.

An escape rate may be 10⁻³⁰ of the fastest rate of its matrix; elimination loses it to rounding.
After Grassmann, Taksar & Heyman (1985) the rates of leaving for good are carried along as numbers
of their own. Then only positive numbers are added, and every digit holds.
"""

from __future__ import annotations

import numpy as np

from soret.theory.fokker_planck.grid import Floats


class Chain:
    """Cells 0 … N−1 with jumps up, down and out.

    Parameters
    ----------
    up, down : ndarray, shape (N − 1,)
        Rates i → i+1 and i+1 → i.
    out : ndarray, shape (N,)
        Rates of leaving for good; not all 0.
    """

    def __init__(self, up: Floats, down: Floats, out: Floats) -> None:
        self._up, self._down = [*up.tolist(), 0.0], list(down.tolist())
        leave: list[float] = out.tolist()
        total: list[float] = []
        for i in range(len(leave)):
            # Out of i, directly or through the cells below it.
            if i:
                leave[i] += self._down[i - 1] * leave[i - 1] / total[i - 1]
            total.append(leave[i] + self._up[i])
        self._total = total

    def solve(self, source: Floats) -> Floats:
        """Return ρ (N,) with −Mρ = source, the density that a steady source keeps up."""
        found = source.tolist()
        up, down, total = self._up, self._down, self._total
        for i in range(1, len(found)):
            found[i] += found[i - 1] * up[i - 1] / total[i - 1]
        found[-1] /= total[-1]
        for i in range(len(found) - 2, -1, -1):
            found[i] = (found[i] + down[i] * found[i + 1]) / total[i]
        return np.array(found)

    def solve_adjoint(self, cost: Floats) -> Floats:
        """Return τ (N,) with −Mᵀτ = cost, what a walk from each cell pays until it leaves."""
        found = cost.tolist()
        up, down, total = self._up, self._down, self._total
        for i in range(1, len(found)):
            found[i] += down[i - 1] * found[i - 1] / total[i - 1]
        found[-1] /= total[-1]
        for i in range(len(found) - 2, -1, -1):
            found[i] = (found[i] + up[i] * found[i + 1]) / total[i]
        return np.array(found)


def stationary(up: Floats, down: Floats) -> Floats:
    """Return the stationary density of a closed chain of N cells, largest value 1.

    No flux: ρ_{i+1}/ρ_i = up_i/down_i, added as logarithms.
    """
    logarithm = np.append(0.0, np.cumsum(np.log(up) - np.log(down)))
    return np.exp(logarithm - logarithm.max())


def dual(up: Floats, down: Floats) -> Chain:
    """Return the chain of the N − 1 faces, which has all rates of a closed chain but the 0.

    The mass F_i to the left of face i obeys dF_i/dt = −(up_i + down_i)F_i + up_i F_{i−1} +
    down_i F_{i+1}, with F = 0 beyond both ends. Read as an adjoint, up_i is a jump down.
    """
    out = np.zeros(len(up))
    out[0] += up[0]
    out[-1] += down[-1]
    return Chain(down[:-1], up[1:], out)
