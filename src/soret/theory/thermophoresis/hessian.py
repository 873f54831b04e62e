"""The bound on the trace of a ReLU net's Hessian (App. A.5, Eq. 37 to 62)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from soret.errors import OutsideDomain
from soret.theory.checks import Floats, closed_form, finite, not_negative


@closed_form
def hessian_trace_bound(
    weights: Sequence[ArrayLike],
    masks: Sequence[ArrayLike],
    input_norm: ArrayLike,
    trace_P: ArrayLike,
    biases: Sequence[ArrayLike] | None = None,
) -> Floats:
    r"""Return the bound of Eq. 62 on the trace of one example's Hessian.

    Tr H ≤ Tr P · ‖x‖² Σ_l Π_{n<l} ‖σⁿWⁿ‖²_F Π_{n>l} ‖Wⁿσⁿ⁻¹‖²_F, for h⁰ = x, hⁿ = σⁿWⁿhⁿ⁻¹,
    z = W^L h^{L−1}; σⁿ the diagonal mask of active units, P the Hessian of the loss with respect
    to the output z.

    Derived again, with these findings:

    - Eq. 45 drops ∇_zL·∇²z. That term is not zero, but its trace is: with masks fixed, z is linear
      in every single weight, so the diagonal of ∇²z vanishes. Eq. 46 is exact except on the
      masks' edges, a set of measure zero.
    - Tr(PK) ≤ Tr P · Tr K holds, both being positive semidefinite. But the last layer's part of
      Tr K is C‖h^{L−1}‖², with C the number of outputs: the product over n > L in Eq. 60 would have
      to be C, not 1. Eq. 62 is right all the same: with M_l = W^Lσ^{L−1}…W^{l+1}σ^l the l-th part
      of Tr(PK) is Tr(P M_l M_lᵀ)‖h^{l−1}‖² ≤ Tr P · ‖M_l‖²_F‖h^{l−1}‖², and for the last layer,
      where M_L is the identity, it equals Tr P · ‖h^{L−1}‖².
    - Biases are missing. They are parameters, whose second derivatives add ‖M_l‖² to each layer,
      and they enter h: with `biases`, ‖h^l‖ ≤ ‖σ^lW^l‖_F ‖h^{l−1}‖ + ‖σ^l b^l‖ takes the place of
      the forward product, and ‖h^{l−1}‖² + 1 that of ‖h^{l−1}‖². Then the bound is on the trace
      over weights and biases. Without, Eq. 62 as printed.

    Parameters
    ----------
    weights : sequence of array_like, shapes (n_1, n_0), …, (n_L, n_{L−1})
    masks : sequence of array_like, shapes (..., n_1), …, (..., n_{L−1})
        1 where a hidden unit is active, 0 where it is not; examples in front.
    input_norm : array_like, shape (...)
        ‖x‖.
    trace_P : array_like, shape (...)
        Tr P: Σ_k p_k(1 − p_k) for cross-entropy, p(1 − p) for one binary output.
    biases : sequence of array_like, shapes (n_1,), …, (n_L,), optional

    Returns
    -------
    ndarray, shape (...)
        One bound an example.

    Raises
    ------
    OutsideDomain
        If shapes do not chain, a mask holds anything but 0 and 1, or a norm or trace is negative.
    """
    layers = [finite("a weight matrix", w) for w in weights]
    on = [_mask(m) for m in masks]
    shifts = None if biases is None else [finite("a bias", b) for b in biases]
    _check_chain(layers, on, shifts)
    norm, trace = not_negative("input_norm", input_norm), not_negative("trace_P", trace_P)
    depth = len(layers)

    # ‖Wⁿσⁿ⁻¹‖²_F for n = 2 … L, multiplied up from the output.
    back: list[Floats] = [np.ones(())]
    for n in range(depth - 1, 0, -1):
        back.append(back[-1] * (on[n - 1] @ (layers[n] ** 2).sum(0)))
    back.reverse()

    forward = norm
    total = np.zeros(())
    for n in range(depth):
        total = total + (forward**2 + (shifts is not None)) * back[n]
        if n < depth - 1:
            forward = forward * np.sqrt(on[n] @ (layers[n] ** 2).sum(1))
            if shifts is not None:
                forward = forward + np.sqrt(on[n] @ shifts[n] ** 2)
    return np.asarray(trace * total)


def _mask(values: ArrayLike) -> Floats:
    array = finite("a mask", values)
    if not np.isin(array, (0.0, 1.0)).all():
        raise OutsideDomain("a mask holds values other than 0 and 1; for a ReLU it has only those.")
    return array


def _check_chain(
    layers: Sequence[Floats], masks: Sequence[Floats], biases: Sequence[Floats] | None
) -> None:
    shapes = [w.shape for w in layers]
    if not shapes or any(len(shape) != 2 for shape in shapes):
        raise OutsideDomain(f"weights have shapes {shapes}; matrices (n_l, n_{{l-1}}) are needed.")
    if any(upper[1] != lower[0] for lower, upper in itertools.pairwise(shapes)):
        raise OutsideDomain(f"weights of shapes {shapes} do not follow one another.")
    widths = [shape[0] for shape in shapes]
    if [m.shape[-1] if m.ndim else None for m in masks] != widths[:-1]:
        raise OutsideDomain(
            f"masks have shapes {[m.shape for m in masks]}; the hidden layers have {widths[:-1]}."
        )
    if biases is not None and [b.shape for b in biases] != [(width,) for width in widths]:
        raise OutsideDomain(
            f"biases have shapes {[b.shape for b in biases]}; the layers have {widths} units."
        )
