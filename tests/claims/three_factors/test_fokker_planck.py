"""Distributions along directions, and what the judge says of positions whose law is known."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from told import told

from soret.claims import configure, find
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


def made(replicas, *, rival=False):
    """Return positions drawn from a normal distribution, of which the rival's is a half aside."""
    (claim,), rng = find("three-factors/fokker-planck"), np.random.default_rng(3)
    claim = configure(claim, "quick", {"steps": (20,)})
    edges = np.linspace(-5, 5, 2001)
    law, other = stats.norm.cdf(edges), stats.norm.cdf(edges - 0.5)
    runs = {}
    for case in fokker_planck.CASES:
        ways = fokker_planck._directions(2 if case == "oblique" else 1)
        known = {"within": law, "rival": other}
        runs[f"{case} law"] = xr.Dataset(
            {
                name: (("direction", "step", "place"), np.tile(values, (len(ways), 1, 1)))
                for name, values in known.items()
            }
            | {"edge": (("direction", "place"), np.tile(edges, (len(ways), 1)))},
            {"direction": range(len(ways)), "step": [20]},
        )
        drawn = rng.normal(size=replicas) + (0.5 if rival else 0.0)
        runs[case] = xr.Dataset({f"{way}-20": ("replica", drawn) for way in ways})
    return claim, runs


@pytest.mark.parametrize(
    ("replicas", "rival", "verdict"),
    [(20_000, False, "supported"), (20_000, True, "contradicted"), (200, False, "inconclusive")],
)
@pytest.mark.known_answer("three-factors/fokker-planck", "prediction", "rival", "few")
def test_densities_are_judged_by_what_was_made(replicas, rival, verdict):
    """Catches: a distance without its band; a case that belongs to the other statement."""
    found = told(*made(replicas, rival=rival))
    assert found == {"evolution": verdict, "inside": verdict}
