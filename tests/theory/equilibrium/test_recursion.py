"""Stationary densities and entropies of recursions, against simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from soret.errors import ConvergenceError
from soret.problems import TiltedDoubleWell
from soret.theory import equilibrium as eq

seeds = st.integers(0, 2**32 - 1)


def stable_pair(seed, n=3):
    """A drift with eigenvalues right of 0 and a covariance."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(size=(n, n))
    drift += (0.5 - linalg.eigvals(drift).real.min()) * np.eye(n)
    root = rng.normal(size=(n, n))
    return drift, root @ root.T + 0.1 * np.eye(n)


def test_the_recursions_density_is_that_of_a_simulation():
    """A kernel transposed, or noise of variance ηT: 2·10⁵ walkers, bins at 5.5 deviations."""
    well = TiltedDoubleWell(tilt=0.3)
    rate, heat = 0.05, 0.6
    x = np.linspace(-2.6, 2.6, 521)
    rho = eq.stationary_density(well.slope, x, rate, heat)
    rng = np.random.default_rng(3)
    # From the law itself, so that 40 steps only have to keep it.
    walkers = rng.choice(x, size=200_000, p=rho / rho.sum()) + 0.01 * (rng.random(200_000) - 0.5)
    for _ in range(40):
        kick = np.sqrt(2 * rate * heat) * rng.normal(size=walkers.size)
        walkers = walkers - rate * well.slope(walkers) + kick
    edges = np.linspace(-1.8, 1.8, 13)
    counts = np.histogram(walkers, edges)[0]
    share = np.diff(np.interp(edges, x, np.cumsum(rho) * (x[1] - x[0])))
    deviations = (counts - walkers.size * share) / np.sqrt(walkers.size * share)
    assert abs(deviations).max() < 5.5 + 0.01 * np.sqrt(walkers.size) * 0.5


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_a_step_that_is_exact_makes_the_same_entropy(seed):
    """Per short step of the sampled SDE, entropy production is Φ·Δt; and the strength is lost."""
    drift, noise = stable_pair(seed)
    sde = eq.LinearSDE(drift, noise)
    short = 1e-4 / abs(drift).max()
    step = linalg.expm(-short * drift)
    chain = eq.LinearRecursion(step, sde.covariance - step @ sde.covariance @ step.T)
    np.testing.assert_allclose(chain.covariance, sde.covariance, rtol=1e-6)
    assert chain.entropy_production / short == pytest.approx(sde.entropy_production, rel=2e-2)
    louder = eq.LinearSDE(drift, 7 * noise)
    assert louder.entropy_production == pytest.approx(sde.entropy_production)
    np.testing.assert_allclose(louder.covariance, 7 * sde.covariance)


def test_mass_that_leaves_the_grid_is_noticed():
    """A density normalized on a grid that is too small for it."""
    with pytest.raises(ConvergenceError):
        eq.stationary_density(lambda x: x, np.linspace(-1, 1, 201), 0.1, 1.0)


def test_entropy_from_a_simulated_ensemble():
    """The area swept out, the sign of time: Φ of a chain by the log-ratio along its own paths.

    4·10⁵ steps in equilibrium; the mean's error is from batches, and 5.5 of it are allowed.
    """
    chain = eq.LinearRecursion([[0.8, -0.15], [0.15, 0.85]], [[1.0, 0.2], [0.2, 0.5]])
    rng = np.random.default_rng(11)
    x = rng.multivariate_normal([0, 0], chain.covariance, size=400_000)
    y = x @ chain.matrix.T + rng.multivariate_normal([0, 0], chain.noise, size=len(x))
    inverse, law = np.linalg.inv(chain.noise), np.linalg.inv(chain.covariance)

    def log_joint(first, second):
        move = second - first @ chain.matrix.T
        one = np.einsum("ki,ij,kj->k", move, inverse, move)
        return -(one + np.einsum("ki,ij,kj->k", first, law, first)) / 2

    ratio = log_joint(x, y) - log_joint(y, x)
    error = ratio.std() / np.sqrt(ratio.size)
    assert abs(ratio.mean() - chain.entropy_production) < 5.5 * error
    assert ratio.mean() > 10 * error
