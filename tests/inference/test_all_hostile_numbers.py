"""Numbers that floating point or the data defeat, given to every public function of the room.

Each is refused in a sentence, or answered by finite numbers in order; warnings are errors here.
"""

import inspect

import numpy as np
import pytest
import xarray as xr
from hostile_numbers import CASES, HOSTILE, N, R, chains, grid, in_order, passing, rng, waiting

from soret import inference
from soret.errors import ConvergenceError, InferenceError, SettingsError


def test_every_public_function_is_here():
    """Catches: an inference that nobody has tried hostile numbers on."""
    tried = {name.split(",")[0] for name in CASES}
    called = {name for name in inference.__all__ if inspect.isfunction(getattr(inference, name))}
    assert called | {"LagDisplacement"} == tried


@pytest.mark.parametrize("case", CASES)
def test_hostile_numbers_are_refused_or_answered(case):
    """Catches: nan in silence, a warning of NumPy's, a raw exception, an interval out of order."""
    good, take = CASES[case]
    wrong = []
    for what, change in HOSTILE.items():
        try:
            with np.errstate(all="ignore"):
                given = change(np.asarray(good()))
        except (ValueError, IndexError, OverflowError):
            continue
        try:
            in_order(case.split(",")[0], take(given))
        except (InferenceError, SettingsError, ConvergenceError) as error:
            said = str(error)
            if what == "as they are" or not said.endswith(".") or "\n" in said:
                wrong.append(f"{what}: {said}")
        except Exception as error:
            wrong.append(f"{what}: {type(error).__name__}: {str(error)[:160]}")
    assert wrong == []


def dimensionless(found):
    """Return what of a result must not depend on the unit of what was given."""
    if isinstance(found, xr.Dataset):
        return [found.low / found.mean_time, found.high / found.mean_time]
    names = {
        "Collapse": ("exponent", "interval", "residual", "noise"),
        "Gaussianity": ("excess", "interval", "kurtosis_p", "skewness_p"),
        "Growth": ("exponent", "exponent_interval", "log_ratio", "ratio_interval"),
        "LocalSlope": ("slope", "low", "high"),
        "Oscillation": ("frequency", "frequency_interval", "damping", "damping_interval"),
        "PassageGrowth": ("exponent", "interval", "advantage"),
        "PowerTail": ("exponent", "interval", "distance", "goodness", "ratio_z"),
        "RatioDependence": ("correlation", "exchange", "exchange_interval"),
        "Slope": ("slope", "interval", "straight_p", "end_slope"),
        "Stationarity": ("change", "interval"),
    }.get(type(found).__name__)
    if names:
        return [getattr(found, name) for name in names]
    if type(found).__name__ == "CurveDistance":
        return [np.array(found.interval) / found.distance]
    if type(found).__name__ == "MeanPassage":
        return [np.array(found.interval) / found.mean]
    if type(found).__name__ == "Survival":
        return [found.survival, found.low, found.high]
    if isinstance(found, tuple) and isinstance(found[1], tuple):
        return [np.array(found[1]) / found[0]]
    if isinstance(found, tuple):
        return [part / np.max(part) for part in found]
    return [found / np.max(np.abs(found))]


SCALED = [
    "collapse", "curve_distance, both", "diffusion_exponent", "diffusion_exponent, lags",
    "gaussianity", "isotropy", "isotropy, curvature", "local_slope", "loglog_slope",
    "loglog_slope, x", "mean_power", "mean_power, x", "oscillation", "pair_entropy",
    "power_or_exponential", "power_or_exponential, x", "power_spectrum",
    "ratio_dependence", "squared_displacement", "LagDisplacement", "stationarity",
    "student_interval",
]  # fmt: skip


# Results of these have the square of the unit in them.
SQUARED = ("power_spectrum", "squared_displacement", "LagDisplacement")


@pytest.mark.parametrize("unit", [2.0**-300, 1e-12, 1e12, 2.0**300])
@pytest.mark.parametrize("case", SCALED)
def test_nothing_depends_on_the_unit(case, unit):
    """Catches: squares that overflow or vanish, a tolerance that is not relative."""
    good, take = CASES[case]
    good = np.asarray(good())
    if case == "curve_distance, both":
        take = lambda x: inference.curve_distance(x, x[::-1] * 1.5)  # noqa: E731
    if case in SQUARED and unit < 1e-20:
        with pytest.raises(InferenceError, match=r"out of reach|floating point can hold"):
            take(good * unit**2)
    scaled = take(good * unit)
    for one, other in zip(dimensionless(take(good)), dimensionless(scaled), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-200, 1e-5, 1e5, 1e200])
@pytest.mark.parametrize("values", ["power_tail", "times", "thresholds", "radius"])
def test_tails_and_times_do_not_depend_on_the_unit(values, unit):
    """Catches: a numerical fit that has a scale of its own; a rate beyond what a float holds."""
    makers = {
        "power_tail": lambda c: inference.power_tail(c * chains(), 1.2 * c),
        "times": lambda c: inference.mean_passage(c * waiting(), 9.0 * c, resamples=100),
        "thresholds": lambda c: inference.passage_growth(grid(), c * passing(), 1e4 * c),
        "radius": lambda c: inference.radial_fit(c * np.abs(rng().normal(size=(R, 30))), 1.5 * c),
    }
    make = makers[values]
    names = ("exponent", "interval") if values == "radius" else None
    one, other = make(1.0), make(unit)
    pairs = (
        [(getattr(one, n), getattr(other, n)) for n in names]
        if names
        else zip(dimensionless(one), dimensionless(other), strict=True)
    )
    for first, second in pairs:
        np.testing.assert_allclose(second, first, rtol=2e-3)


