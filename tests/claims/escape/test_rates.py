"""Escape rates: by quadrature, by eigenvalue, and counted."""

import numpy as np
import pytest
import xarray as xr

from soret.claims.escape import _rates as rates
from soret.errors import SettingsError
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


def test_a_rate_is_passages_over_time_watched():
    """Censored replicas left out, or steps taken for time."""
    run = xr.Dataset(
        {
            "first_passage": (("replica", "threshold"), [[10.0], [30.0], [np.nan]]),
            "watched_until": ("replica", [10.0, 30.0, 60.0]),
        },
        attrs={"algorithm_learning_rate": 0.5},
    )
    rate, error, passed = rates.passage_rate(run)
    assert (rate, passed) == (pytest.approx(2 / 50), 2)
    assert error == pytest.approx(2**-0.5)
    with pytest.raises(SettingsError, match="escaped"):
        rates.passage_rate(run.isel(replica=[0, 2]))


def test_limits_are_those_of_polynomials():
    """Heats out of order, or an interval that is a single point."""
    heats = np.array([0.1, 0.05, 0.025])
    limit, (low, high) = rates.limit(heats, 2 + heats + 3 * heats**2)
    assert limit == pytest.approx(2)
    assert low < 2 < high
    assert high - low < 0.02
