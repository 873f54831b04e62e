"""Random walks: every step is ±ηg at the place it starts from, one sign for all coordinates."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.observables import label
from soret.problems import random_walk


def field(q):
    return jnp.stack([0.5 + q[0] * q[1], jnp.exp(q[1])])


@label("where walkers are")
def place(problem, state):
    return jnp.stack([*state.params["q"], state.params["start"]])


@functools.cache
def walked(tilt=0.0):
    """Return two steps of 2,048 pairs of walkers."""
    run = soret.simulate(
        random_walk(field, 2, pairs=512, tilt=tilt),
        soret.SGD(0.05),
        observe=place,
        steps=2,
        replicas=4,
        record_every=1,
        seed=3,
    )
    return run.place.values


def test_a_step_is_the_walks():
    """The gradient of g itself leaking in, or a sign for each coordinate."""
    places = walked()
    for before, after in ((places[:, 0], places[:, 1]), (places[:, 1], places[:, 2])):
        walkers, moved = before[:, :2], after[:, :2] - before[:, :2]
        g = np.stack([0.5 + walkers[..., 0] * walkers[..., 1], np.exp(walkers[..., 1])], -1)
        signs = moved / (0.05 * g)
        np.testing.assert_allclose(abs(signs), 1, atol=1e-4)
        np.testing.assert_allclose(signs[..., 0], signs[..., 1], atol=2e-4)
        np.testing.assert_allclose(signs[:, 0], -signs[:, 1], atol=2e-4)
        np.testing.assert_array_equal(before[:, 2], after[:, 2])


def test_the_signs_are_fair():
    """2,048 fair signs: further than 5 standard errors from even is a false alarm below 10⁻⁶."""
    places = walked()
    up = (places[:, 1, 0, :, 0] > places[:, 0, 0, :, 0]).mean()
    assert abs(up - 0.5) < 5 * 0.5 / np.sqrt(2048)


@pytest.mark.parametrize("tilt", [0.0, 1.5])
def test_walkers_start_at_the_density_they_should(tilt):
    """Each coordinate's mean against that of exp(tilt·q), to 5 standard errors."""
    start = walked(tilt)[:, 0, 2].reshape(-1, 2)
    assert start.min() >= 0
    assert start.max() <= 1
    grid = np.linspace(0, 1, 10_001)
    weight = np.exp(tilt * grid)
    mean = (grid * weight).sum() / weight.sum()
    error = start.std() / np.sqrt(len(start))
    np.testing.assert_allclose(start.mean(0), mean, atol=5 * error)


def test_a_walk_of_nobody_is_refused():
    """An empty population gives NaN instead of an error."""
    with pytest.raises(SettingsError):
        random_walk(field, 2, pairs=0)
    with pytest.raises(SettingsError):
        random_walk(field, 0)
