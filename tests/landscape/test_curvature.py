"""Hessian and Gauss–Newton matrix against dense ones in float64, differences, closed forms.

Tolerances, where nothing else is said: products are float32 sums over tens of terms of both
signs, so 1e-5 of the norm is ten to a hundred roundings.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.landscape import gauss_newton, hessian

TOLERANCE = 1e-5
RNG = np.random.default_rng(31)


def close(measured: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    assert np.linalg.norm(measured - expected) <= tolerance * np.linalg.norm(expected)


def test_hessian_against_dense(net: Any) -> None:
    """A wrong product, a wrong mean, parameters out of order."""
    H = hessian(net.problem, net.params)
    close(H.dense(), net.hessian())
    assert H.size == 73
    assert H.point.whole


def test_gauss_newton_against_dense(net: Any) -> None:
    """Output curvature left out or applied at the wrong outputs; the Hessian in its place."""
    G = gauss_newton(net.problem, net.params).dense()
    expected = net.gauss_newton()
    close(G, expected)
    assert np.linalg.norm(expected - net.hessian()) > 0.1 * np.linalg.norm(expected)
    assert np.linalg.eigvalsh(G).min() > -TOLERANCE * np.linalg.norm(G)


@pytest.mark.parametrize("make", [hessian, gauss_newton])
def test_batches_make_no_difference(net: Any, make: Any) -> None:
    """A last batch that is filled up counting its fill, or a mean of means."""
    expected = make(net.problem, net.params, batch_size=37).dense()
    close(make(net.problem, net.params, batch_size=5).dense(), expected)


def test_hessian_against_differences_of_gradients(net: Any) -> None:
    """An agreement of two derivatives by the same tool: central differences know neither.

    Their own error is of the order of ε² and of rounding over ε, 1e-8 at ε = 1e-4 in float64.
    """
    v, eps = RNG.normal(size=73), 1e-4

    def difference(losses: Any, _o: Any, _l: Any, flat: jax.Array) -> jax.Array:
        gradient = jax.grad(lambda f: losses(f).mean())
        return (gradient(flat + eps * v) - gradient(flat - eps * v)) / (2 * eps)

    close(hessian(net.problem, net.params).matvec(v), net.in_float64(difference))


def test_linear_regression_in_closed_form(regression: Any) -> None:
    """H = XᵀX/n, and the same of Gauss–Newton, for the model is linear."""
    X = regression.problem.data.inputs.astype(float)
    H = hessian(regression.problem, regression.params)
    G = gauss_newton(regression.problem, regression.params)
    close(H.dense(), X.T @ X / 40)
    close(G.dense(), X.T @ X / 40)
    assert H.trace().exact
    assert H.trace().value == pytest.approx((X**2).sum() / 40, rel=TOLERANCE)
    assert H.frobenius_norm().value == pytest.approx(np.linalg.norm(X.T @ X / 40), rel=TOLERANCE)
    assert H.top(2).values == pytest.approx(
        np.linalg.eigvalsh(X.T @ X / 40)[::-1][:2], rel=TOLERANCE
    )


def test_some_examples_alone(regression: Any) -> None:
    """`examples` ignored, or the wrong ones taken."""
    X = regression.problem.evaluation_batch(7, seed=2)[0].astype(float)
    H = hessian(regression.problem, regression.params, examples=7, seed=2)
    assert not H.point.whole
    close(H.dense(), X.T @ X / 7)


def test_vectors_as_trees(net: Any) -> None:
    """Leaves in another order than the flat vector's."""
    H = hessian(net.problem, net.params)
    tree = jax.tree.map(lambda leaf: RNG.normal(size=leaf.shape), net.params)
    flat = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(tree)])
    product = H @ tree
    assert jax.tree.structure(product) == jax.tree.structure(net.params)
    close(np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(product)]), H @ flat, 1e-12)
    close(H.linear_operator() @ flat, H @ flat, 1e-12)
    assert jax.tree.structure(H.tree(flat)) == jax.tree.structure(net.params)
    with pytest.raises(SettingsError, match=r"fits neither the shape \(73,\) nor the parameters"):
        H.matvec(np.ones(5))


def test_streams_are_drawn_by_their_seed() -> None:
    """Examples that change from call to call, or do not change with the seed."""
    problem = soret.problems.two_layer(3, 4)
    params = problem.initial(jax.random.key(0))
    point = hessian(problem, params, examples=50).point
    assert point.inputs.shape == (50, 3)
    assert not point.whole
    np.testing.assert_array_equal(point.inputs, hessian(problem, params, examples=50).point.inputs)
    other = hessian(problem, params, examples=50, seed=1).point
    assert not np.array_equal(point.inputs, other.inputs)
    assert hessian(problem, params).point.examples == 4096


def test_user_configuration_makes_no_difference(net: Any) -> None:
    """Products in another precision, or refused, where jax_enable_x64 is on."""
    expected = hessian(net.problem, net.params).dense()
    with jax.enable_x64(True):
        H = hessian(net.problem, net.params)
        np.testing.assert_array_equal(H.dense(), expected)
        assert H.top(1).values[0] == pytest.approx(np.linalg.eigvalsh(expected)[-1], rel=1e-9)


def test_linearizations_that_are_not_kept(net: Any, monkeypatch: Any) -> None:
    """Products that depend on whether there was room to keep what they need."""
    expected = hessian(net.problem, net.params, batch_size=5).dense()
    monkeypatch.setattr("soret.landscape.products.kept_bytes", lambda: 0)
    again = hessian(net.problem, net.params, batch_size=5)
    again.dense()
    np.testing.assert_array_equal(again.dense(), expected)


def test_many_vectors_in_groups(net: Any, monkeypatch: Any) -> None:
    """Vectors lost or mixed up where they are cut into groups."""
    expected = net.hessian()
    monkeypatch.setattr("soret.landscape.products._MOST", 10)
    close(hessian(net.problem, net.params).dense(), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"examples": 0}, "`examples` must be a whole number between 1 and 37"),
        ({"examples": 38}, "`examples` must be a whole number between 1 and 37"),
        ({"examples": 2.5}, "`examples` must be a whole number"),
        ({"examples": True}, "`examples` must be a whole number"),
        ({"batch_size": 0}, "`batch_size` must be a whole number of at least 1"),
        ({"seed": -1}, "`seed` must be a whole number between 0 and 4294967295"),
    ],
)
def test_bad_settings(net: Any, settings: Any, message: str) -> None:
    """A bad setting that fails deep inside, or not at all."""
    with pytest.raises(SettingsError, match=message):
        hessian(net.problem, net.params, **settings)


def test_parameters_that_do_not_fit(net: Any) -> None:
    """Another problem's parameters, all replicas at once, float64, NaN."""
    with pytest.raises(SettingsError, match=r"use parameters as problem\.initial"):
        hessian(net.problem, net.params[:2])
    replicas = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), net.params)
    with pytest.raises(SettingsError, match="give one replica's parameters"):
        hessian(net.problem, replicas)
    double = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), net.params)
    with pytest.raises(SettingsError, match="in float32"):
        hessian(net.problem, double)
    broken = jax.tree.map(lambda leaf: leaf * np.float32(np.nan), net.params)
    with pytest.raises(SettingsError, match="not finite"):
        hessian(net.problem, broken)
    with pytest.raises(SettingsError, match=r"problem is a list; use a soret\.Problem"):
        hessian([], net.params)  # type: ignore[arg-type]
