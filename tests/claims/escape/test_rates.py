"""Escape rates: by quadrature, by eigenvalue, and counted."""

import numpy as np
import pytest
import xarray as xr

import soret
from soret.claims.escape import _rates as rates
from soret.problems import DoubleWell


def test_the_exact_rates_are_one_rate():
    """Quadrature and eigenvalue of other surfaces, or of another place of absorption.

    A mean time over 100 relaxations: the slowest rate is its inverse to 1 %, the grid's 0.2 %.
    """
    for ratio, heat in ((2.0, 0.1), (4.0, 0.2)):
        quadrature, eigenvalue = rates.quadrature(ratio, heat), rates.eigenvalue(ratio, heat, 100)
        assert eigenvalue == pytest.approx(quadrature, rel=0.012)


def test_the_surface_is_the_one_the_formulas_are_evaluated_on():
    """h_e, h_s or the barrier of another double well."""
    well = rates.well_of(2.5)
    assert isinstance(well, DoubleWell)
    left, saddle, _ = well.stationary()
    assert well.curvature(left) == pytest.approx(rates.ALONG)
    assert well.curvature(saddle) == pytest.approx(rates.SADDLE)
    assert well.along(saddle) / well.along(left) == pytest.approx(2.5)


def test_a_flatter_well_is_one_in_other_units():
    """Catches: a stretch of x that changes the barrier, or a rate that is not in h_e's units."""
    well, stretch = rates.well_of(2.0), rates.FLATTER**-0.5
    heat = 0.2
    time = soret.theory.escape.mean_first_passage_time(
        lambda x: -well.slope(x / stretch) / stretch,
        lambda x: heat * rates.FLATTER * well.along(x / stretch),
        *(-stretch, -2.6 * stretch, stretch),
    )
    assert 1 / time == pytest.approx(rates.FLATTER * rates.quadrature(2.0, heat * rates.FLATTER))


def test_powers_of_the_lowest_loss_are_local():
    """Catches: a power of L*/Lˢ, or of one L* only."""
    floors = 1 / (np.array(rates.LOWEST) - 1)
    line = xr.Dataset({"exact": ("ratio", floors**2.5)}, {"ratio": list(rates.LOWEST)})
    assert rates.lowest_powers(line) == pytest.approx([2.5, 2.5])


def test_a_rate_is_passages_over_time_watched():
    """Censored replicas left out, or steps taken for time."""
    run = xr.Dataset(
        {
            "first_passage": (("replica", "threshold"), [[10.0], [30.0], [np.nan]]),
            "watched_until": ("replica", [10.0, 30.0, 60.0]),
        },
        attrs={"algorithm_learning_rate": 0.5},
    )
    found = rates.passage_rate(run)
    assert (found.rate, found.passed) == (pytest.approx(2 / 50), 2)
    # Of two passages there is no interval.
    assert np.isnan(found.interval).all()


def test_the_interval_of_a_rate_is_that_of_its_passages():
    """Catches: a width that does not know how many passed: one over the root of 400 is 5 %."""
    times = np.random.default_rng(0).exponential(size=800)
    run = xr.Dataset(
        {
            "first_passage": ("replica", np.where(times < np.log(2), times, np.nan)),
            "watched_until": ("replica", np.minimum(times, np.log(2))),
        },
        attrs={"algorithm_learning_rate": 1.0},
    )
    found = rates.passage_rate(run)
    low, high = np.log(found.interval)
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(found.passed), rel=0.1)


def test_the_power_of_rates_is_that_of_a_line_through_their_logarithms():
    """Catches: rates of other runs, or weights taken as errors; with equal passages it is exact."""
    rng = np.random.default_rng(1)
    times = rng.exponential(size=100)
    runs = [
        xr.Dataset(
            {
                "first_passage": ("replica", times / ratio**-3),
                "watched_until": ("replica", times / ratio**-3),
            },
            attrs={"algorithm_learning_rate": 1.0},
        )
        for ratio in (1.5, 2.0, 3.0)
    ]
    slope, (low, high) = rates.passage_power(np.array([1.5, 2.0, 3.0]), runs)
    # The same random numbers everywhere: no error at all.
    assert slope == pytest.approx(-3)
    assert low == pytest.approx(-3)
    assert high == pytest.approx(-3)


def test_limits_are_those_of_polynomials():
    """Heats out of order, or an interval that is a single point."""
    heats = np.array([0.1, 0.05, 0.025])
    limit, (low, high) = rates.limit(heats, 2 + heats + 3 * heats**2)
    assert limit == pytest.approx(2)
    assert low < 2 < high
    assert high - low < 0.02
