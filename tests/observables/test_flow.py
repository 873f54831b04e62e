"""The flow through a window: of one pair of walkers by hand, and of many in closed form."""

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.observables import State, window, window_flow
from soret.problems import random_walk


def field(q):
    return jnp.stack([jnp.full((), 3.0), jnp.full((), 4.0)])


def flow_of(start, ends):
    params = {"start": jnp.array([start]), "q": jnp.array(ends)[:, None]}
    problem = random_walk(field, 2, pairs=1)
    return np.asarray(window_flow(field)(problem, State(params, (), jnp.int32(1))))


def test_the_window_is_open_in_the_middle_and_shut_outside():
    """A window that walkers from beyond the box could reach."""
    assert window(np.array([0.5, 0.5])) == pytest.approx(1)
    assert window(np.array([0.35])) == pytest.approx(0.5)
    for shut in ([0.2, 0.5], [0.5, 0.8], [-3.0, 0.5], [0.5, 9.0]):
        assert window(np.array(shut)) == pytest.approx(0, abs=1e-12)


def test_a_jump_counts_along_the_way_it_took():
    """One walker jumps, the other stays: half the mass, times the window's mean on the way."""
    start, end = [0.4, 0.5], [0.52, 0.5]
    way = np.linspace(0.4, 0.52, 20_001)
    openness = window(np.stack([way, np.full_like(way, 0.5)], -1)).mean()
    found = flow_of(start, [end, start])
    np.testing.assert_allclose(found[:2], [0.12 * openness / 2, 0], rtol=1e-5)
    # Along g = (3, 4), of length 5.
    assert found[2] == pytest.approx(0.6 * found[0], rel=1e-6)


def test_outside_the_window_nothing_counts():
    """Mass that moves elsewhere must not be seen."""
    found = flow_of([0.1, 0.5], [[0.15, 0.5], [0.05, 0.5]])
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_opposite_jumps_cancel_in_the_middle():
    """A walk with steps that are the same everywhere, at the window's symmetry: no flow."""
    found = flow_of([0.5, 0.5], [[0.56, 0.58], [0.44, 0.42]])
    np.testing.assert_allclose(found, 0, atol=1e-8)


def test_nothing_has_flown_before_the_first_step():
    """The record at step 0."""
    run = soret.simulate(
        random_walk(field, 2, pairs=8),
        soret.SGD(0.01),
        observe=window_flow(field),
        steps=1,
        replicas=2,
    )
    np.testing.assert_array_equal(run.flow.isel(step=0), 0)
    assert (run.flow.isel(step=1) != 0).all()
    assert run.flow.attrs["units"] == "mass per step"
