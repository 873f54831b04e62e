"""Lines and planes through points, in a bowl and through nets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import soret
from soret.errors import SettingsError
from soret.landscape import evaluate, filter_normalize, flatness, line, plane


@pytest.fixture(scope="module")
def net():
    digits = soret.data.load("digits").first(120)
    return soret.problems.dense(hidden=(7,), data=digits, activation=jnp.tanh)


@pytest.fixture(scope="module")
def points(net):
    keys = jax.random.split(jax.random.key(3), 3)
    return np.stack([np.asarray(ravel_pytree(net.initial(key))[0]) for key in keys])


@pytest.fixture(scope="module")
def bowl():
    """Return L = ½ Σ h q², h = (1, 4, 9), as the mean loss of three examples."""
    data = soret.Dataset("bowl", 3 * np.diag([1.0, 4.0, 9.0]), [0.0, 0.0, 0.0])
    return soret.Problem(
        init=lambda key: {"q": jnp.ones(3)},
        fixed_start=True,
        predict=lambda params, x: 0.5 * jnp.sum(x * params["q"] ** 2),
        loss=lambda output, _: output,
        data=data,
    )


def test_a_line_through_a_bowl_is_a_parabola(bowl):
    """Ends swapped, positions stretched."""
    start, end = np.array([[1.0, 0, 0], [0, 0, 0]]), np.array([[0, 1.0, 0], [0, 0, 2.0]])
    at = np.linspace(-1, 2, 7)
    found = line(bowl, start, end, at)
    np.testing.assert_allclose(found.loss[0], 0.5 * (1 - at) ** 2 + 2 * at**2, rtol=1e-5)
    np.testing.assert_allclose(found.loss[1], 18 * at**2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.distance, [np.sqrt(2), 2])


def test_the_plane_goes_through_all_three(bowl):
    """Axes swapped; coordinates in which the three lie elsewhere."""
    three = np.array([[1.0, 0, 0], [0, 2.0, 0], [0, 0, 3.0]])
    found = plane(bowl, *three, size=5, margin=0.0)
    gaps = np.linalg.norm(three[:, None] - three, axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(found.points[:, None] - found.points, axis=-1), gaps, atol=1e-9
    )
    assert found.loss.shape == (5, 5)
    u = (three[1] - three[0]) / gaps[0, 1]
    v = three[2] - three[0] - found.points[2, 0] * u
    v /= np.linalg.norm(v)
    for i, y in enumerate(found.y):
        for j, x in enumerate(found.x):
            q = three[0] + x * u + y * v
            np.testing.assert_allclose(
                found.loss[i, j], 0.5 * q**2 @ [1, 4, 9], rtol=1e-4, atol=1e-5
            )


def test_filters_are_normalized(net, points):
    """Columns for rows; biases that move; a scale that still counts."""
    direction = points[1] - points[0]
    found = net.unflatten(filter_normalize(net, direction, points[0]))
    for layer, like in zip(found, net.unflatten(points[0]), strict=True):
        np.testing.assert_allclose(
            np.linalg.norm(layer["W"], axis=1), np.linalg.norm(like["W"], axis=1), rtol=1e-5
        )
        assert not np.any(layer["b"])
    np.testing.assert_allclose(
        filter_normalize(net, 7 * direction, points[0]),
        filter_normalize(net, direction, points[0]),
    )
    seen = plane(net, *points, size=3, margin=0.0, filter_normalized=True)
    np.testing.assert_allclose(seen.loss[1, 1], evaluate(net, points[0]).loss, rtol=1e-5)


def test_refusals(net, points, bowl):
    """Vectors of another network; a plane that is a line; nothing to measure over."""
    with pytest.raises(SettingsError, match="the last axis must have"):
        evaluate(net, points[:, :-1])
    with pytest.raises(SettingsError, match="on one line"):
        plane(bowl, np.zeros(3), np.ones(3), 2 * np.ones(3))
    with pytest.raises(SettingsError, match="on one line"):
        plane(bowl, np.ones(3), np.ones(3), np.zeros(3))
    with pytest.raises(SettingsError, match="they must be the same"):
        line(bowl, np.zeros(3), np.zeros((2, 3)))
    with pytest.raises(SettingsError, match="finite numbers"):
        line(bowl, np.zeros(3), np.ones(3), [np.nan])
    with pytest.raises(SettingsError, match="vectors of shape"):
        filter_normalize(net, np.zeros(3), np.zeros(3))
    with pytest.raises(SettingsError, match="draws from a stream"):
        evaluate(soret.problems.two_layer(), np.zeros(3))
    with pytest.raises(SettingsError, match="`samples` must"):
        flatness(bowl, np.ones(3), samples=1)
