"""What a collapse finds, on ensembles whose exponent is known."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from soret.inference import Collapse, collapse


@pytest.mark.parametrize("shape", ["hyperbolic", "stretched", "exponential", "hump"])
@pytest.mark.parametrize(
    ("exponent", "over", "scales"),
    [
        (2.0, "learning_rate", (0.1, 0.05, 0.025)),
        (1.0, "learning_rate", (0.1, 0.05, 0.025)),
        (-1.0, "batch_size", (1, 2, 3)),
    ],
)
def test_recovers_the_exponent(trajectories, shape, exponent, over, scales):
    curves = trajectories(
        1, exponent=exponent, over=over, scales=scales, shape=shape, noise=0.1, offset=0.2
    )
    found = collapse(curves, over, rivals=(exponent + 1, exponent - 1))
    low, high = found.interval
    assert abs(found.exponent - exponent) < 0.1
    assert low < found.exponent < high
    assert high - low < 0.35
    assert found.collapsed
    assert all(residual > 2 * found.residual for residual in found.rivals.values())
    assert not low < exponent - 1 < high
    assert not low < exponent + 1 < high


@pytest.mark.parametrize("shape", ["hyperbolic", "exponential", "hump"])
@pytest.mark.parametrize("scales", [(0.1, 0.025), (0.1, 0.07, 0.05, 0.035, 0.025)])
def test_interpolation_does_not_bias(trajectories, shape, scales):
    # At exponent 2 the fastest curve is recorded 16 times more coarsely in s than the slowest,
    # and shares six of its 101 records with it.
    curves = trajectories(0, scales=scales, shape=shape, replicas=8, noise=0, offset=0)
    found = collapse(curves, "learning_rate")
    assert found.exponent == pytest.approx(2, abs=2e-5)
    assert found.interval == pytest.approx((2, 2), abs=2e-5)
    assert found.residual < 1e-4
    assert found.noise == pytest.approx(0, abs=1e-12)


def test_a_curve_with_infinite_slope_at_the_start_costs_little(trajectories):
    curves = trajectories(0, shape="stretched", replicas=8, noise=0, offset=0)
    assert collapse(curves, "learning_rate").exponent == pytest.approx(2, abs=2e-3)


def test_reports_what_was_compared(trajectories):
    found = collapse(trajectories(2, noise=0.02, offset=0.02), "learning_rate")
    # The second-slowest curve ends at a quarter of the fastest one's range, at s = 2.
    assert found.span == pytest.approx((0, 25), rel=0.05)
    assert found.extent == pytest.approx(1 - 1 / 3, rel=0.05)
    assert (found.replicas, found.left_out) == (64, 0)
    assert (found.over, found.along, found.h_ref) == ("learning_rate", "step", 0.1)
    assert found.bounds == (-4, 4)
    assert found.bounded


def test_profile_is_least_beyond_noise_at_the_exponent(trajectories):
    found = collapse(trajectories(3), "learning_rate", rivals=(1.0,))
    profile = found.profile
    excess = profile**2 - profile.noise**2
    best = float(excess.idxmin("exponent"))
    assert best == pytest.approx(found.exponent, abs=1e-6)
    assert float(profile.exponent.min()) == -4
    assert float(profile.exponent.max()) == 4
    assert float(profile.interp(exponent=1.0)) == pytest.approx(found.rivals[1.0], rel=0.01)
    at_best = profile.sel(exponent=found.exponent, method="nearest")
    assert float(at_best) == pytest.approx(found.residual, rel=0.01)
    assert float(at_best.noise) == pytest.approx(found.noise, rel=0.01)


@pytest.mark.parametrize("drift", [0.3, -0.3])
def test_says_when_curves_do_not_collapse(trajectories, drift):
    found = collapse(trajectories(4, noise=0.1, offset=0.1, drift=drift), "learning_rate")
    assert found.resolved
    assert found.excess > found.tolerance
    assert not found.collapsed
    assert str(found).startswith("does not collapse; comes closest under learning_rate^")


def test_a_looser_tolerance_accepts_what_a_tight_one_refuses(trajectories):
    curves = trajectories(5, noise=0.05, offset=0.05, drift=0.1)
    tight = collapse(curves, "learning_rate", tolerance=0.02)
    loose = dataclasses.replace(tight, tolerance=0.2)
    assert not tight.collapsed
    assert loose.collapsed


def test_noise_above_the_tolerance_is_never_a_collapse(trajectories):
    found = collapse(trajectories(6, noise=1.0, replicas=32), "learning_rate")
    assert found.noise > found.tolerance
    assert not found.resolved
    assert not found.collapsed
    assert str(found).startswith("is too noisy to tell")


def test_an_interval_cut_off_by_the_search_says_so(trajectories):
    found = collapse(trajectories(7, noise=0.5), "learning_rate", bounds=(-4, 2.1))
    assert found.interval[1] == 2.1
    assert not found.bounded
    assert "which the range searched cuts off" in str(found)


def test_data_made_by_the_rival_refuse_the_prediction(trajectories):
    found = collapse(trajectories(8, exponent=1.0), "learning_rate", rivals=(2.0,))
    assert found.interval[1] < 2
    assert found.rivals[2.0] > found.tolerance


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_replica_is_left_out_everywhere_and_counted(trajectories, bad):
    curves = trajectories(9, replicas=40)
    diverged = curves.copy(deep=True)
    diverged[0, 3, 50:] = bad
    diverged[0, 17, 90:] = bad
    diverged[2, 17, 100] = bad
    found = collapse(diverged, "learning_rate")
    clean = collapse(curves.drop_isel(replica=[3, 17]), "learning_rate")
    assert (found.replicas, found.left_out) == (38, 2)
    assert found.exponent == clean.exponent
    assert found.interval == clean.interval
    assert "2 left out that did not stay finite" in str(found)


def test_pairing_of_replicas_is_used(trajectories):
    # Starts that differ a lot, but are shared, cancel in the differences of paired replicas.
    curves = trajectories(10, noise=0.02, offset=1.0)
    shuffled = curves.copy(deep=True)
    shuffled[0] = curves[0].values[::-1]
    paired, unpaired = (collapse(c, "learning_rate") for c in (curves, shuffled))
    # The means, and so the curves of a figure, are the same.
    assert paired.rivals[1.0] * paired.extent == pytest.approx(
        unpaired.rivals[1.0] * unpaired.extent
    )
    assert np.diff(paired.interval) < 0.5 * np.diff(unpaired.interval)
    assert paired.noise < 0.5 * unpaired.noise


def test_records_that_start_late_are_compared_where_they_overlap(trajectories):
    # From step 3 to 100, curves stretched 15 times against each other just overlap by a quarter.
    found = collapse(trajectories(11, first=3, noise=0.05), "learning_rate", rivals=(1.0, 3.0))
    widest = np.log((100 - 0.25 * 97) / 3) / np.log(4)
    assert found.bounds == pytest.approx((-widest, widest))
    assert found.exponent == pytest.approx(2, abs=0.1)
    assert found.span[0] == pytest.approx(3 / 4, rel=0.15)  # where 0.05 starts, drawn at 0.1
    assert np.isnan(found.rivals[3.0])


def test_rescale_draws_the_curves_on_top_of_each_other(trajectories):
    curves = trajectories(12, noise=0, offset=0, replicas=8)
    found = collapse(curves, "learning_rate")
    s = found.rescale(curves)
    assert s.dims == ("learning_rate", "step")
    assert s.sel(learning_rate=0.1).values == pytest.approx(curves.step.values)
    mean = curves.mean("replica")
    shared = s.sel(learning_rate=0.05)
    drawn = np.interp(shared, s.sel(learning_rate=0.1), mean.sel(learning_rate=0.1))
    assert drawn == pytest.approx(mean.sel(learning_rate=0.05).values, abs=2e-3)
    by_one = found.rescale(curves, 1.0)
    assert float(by_one.sel(learning_rate=0.025, step=100)) == pytest.approx(25)


def test_a_run_with_other_dimension_names_and_order(trajectories):
    curves = trajectories(13, noise=0.1, offset=0.1)
    renamed = curves.rename(replica="chain", step="epoch").transpose("epoch", "chain", ...)
    found = collapse(
        renamed.astype(np.float32), "learning_rate", along="epoch", sample="chain", seed=3
    )
    expected = collapse(curves, "learning_rate", seed=3)
    assert found.exponent == pytest.approx(expected.exponent, abs=1e-5)
    assert found.interval == pytest.approx(expected.interval, abs=1e-5)
    assert found.rescale(renamed).dims == ("learning_rate", "epoch")


def test_the_seed_decides_the_interval_and_nothing_else_does(trajectories):
    curves = trajectories(14)
    np.random.seed(0)  # noqa: NPY002 - the global state is what must not matter
    first = collapse(curves, "learning_rate", seed=1)
    np.random.seed(1)  # noqa: NPY002
    second = collapse(curves, "learning_rate", seed=1)
    other = collapse(curves, "learning_rate", seed=2)
    assert first.interval == second.interval
    assert first.interval != other.interval
    assert first.interval == pytest.approx(other.interval, abs=0.05)
    assert first.exponent == other.exponent


def test_a_higher_confidence_is_a_wider_interval(trajectories):
    curves = trajectories(15)
    narrow, usual, wide = (
        collapse(curves, "learning_rate", confidence=c).interval for c in (0.68, 0.95, 0.99)
    )
    assert wide[0] < usual[0] < narrow[0] < narrow[1] < usual[1] < wide[1]


def test_the_data_are_left_as_they_were(trajectories):
    curves = trajectories(16)
    before = curves.copy(deep=True)
    collapse(curves, "learning_rate")
    xr.testing.assert_identical(curves, before)


def test_reads_as_a_sentence():
    found = Collapse(
        exponent=1.934,
        interval=(1.897, 1.961),
        confidence=0.95,
        residual=0.041,
        noise=0.005,
        rivals={1.0: 0.312},
        tolerance=0.1,
        span=(0.0, 2000.0),
        extent=0.4,
        replicas=125,
        left_out=3,
        over="learning_rate",
        along="step",
        h_ref=0.1,
        bounds=(-4.0, 4.0),
        profile=xr.DataArray([0.1], dims="exponent"),
    )
    assert str(found) == (
        "collapses under learning_rate^1.93 (95 % interval 1.90 to 1.96): "
        "4.1 % of the range is left, noise alone leaves 0.5 %; under ^1: 31 %; "
        "125 replicas; 3 left out that did not stay finite"
    )
    assert repr(found) == (
        "Collapse(exponent=1.93, interval=(1.9, 1.96), residual=0.041, noise=0.005, "
        "rivals={1: 0.31}, collapsed=True)"
    )
