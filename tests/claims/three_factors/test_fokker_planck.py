"""Distributions along directions, from a density on a grid."""

import numpy as np
import pytest
from scipy import stats

from soret.claims.three_factors import fokker_planck
from soret.theory.fokker_planck import Grid


@pytest.mark.parametrize("direction", ["x", "y", "x + y", "x − y"])
def test_distributions_along_directions(direction):
    """The two diagonals exchanged, or places off by half a cell."""
    grid = Grid((-2.4, -2.4), (2.4, 2.4), (80, 80))
    cov = np.array([[0.2, 0.08], [0.08, 0.1]])
    density = stats.multivariate_normal([0.3, -0.2], cov).pdf(grid.points)[None]
    found = fokker_planck._within(density, direction, grid)[0]
    way = {"x": [1, 0], "y": [0, 1], "x + y": [1, 1], "x − y": [1, -1]}[direction]
    law = stats.norm(np.dot(way, [0.3, -0.2]), np.sqrt(way @ cov @ way))
    expected = law.cdf(fokker_planck._edges(direction, grid))
    assert abs(found - expected).max() < 2e-3
