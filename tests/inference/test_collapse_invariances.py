"""Units, origins and order are conventions: the exponent must not depend on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.inference import collapse

FEW = settings(max_examples=20, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)
UNITS = st.floats(-6, 6).map(lambda x: 10**x)


def small(trajectories, seed):
    return trajectories(seed, replicas=16, records=41, noise=0.1, offset=0.1)


def find(curves, **settings):
    return collapse(curves, "learning_rate", resamples=400, **settings)


def assert_same(found, expected):
    assert found.exponent == pytest.approx(expected.exponent, abs=1e-4)
    assert found.interval == pytest.approx(expected.interval, abs=1e-4)
    assert found.residual == pytest.approx(expected.residual, rel=1e-3)
    assert found.noise == pytest.approx(expected.noise, rel=1e-3)
    assert found.rivals == pytest.approx(expected.rivals, rel=1e-3)


@FEW
@given(seed=SEEDS, unit=UNITS, sign=st.sampled_from([-1, 1]), origin=st.floats(-1e3, 1e3))
def test_unit_and_origin_of_the_observable(trajectories, seed, unit, sign, origin):
    curves = small(trajectories, seed)
    found, expected = find(sign * unit * (curves + origin)), find(curves)
    assert_same(found, expected)
    assert found.extent == pytest.approx(unit * expected.extent, rel=1e-3)


@FEW
@given(seed=SEEDS, unit=UNITS)
def test_unit_of_the_step(trajectories, seed, unit):
    curves = small(trajectories, seed)
    found, expected = find(curves.assign_coords(step=unit * curves.step)), find(curves)
    assert_same(found, expected)
    assert found.span == pytest.approx([unit * s for s in expected.span], rel=1e-3)


@FEW
@given(seed=SEEDS, unit=UNITS)
def test_unit_of_the_hyperparameter(trajectories, seed, unit):
    curves = small(trajectories, seed)
    found = find(curves.assign_coords(learning_rate=unit * curves.learning_rate))
    assert_same(found, find(curves))
    assert found.h_ref == pytest.approx(0.1 * unit)


@FEW
@given(seed=SEEDS, order=st.permutations(range(3)))
def test_order_of_the_hyperparameters(trajectories, seed, order):
    curves = small(trajectories, seed)
    assert_same(find(curves.isel(learning_rate=order)), find(curves))


@FEW
@given(seed=SEEDS)
def test_a_hyperparameter_and_its_inverse_have_opposite_exponents(trajectories, seed):
    curves = small(trajectories, seed)
    found = find(curves.assign_coords(learning_rate=1 / curves.learning_rate), rivals=())
    expected = find(curves, rivals=())
    assert found.exponent == pytest.approx(-expected.exponent, abs=1e-4)
    assert np.negative(found.interval[::-1]) == pytest.approx(expected.interval, abs=1e-4)
