"""The exponent by a line through a histogram: of samples whose density is known."""

import numpy as np
import pytest

from soret.claims.escape._histogram import BINS, line_fit, line_through


def power(exponent, *, chains=100, records=500, seed=3):
    """Samples with the density (1 + x²)^−φ: Student's t of 2φ − 1 degrees, over √(2φ − 1)."""
    degrees = 2 * exponent - 1
    return np.random.default_rng(seed).standard_t(degrees, (chains, records)) / np.sqrt(degrees)


@pytest.mark.parametrize("exponent", [6.0, 21.0])
def test_a_line_through_the_histogram_finds_the_power(exponent):
    """Catches: bins without a sample that count, a density per L in place of θ, a wrong sign."""
    fit = line_fit(power(exponent))
    assert fit.interval[0] < fit.exponent < fit.interval[1]
    assert fit.exponent == pytest.approx(exponent, rel=0.1)
    low, high = fit.interval
    assert exponent * 0.8 < low < high < exponent * 1.2


def test_a_line_through_a_density_is_its_power():
    """Catches: another abscissa for densities than for histograms."""
    x = np.linspace(-0.4, 1.1, 30)
    assert line_through(x, -7.0 * np.log1p(x**2) + 3.0) == pytest.approx(7.0)
    assert np.isnan(line_through(np.full(30, np.nan), np.zeros(30)))


def test_histograms_leave_out_what_diverged():
    """Catches: NaN in the first bin, and a number where there is nothing to fit."""
    x = power(11.0)
    gone = x.copy()
    gone[:10, 100:] = np.nan
    assert line_fit(gone).exponent == pytest.approx(line_fit(x).exponent, rel=0.1)
    for nothing in (np.full((20, 5), np.nan), np.zeros((20, 5))):
        fit = line_fit(nothing)
        assert np.isnan([fit.exponent, *fit.interval]).all()


def test_coarser_histograms_are_made_of_the_finest():
    """Catches: numbers of bins of which one is no part of the finest."""
    assert all(max(BINS) % bins == 0 for bins in BINS)
