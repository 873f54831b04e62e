"""Data to be saved."""

import numpy as np
import pytest
import xarray as xr


@pytest.fixture
def data() -> xr.Dataset:
    """Return a small ensemble's worth of numbers, NaN and attributes included."""
    rng = np.random.default_rng(1)
    loss = rng.normal(size=(2, 3, 4)).astype(np.float32)
    loss[1, 2, 2:] = np.nan
    return xr.Dataset(
        {
            "loss": (("η", "replica", "step"), loss, {"units": "nats"}),
            "diverged_at": (("η", "replica"), np.full((2, 3), -1, np.int32)),
        },
        {"η": [0.1, 0.2], "replica": np.arange(3), "step": np.arange(4) * 10},
        {"seed": 3, "problem": "two_layer", "rate": 0.1, "nesterov": False},
    )
