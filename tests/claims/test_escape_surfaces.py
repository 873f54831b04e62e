"""Time change, escape rate, critical dimension: the judges on runs whose answer is known."""

import numpy as np
import pytest
import xarray as xr

from soret.claims import configure, find
from soret.claims.escape import _rates as rates
from soret.claims.escape import critical_dimension, time_change
from soret.claims.verdict import Verdict
from soret.errors import SettingsError
from soret.problems import DoubleWell
from soret.theory import escape

S, C, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE


def configured(name, **changes):
    return configure(find(f"escape/{name}")[0], "quick", changes)


def made_paths(*, slope=-1.0, clock=1.0, lost=0, paths=400, samples=200):
    """Losses with densities L^{−4} and, in t, L^{−4+slope}; exponential passage times."""
    rng = np.random.default_rng(0)
    runs = {}
    for kind, power in (("t", 4.0 - slope), ("tau", 4.0)):
        loss = 0.5 * rng.uniform(size=(paths, samples)) ** (-1 / (power - 1))
        passage = rng.exponential(size=paths)
        if kind == "tau":
            passage *= clock
        passage[:lost] = np.nan
        runs[f"1-D/{kind}"] = xr.Dataset(
            {"loss": (("replica", "sample"), loss), "passage": ("replica", passage)}
        )
    runs["1-D/tau"]["passage_tau"] = runs["1-D/tau"].passage * 0.8
    return runs


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"paths": 20_000, "samples": 10}, [S, S]),
        ({"slope": 0.0, "paths": 20_000, "samples": 10}, [S, C]),
        ({"clock": 1.3, "paths": 20_000, "samples": 10}, [C, S]),
        ({"clock": 2.0}, [C, S]),
        ({}, [N, S]),
        ({"lost": 1, "paths": 20_000, "samples": 10}, [N, S]),
    ],
)
def test_time_changes_are_judged_by_what_was_made(settings, expected):
    """A ratio of times taken upside down, paths that never passed left out, a slope in L."""
    found = configured("time-change").judge(made_paths(**settings))
    assert [result.verdict for result in found] == expected


def test_slopes_are_those_of_the_densities():
    """Counts that are not divided by how many samples there are, or an error as a weight."""
    for slope in (-2.0, -1.0, 0.5):
        runs = made_paths(slope=slope, samples=300)
        found = time_change._slopes(runs["1-D/t"], runs["1-D/tau"])
        assert abs(found.mean() - slope) < 5.5 * found.std() / np.sqrt(found.size) + 0.01


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


def made_growth(zero, *, eta=0.1, slope=0.01, replicas=200, bend=0.0):
    rng = np.random.default_rng(1)
    runs = {}
    for d in (14, 18, 21, 24):
        growth = slope * (d - zero) + bend * (d - zero) ** 2
        growth = growth + 0.01 * rng.normal(size=replicas)
        logs = np.stack([np.full(replicas, 10.0), 10.0 + 100 * growth], -1)
        runs[f"far/{eta:g}-1-{d}"] = xr.Dataset(
            {"full_loss": (("replica", "step"), 0.5 + np.exp(logs))}, {"step": [0, 100]}
        )
    return runs


@pytest.mark.parametrize(
    ("zero", "expected"), [(22.0, [S, S]), (20.5, [S, S]), (18.0, [S, C]), (26.0, [C, C])]
)
def test_critical_dimensions_are_judged_by_what_was_made(zero, expected):
    """A minimum that holds the walker above n_c = 22 must not pass; nor one that loses it early."""
    claim = configured("critical-dimension", learning_rates=(0.1,), batch_sizes=(1,))
    found = claim.judge(made_growth(zero))
    assert [result.verdict for result in found] == expected
    if zero < 24:
        assert found[1].measured == pytest.approx(zero, abs=0.3)
        assert found[1].interval[0] < zero < found[1].interval[1]


def test_the_crossing_is_found_where_growth_is_curved():
    growth = made_growth(19.3, bend=2e-4)
    found = critical_dimension._growth(growth, 0.1, 1)
    assert critical_dimension._crossing(found)[0] == pytest.approx(19.3, abs=0.3)


def test_the_recursions_dimension_is_the_zero_of_its_exponent():
    """A root of another function; 2B/η − B − 1 from E A² = 1 is near it and below."""
    for eta, batch in ((0.1, 1), (0.4, 4)):
        found = critical_dimension.recursion_critical_dimension(eta, batch)
        assert escape.lyapunov_exponent(eta, batch, 1.0, int(found)) < 0
        assert escape.lyapunov_exponent(eta, batch, 1.0, int(found) + 1) > 0
        assert 0 < found - (2 * batch / eta - batch - 1) < 2


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("time-change", {"threshold": 1.0}),
        ("time-change", {"paths": 10}),
        ("escape-rate", {"ratios": (1.5, 3.0)}),
        ("escape-rate", {"learning_rate": 0.1}),
        ("critical-dimension", {"batch_sizes": (1,)}),
        ("critical-dimension", {"shares": (0.5, 0.6, 0.7)}),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, changes):
    with pytest.raises(SettingsError):
        configured(name, **changes).experiments()
