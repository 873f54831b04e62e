"""Surfaces of the claims on equilibrium: temperatures and mean losses by quadrature."""

import numpy as np
import pytest

from soret.claims.three_factors import _surfaces as surfaces


@pytest.mark.parametrize("name", ["double", "tilted", "funnel", "plane"])
def test_temperatures_are_read_off_the_mean_loss(name):
    """T/2 of the directions across counted twice, or the floor left in."""
    well = surfaces.well_of(name)
    for heat in (0.1, 0.4):
        losses = np.full(50, surfaces.mean_loss(well, heat))
        found = surfaces.effective_temperature(well, losses, 0.2)
        assert found.mean() == pytest.approx(heat, rel=1e-5)


def test_the_mean_loss_is_that_of_the_law():
    """A marginal without the width across: by summing over the whole plane instead."""
    well = surfaces.well_of("funnel")
    x, y = np.meshgrid(np.linspace(-2.5, 2.5, 400), np.linspace(-4, 4, 500), indexing="ij")
    loss = well.potential(np.stack([x, y], -1))
    weights = np.exp(-loss / 0.3)
    whole = float((weights * loss).sum() / weights.sum())
    assert surfaces.mean_loss(well, 0.3) == pytest.approx(whole, rel=1e-3)
    share = weights[x < 0].sum() / weights[x > 0].sum()
    assert surfaces.boltzmann_odds(well, 0.3) == pytest.approx(float(share), rel=1e-3)
