"""Random hidden units in ordered pairs, and how much their moments grow from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import soret

if TYPE_CHECKING:
    import xarray as xr

CASES = {
    "closed form": "Gaussian inputs in closed form; V², b ordered",
    "sample": "Gaussian inputs, one sample for both; V², b ordered",
    "nonnegative": "inputs x ≥ 0, one sample for both; V², w, b ordered",
    "residual": "as the second; with the factor (p − y)² kept",
}
MOMENTS = ("h_V", "h_W", "h_b", "activation rate")

# Pairs that share one draw of inputs: as many as fit a core's cache.
_CHUNK = 200


def measure(seed: int, *, pairs: int, inputs: int, hidden: int, examples: int) -> xr.Dataset:
    """Draw ordered pairs of units and return the relative growth of their moments.

    Parameters
    ----------
    seed : int
    pairs : int
        Pairs in each case.
    inputs, hidden : int
        Size of the nets; all but one unit of a net is the same in both of a pair.
    examples : int
        Inputs drawn for each two hundred pairs.

    Returns
    -------
    Dataset
        growth (case, moment, pair): (h2 − h1)/max(h1, h2), 0 where both are 0; of h_W the
        component that grows least. Cases and moments have no names, which zarr could not keep
        (see `named`).
    """
    import xarray as xr

    rng = np.random.default_rng(seed)
    parts = [
        _growth(rng, min(_CHUNK, pairs - done), inputs, hidden, examples)
        for done in range(0, pairs, _CHUNK)
    ]
    growth = np.concatenate(parts, axis=-1)
    attributes = {"long_name": "relative growth of a moment", "units": "dimensionless"}
    return xr.Dataset(
        {"growth": (("case", "moment", "pair"), growth, attributes)},
        {"pair": np.arange(pairs)},
    )


def named(run: xr.Dataset) -> xr.DataArray:
    """Return the growth with the names of cases and moments."""
    return run.growth.assign_coords(case=list(CASES), moment=list(MOMENTS))


def _growth(
    rng: np.random.Generator, pairs: int, inputs: int, hidden: int, examples: int
) -> np.ndarray:
    theory = soret.theory.thermophoresis
    # Sizes over four orders of magnitude, biases small and large against ‖W‖.
    scale = np.exp(rng.uniform(-2, 2, size=(pairs, 1)))
    V = rng.normal(size=pairs) * np.exp(rng.uniform(-2, 2, size=pairs))
    W, b = scale * rng.normal(size=(pairs, inputs)), (scale * rng.normal(size=(pairs, 1)))[:, 0]
    more_V = V * (1 + _increase(rng, V.shape))
    more_b = b + scale[:, 0] * _increase(rng, b.shape)
    more_W = W + scale * _increase(rng, W.shape)
    flips = rng.choice([-1, 1], size=pairs)
    x = rng.normal(size=(examples, inputs))
    cases = [
        (theory.gradient_moments(V, W, b), theory.gradient_moments(flips * more_V, W, more_b)),
        (
            theory.gradient_moments_of(V, W, b, x),
            theory.gradient_moments_of(flips * more_V, W, more_b, x),
        ),
        (
            theory.gradient_moments_of(V, W, b, np.abs(x)),
            theory.gradient_moments_of(flips * more_V, more_W, more_b, np.abs(x)),
        ),
        # The rest of the net is the same in both.
        _with_residual(
            [(V, W, b), (more_V, W, more_b)],
            rng.normal(size=(pairs, hidden - 1)),
            scale[..., None] * rng.normal(size=(pairs, hidden - 1, inputs)),
            x,
        ),
    ]
    return np.stack([np.stack([_relative(*two) for two in zip(*c, strict=True)]) for c in cases])


def _increase(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return increases, none in every second place: the order asked for is ≤, not <."""
    return rng.exponential(size=shape) * rng.integers(0, 2, size=shape)


def _relative(low: Any, high: Any) -> np.ndarray:
    """Return (high − low)/max(high, low), 0 for 0/0, the least of components."""
    larger = np.maximum(low, high)
    growth = np.divide(high - low, larger, out=np.zeros_like(larger), where=larger > 0)
    return growth if growth.ndim == 1 else growth.min(-1)


def _with_residual(units: Any, rest_V: np.ndarray, rest_W: np.ndarray, x: np.ndarray) -> Any:
    """Return the moments of the gradient itself: E[(p−y)²(∇f)²], labels fair and independent."""
    from scipy import special

    others = np.einsum("ph,phn->pn", rest_V, np.maximum(rest_W @ x.T, 0))
    found = []
    for V, W, b in units:
        a = W @ x.T + b[:, None]
        on = (a > 0).astype(float)
        p = special.expit(others + V[:, None] * np.maximum(a, 0))
        # The mean of (p − y)² over y = 0 and 1.
        weight = (p**2 + (1 - p) ** 2) / 2
        both = weight * on
        found.append(
            (
                (weight * np.maximum(a, 0) ** 2).mean(-1),
                V[:, None] ** 2 * (both @ x**2) / len(x),
                V**2 * both.mean(-1),
                on.mean(-1),
            )
        )
    return tuple(found)
