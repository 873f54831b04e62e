"""Synthetic ensembles: trajectories that collapse, by construction, under a known exponent."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter

SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hyperbolic": lambda s: 1 / (1 + s),
    "stretched": lambda s: np.exp(-(s**0.7)),
    "exponential": lambda s: np.exp(-s),
    "hump": lambda s: s * np.exp(-s),
}


def make_trajectories(
    seed: int | np.random.Generator = 0,
    *,
    exponent: float = 2.0,
    scales: Sequence[float] = (0.1, 0.05, 0.025),
    over: str = "learning_rate",
    shape: str = "hyperbolic",
    replicas: int = 64,
    records: int = 101,
    first: int = 0,
    noise: float = 0.3,
    offset: float = 0.3,
    white: float = 0.0,
    shared_start: bool = True,
    drift: float = 0.0,
) -> xr.DataArray:
    """Replicas of a curve m(s), s = step·h^exponent in units that end the fastest one at s = 8.

    Each replica adds an Ornstein–Uhlenbeck path in s that starts at zero (standard deviation
    `noise` once stationary, correlation time 1), a start of its own (standard deviation `offset`,
    forgotten over Δs = 5, the same at every h if `shared_start`), and white noise per record.
    All of it collapses with the mean. With `drift`, curve h is multiplied by
    1 + drift·ln(h/h_max), and no exponent collapses the curves.
    """
    rng = np.random.default_rng(seed)
    h = np.asarray(scales, dtype=float)
    t = np.arange(records, dtype=float)
    rates = h**exponent
    rates *= 8 / (rates.max() * t[-1])
    starts = rng.normal(scale=offset, size=(len(h), replicas, 1))
    if shared_start:
        starts[:] = starts[0]
    values = np.empty((len(h), replicas, records))
    for k, rate in enumerate(rates):
        s = t * rate
        decay = np.exp(-rate)
        kicks = rng.normal(scale=noise * np.sqrt(1 - decay**2), size=(replicas, records))
        kicks[:, 0] = 0
        path = lfilter([1.0], [1.0, -decay], kicks)
        values[k] = SHAPES[shape](s) + starts[k] * np.exp(-s / 5) + path
    values += white * rng.normal(size=values.shape)
    values *= 1 + drift * np.log(h / h.max())[:, None, None]
    return xr.DataArray(
        values[:, :, first:],
        dims=(over, "replica", "step"),
        coords={over: h, "step": t[first:]},
        name="observable",
    )


@pytest.fixture(scope="session")
def trajectories() -> Callable[..., xr.DataArray]:
    return make_trajectories
