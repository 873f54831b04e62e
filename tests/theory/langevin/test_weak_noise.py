"""Moments of SGD and of its equations, and their orders in the learning rate."""

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory.langevin import ORDERS, quadratic_moments, weak_noise_moments

CURVATURES = np.array([1.0, 0.5])


def quadratic_losses(theta):
    """Losses of examples whose gradients have the covariance 1 about Hθ."""
    kicks = np.concatenate([np.eye(2), -np.eye(2)])
    curved = 0.5 * (CURVATURES * theta**2).sum()
    return curved + kicks @ theta


def test_laws_of_the_quadratic_surface_by_integration():
    """A factor of the closed forms lost, or of the equations integrated on a net."""
    found = weak_noise_moments(quadratic_losses)(np.full((1, 2), 1.5), 0.2, 2.0)
    for law in ("sgd", *ORDERS):
        mean, variance = quadratic_moments(CURVATURES, 1.5, 0.2, 2.0, law)
        np.testing.assert_allclose(found[law][0][0], mean, rtol=1e-8)
        # C = ½ of these kicks; off the diagonal it is zero.
        np.testing.assert_allclose(found[law][1][0], np.diag(variance) / 2, rtol=1e-8, atol=1e-12)


def test_laws_that_do_not_exist_are_refused():
    """Catches: an unknown order read as the second, a surface without curvature as 0/0."""
    with pytest.raises(OutsideDomain, match="no equation 'third'"):
        quadratic_moments(CURVATURES, 1.5, 0.2, 2.0, "third")
    with pytest.raises(OutsideDomain, match="unstable"):
        quadratic_moments([1.0], 1.5, 2.0, 2.0, "sgd")
    with pytest.raises(OutsideDomain, match="curvature"):
        quadratic_moments([0.0], 1.5, 0.2, 2.0, "first")


def bent_losses(theta):
    """Examples whose gradients vary from place to place, and so does their covariance."""
    import jax.numpy as jnp

    ways = jnp.array([[1.0, 0.3], [-0.4, 1.2], [0.7, -0.9]])
    return jnp.log(jnp.cosh(ways @ theta - jnp.array([0.5, -0.2, 0.8]))) + 0.1 * theta[0] ** 4


@pytest.mark.slow
def test_equations_have_the_orders_they_should():
    """A term of the complete equation's noise lost: its error then falls as η, not η²."""
    errors, solve = {}, weak_noise_moments(bent_losses)
    for eta in (0.1, 0.05):
        laws = solve(np.array([[1.2, -0.7]]), eta, 1.0)
        for part, name in enumerate(("mean", "covariance")):
            for order in ORDERS:
                off = np.linalg.norm(laws["sgd"][part] - laws[order][part])
                errors.setdefault((name, order), []).append(off)
    powers = {key: np.log2(large / small) for key, (large, small) in errors.items()}
    assert powers["mean", "first"] == pytest.approx(1, abs=0.15)
    assert powers["mean", "second"] == pytest.approx(2, abs=0.15)
    assert powers["covariance", "first"] == pytest.approx(1, abs=0.15)
    assert powers["covariance", "second"] == pytest.approx(1, abs=0.15)
    assert powers["covariance", "complete"] == pytest.approx(2, abs=0.15)
