"""Named surfaces: what they say of themselves, against what differentiation says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.errors import SettingsError
from soret.problems import DoubleWell, FunnelWells, TiltedDoubleWell, WideAndNarrowWells

heights = st.floats(0.05, 20)
floors = st.floats(0, 5)
acrosses = st.sampled_from([(), (0.7,), (3.0, 0.2)])
wells = st.one_of(
    st.builds(DoubleWell, heights, floors, acrosses),
    st.builds(TiltedDoubleWell, heights, floors, acrosses, st.floats(-1.5, 1.5)),
    st.builds(
        WideAndNarrowWells, heights, floors, acrosses, st.floats(1, 300), st.floats(-1.5, 1.5)
    ),
    st.builds(FunnelWells, heights, floors, st.sampled_from([(0.5,), (6.0,)]), st.floats(1, 300)),
)


@settings(deadline=None, max_examples=60)
@given(wells)
def test_minima_and_saddles_are_that(well):
    """A root that is none, minima and saddle exchanged, a floor that is not the lowest value."""
    assert well.minima.shape == (2, well.dimensions)
    assert well.saddles.shape == (1, well.dimensions)
    for points, falling in ((well.minima, 0), (well.saddles, 1)):
        for point in points:
            assert abs(well.gradient(point)).max() < 1e-9 * well.barrier
            signs = np.linalg.eigvalsh(well.hessian(point))
            assert (signs < 0).sum() == falling
            assert abs(signs).min() > 0
    heights = well.potential(well.minima)
    assert heights.min() == pytest.approx(well.floor, abs=1e-9 * well.barrier)
    assert (well.potential(well.saddles) > heights.max()).all()
    assert well.minima[0, 0] < well.saddles[0, 0] < well.minima[1, 0]
    assert well.basin(well.minima).tolist() == [0, 1]


@settings(deadline=None, max_examples=8)
@given(wells, st.floats(-2, 2), st.floats(-2, 2))
def test_slopes_are_derivatives(well, x, y):
    """A term lost in V′ or V″, or directions across that are not confined by their own h."""
    point = np.array([x, y, -y])[: well.dimensions]
    with jax.enable_x64(True):
        slopes = jax.jit(lambda x: (jax.grad(well.potential)(x), jax.hessian(well.potential)(x)))
        slope, hessian = map(np.asarray, slopes(jnp.asarray(point)))
    size = 100 * well.barrier
    np.testing.assert_allclose(well.gradient(point), slope, rtol=1e-9, atol=1e-11 * size)
    np.testing.assert_allclose(well.hessian(point), hessian, rtol=1e-9, atol=1e-11 * size)


@given(st.floats(1, 300))
def test_the_wells_are_as_unequal_as_asked(ratio):
    """A ratio of widths taken for one of curvatures; wells that are not equally deep."""
    well = WideAndNarrowWells(ratio=ratio)
    left, _, right = well.stationary()
    assert well.curvature(right) / well.curvature(left) == pytest.approx(ratio, rel=1e-6)
    assert well.along(left) == pytest.approx(well.along(right), abs=1e-12)


def test_wells_differ_across_as_asked_and_meet_on_a_line():
    """A ratio that is squared, or basins whose border is not x = 0: it would be crossed there."""
    well = FunnelWells(ratio=25.0, across=(2.0,))
    left, right = (well.hessian(place) for place in well.minima)
    assert (left[1, 1], right[1, 1]) == (pytest.approx(0.4), pytest.approx(10.0))
    assert left[0, 0] == pytest.approx(right[0, 0])
    border = np.stack([np.zeros(9), np.linspace(-4, 4, 9)], -1)
    assert abs(well.gradient(border)[:, 0]).max() == 0


def test_what_are_no_two_wells_is_refused():
    for make in (
        lambda: DoubleWell(barrier=0.0),
        lambda: DoubleWell(floor=-1.0),
        lambda: DoubleWell(across=(1.0, -1.0)),
        lambda: TiltedDoubleWell(tilt=1.6),
        lambda: WideAndNarrowWells(ratio=0.5),
        lambda: WideAndNarrowWells(tilt=-1.6),
        lambda: FunnelWells(across=()),
        lambda: FunnelWells(ratio=0.9),
    ):
        with pytest.raises(SettingsError):
            make()
