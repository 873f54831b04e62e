"""Odds of two minima by equation, quadrature and recursion."""

import numpy as np
import pytest

from soret.claims.three_factors import _odds as odds
from soret.claims.three_factors import _surfaces as surfaces


@pytest.mark.parametrize("name", ["tilted", "wide or deep", "funnel"])
def test_odds_by_equation_and_quadrature_agree(name):
    """A border of the basins within a cell, walls that cut a well, noise of variance T."""
    well = surfaces.well_of(name)
    found = odds.log_odds(well, 0.25, 0.25, 60)
    assert found == pytest.approx(np.log(surfaces.boltzmann_odds(well, 0.25)), abs=2e-3)


def test_the_recursions_odds_tend_to_the_equations():
    well = surfaces.well_of("wide or deep")
    found = odds.recursion_log_odds(well, 0.25, 5e-4, 600)
    assert found == pytest.approx(odds.log_odds(well, 0.25, 0.25, 60), abs=0.01)
    assert np.isnan(odds.recursion_log_odds(well, 0.5, 0.09, 600))
