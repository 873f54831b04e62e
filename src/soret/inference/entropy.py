"""Entropy production of a stationary Gaussian process, from an ensemble of its paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soret.errors import InferenceError
from soret.inference.checks import answered, in_unit, numbers, unit, whole_number


@answered()
def pair_entropy(paths: ArrayLike, groups: int = 25) -> NDArray[np.float64]:
    r"""Estimate how far pairs of successive points are from their own reversal, in nats a step.

    For a Gaussian Markov chain this is its entropy production. With Σ = E[xxᵀ] and
    B = E[x_k x_{k+1}ᵀ] about the mean, it is the divergence of N(0, [Σ B; Bᵀ Σ]) from the same
    with B and Bᵀ exchanged, ½tr[S_r⁻¹S] − n. It cannot come out below 0, so that a plain
    estimate errs upwards; the jackknife's pseudo-values have no such bias to first order, and
    their mean may be negative.

    Parameters
    ----------
    paths : array_like, shape (R, k, n)
        Successive points of independent stationary paths: finite, at least 2 points a path and 2
        paths a group, that vary in each of the n ≥ 1 directions, and whose successive points do
        not determine each other.
    groups : int
        Groups of paths that are left out in turn.

    Returns
    -------
    ndarray, shape (groups,)
        Pseudo-values: their mean is the estimate, a t-interval of them its interval.

    Raises
    ------
    InferenceError
        If the paths are not as described.
    SettingsError
        If there are fewer than 2 groups.
    """
    groups = whole_number("groups", groups, 2)
    # In one order in memory, so that sums do not depend on where the paths came from.
    x = np.array(numbers("paths", paths, replicas=0), order="C")
    if x.ndim != 3 or x.shape[1] < 2 or x.shape[0] < 2 * groups or not x.shape[2]:
        raise InferenceError(
            f"paths has shape {x.shape}; it must be (R, k, n) with k of at least 2 and R of at "
            f"least {2 * groups}."
        )
    if not np.isfinite(x).all():
        raise InferenceError("a path is not finite; leave out those that diverged.")
    x = in_unit(x, unit(x))
    x = x - x.mean((0, 1))
    parts = np.array_split(x, groups)
    now = np.array([np.einsum("rki,rkj->ij", p, p) / p.shape[1] for p in parts])
    after = np.array(
        [np.einsum("rki,rkj->ij", p[:, :-1], p[:, 1:]) / (p.shape[1] - 1) for p in parts]
    )
    count = np.array([len(p) for p in parts])
    whole = _divergence(now.sum(0) / len(x), after.sum(0) / len(x))
    left = [
        _divergence((now.sum(0) - a) / (len(x) - n), (after.sum(0) - b) / (len(x) - n))
        for a, b, n in zip(now, after, count, strict=True)
    ]
    return groups * whole - (groups - 1) * np.array(left)


def _divergence(now: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    forward = np.block([[now, after], [after.T, now]])
    back = np.block([[now, after.T], [after, now]])
    scale = np.sqrt(np.diag(back))
    if not (scale > 0).all() or not np.linalg.cond(back / np.outer(scale, scale)) < 1e13:
        raise InferenceError(
            "the paths do not vary independently in every direction and from point to point; "
            "leave out directions that others determine, or take points further apart."
        )
    return float(np.trace(np.linalg.solve(back, forward)) - 2 * len(now)) / 2