@pytest.mark.parametrize(
    "case",
    ["collapse", "curve_distance, both", "gaussianity", "oscillation", "pair_entropy"],
)
def test_a_constant_added_changes_nothing(case):
    """Catches: variances as differences of squares, which lose all digits far from 0."""
    good, take = CASES[case]
    good = np.asarray(good())
    if case == "curve_distance, both":
        take = lambda x: inference.curve_distance(x, x * 1.5 - 0.5e6)  # noqa: E731
    for one, other in zip(
        dimensionless(take(good + 1e6)), dimensionless(take(good + 1e6 + 2**10)), strict=True
    ):
        if case == "curve_distance, both":
            assert np.isfinite(other).all()
        else:
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("case", "fields"),
    [
        ("gaussianity", ("excess", "kurtosis_p", "skewness_p")),
        ("histogram_p", ()),
        ("power_tail, chains", ("exponent", "interval", "effective", "ratio_z")),
        ("radial_fit", ("exponent", "interval", "goodness", "ratio_z")),
        ("stationarity", ("change", "interval")),
        ("survival_curve", ("times", "survival", "low", "high")),
    ],
)
def test_the_order_of_replicas_says_nothing(case, fields):
    """Catches: an answer that depends on which replica is called the first."""
    good, take = CASES[case]
    good = np.asarray(good())
    one, other = take(good), take(good[rng(7).permutation(len(good))])
    if not fields:
        assert other == pytest.approx(one, rel=1e-9)
    for field in fields:
        np.testing.assert_allclose(getattr(other, field), getattr(one, field), rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full(100, 3.0), "too many for a continuous law"),
        (np.repeat(np.arange(1.0, 11.0), 30), "discrete"),
        (np.minimum(np.random.default_rng(1).pareto(2, 4000) + 1, 1.5), "cut off"),
        (np.round(np.random.default_rng(2).pareto(2, 5000) + 1, 1), "rounded"),
        (np.random.default_rng(3).zipf(2.5, 5000), "discrete"),
    ],
)
def test_ties_are_no_continuous_tail(values, says):
    """Catches: an exponent of whole numbers that is wrong by more than its interval; α = inf."""
    with pytest.raises(InferenceError, match=says):
        inference.power_tail(values, None if says != "rounded" else 1.0)


def test_whole_numbers_so_large_that_it_does_not_matter_are_fitted():
    """Catches: passage times in steps refused, whose rounding is a thousandth of their error."""
    exact = 500 * (rng().pareto(2, 3000) + 1)
    found = inference.power_tail(np.round(exact).astype(np.int32), 500)
    assert found.exponent == pytest.approx(inference.power_tail(exact, 500.0).exponent, rel=0.01)
    low, high = found.interval
    assert low < 3 < high


def test_passages_that_all_end_at_one_time_have_no_tail():
    """Catches: a mean of infinity, in silence."""
    times = np.where(np.arange(40) < 20, 5.0, np.nan)
    with pytest.raises(InferenceError, match="at one time"):
        inference.mean_passage(times, 10.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: inference.oscillation(x), "'replica' of series must be number 1"),
        (lambda x: inference.stationarity(x), "transpose"),
        (lambda x: inference.loglog_slope(grid(R), x), "transpose"),
        (lambda x: inference.curve_distance(x, x), "transpose"),
        (lambda x: inference.radial_fit(x, 1.0), "transpose"),
    ],
)
def test_labelled_arrays_say_which_axis_is_of_replicas(call, says):
    """Catches: steps resampled as if they were replicas."""
    with pytest.raises(InferenceError, match=says):
        call(xr.DataArray(np.abs(rng().normal(size=(R, R))) + 1, dims=("step", "replica")))


@pytest.mark.parametrize("limit", [np.ones(3), np.ones((2, 2)), "long", np.nan, -1.0])
@pytest.mark.parametrize("call", [inference.mean_passage, inference.survival_curve])
def test_limits_that_do_not_fit_are_refused(call, limit):
    """Catches: shapes that cannot be broadcast, as a raw error."""
    with pytest.raises(InferenceError):
        call(np.full(R, 0.5), limit)
    with pytest.raises(InferenceError):
        inference.passage_growth(grid(), passing(), limit)


def test_limits_of_other_labels_are_refused():
    """Catches: an outer join that fills with nan, or a dimension too many."""
    times = xr.DataArray(
        passing(), dims=("replica", "c"), coords={"c": np.arange(N), "replica": np.arange(R)}
    )
    for limits in (
        xr.DataArray(np.full(N, 1e9), dims="c", coords={"c": np.arange(N) + 1}),
        xr.DataArray(np.full(3, 1e9), dims="other"),
    ):
        with pytest.raises(InferenceError, match="censored_at"):
            inference.mean_passages(times, limits)
