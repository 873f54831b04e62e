"""The control of a collapse, of runs that diverged."""

import numpy as np
import pytest
import xarray as xr

from soret.claims.collapse import made_by_rival


@pytest.mark.parametrize("lost", [(), (0,), (0, 1, 2), (2,)])
def test_made_of_replicas_that_diverged(lost: tuple[int, ...]) -> None:
    """Catches: NumPy's "Mean of empty slice" in the notes of a verdict."""
    values = np.random.default_rng(0).normal(size=(3, 4, 6)) - np.arange(6)
    for place in lost:
        values[place, :, 2:] = np.nan
    rates = [0.4, 0.2, 0.1]
    dims = ("learning_rate", "replica", "step")
    run = xr.Dataset({"y": (dims, values)}, {"learning_rate": rates, "step": np.arange(6) * 10})
    made = made_by_rival(run, "learning_rate", 1.0)
    assert made.y.shape == (3, 4, 6)
    for place in range(3):
        told = np.isnan(made.y.values[place]).all(axis=0)
        assert told.tolist() == [place in lost and step >= 2 for step in range(6)] or 0 in lost
