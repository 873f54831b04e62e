"""Claims on surfaces: their laws and their judges, where the answer is known."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from soret.claims import configure, find
from soret.claims.three_factors import _moments, fokker_planck
from soret.claims.three_factors import _odds as odds
from soret.claims.three_factors import _surfaces as surfaces
from soret.claims.verdict import Verdict
from soret.errors import SettingsError
from soret.theory.fokker_planck import Grid


def configured(name, **changes):
    return configure(find(f"three-factors/{name}")[0], "quick", changes)


@pytest.mark.parametrize("name", ["double", "tilted", "funnel", "plane"])
def test_temperatures_are_read_off_the_mean_loss(name):
    """T/2 of the directions across counted twice, or the floor left in."""
    well = surfaces.well_of(name)
    for heat in (0.1, 0.4):
        losses = np.full(50, surfaces.mean_loss(well, heat))
        found = surfaces.effective_temperature(well, losses, 0.2)
        assert found.mean() == pytest.approx(heat, rel=1e-5)


def test_the_mean_loss_is_that_of_the_law():
    """A marginal without the width across: by summing over the whole plane instead."""
    well = surfaces.well_of("funnel")
    x, y = np.meshgrid(np.linspace(-2.5, 2.5, 400), np.linspace(-4, 4, 500), indexing="ij")
    loss = well.potential(np.stack([x, y], -1))
    weights = np.exp(-loss / 0.3)
    whole = float((weights * loss).sum() / weights.sum())
    assert surfaces.mean_loss(well, 0.3) == pytest.approx(whole, rel=1e-3)
    share = weights[x < 0].sum() / weights[x > 0].sum()
    assert surfaces.boltzmann_odds(well, 0.3) == pytest.approx(float(share), rel=1e-3)


@pytest.mark.parametrize("name", ["tilted", "wide or deep", "funnel"])
def test_odds_by_equation_and_quadrature_agree(name):
    """A border of the basins within a cell, walls that cut a well, noise of variance T."""
    well = surfaces.well_of(name)
    found = odds.log_odds(well, 0.25, 0.25, 60)
    assert found == pytest.approx(np.log(surfaces.boltzmann_odds(well, 0.25)), abs=2e-3)


def test_the_recursions_odds_tend_to_the_equations():
    well = surfaces.well_of("wide or deep")
    found = odds.recursion_log_odds(well, 0.25, 5e-4, 600)
    assert found == pytest.approx(odds.log_odds(well, 0.25, 0.25, 60), abs=0.01)
    assert np.isnan(odds.recursion_log_odds(well, 0.5, 0.09, 600))


def quadratic_losses(theta):
    """Losses of examples whose gradients have the covariance 1 about Hθ."""
    kicks = np.concatenate([np.eye(2), -np.eye(2)])
    curved = 0.5 * (_moments.curvatures(2) * theta**2).sum()
    return curved + kicks @ theta


def test_laws_of_the_quadratic_surface_by_integration():
    """A factor of the closed forms lost, or of the equations integrated on a net."""
    found = _moments.solver(quadratic_losses)(np.full((1, 2), 1.5), 0.2, 2.0)
    for law in ("sgd", *_moments.ORDERS):
        mean, variance = _moments.quadratic(1.5, 0.2, 2.0, law)
        np.testing.assert_allclose(found[law][0][0], mean, rtol=1e-8)
        # C = ½ of these kicks; off the diagonal it is zero.
        np.testing.assert_allclose(found[law][1][0], np.diag(variance) / 2, rtol=1e-8, atol=1e-12)


def bent_losses(theta):
    """Examples whose gradients vary from place to place, and so does their covariance."""
    import jax.numpy as jnp

    ways = jnp.array([[1.0, 0.3], [-0.4, 1.2], [0.7, -0.9]])
    return jnp.log(jnp.cosh(ways @ theta - jnp.array([0.5, -0.2, 0.8]))) + 0.1 * theta[0] ** 4


def test_equations_have_the_orders_they_should():
    """A term of the complete equation's noise lost: its error then falls as η, not η²."""
    errors, solve = {}, _moments.solver(bent_losses)
    for eta in (0.1, 0.05):
        laws = solve(np.array([[1.2, -0.7]]), eta, 1.0)
        for part, name in enumerate(("mean", "covariance")):
            for order in _moments.ORDERS:
                off = np.linalg.norm(laws["sgd"][part] - laws[order][part])
                errors.setdefault((name, order), []).append(off)
    powers = {key: np.log2(large / small) for key, (large, small) in errors.items()}
    assert powers["mean", "first"] == pytest.approx(1, abs=0.15)
    assert powers["mean", "second"] == pytest.approx(2, abs=0.15)
    assert powers["covariance", "first"] == pytest.approx(1, abs=0.15)
    assert powers["covariance", "second"] == pytest.approx(1, abs=0.15)
    assert powers["covariance", "complete"] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("direction", ["x", "y", "x + y", "x − y"])
def test_distributions_along_directions(direction):
    """The two diagonals exchanged, or places off by half a cell."""
    grid = Grid((-2.4, -2.4), (2.4, 2.4), (80, 80))
    cov = np.array([[0.2, 0.08], [0.08, 0.1]])
    density = stats.multivariate_normal([0.3, -0.2], cov).pdf(grid.points)[None]
    found = fokker_planck._within(density, direction, grid)[0]
    way = {"x": [1, 0], "y": [0, 1], "x + y": [1, 1], "x − y": [1, -1]}[direction]
    law = stats.norm(np.dot(way, [0.3, -0.2]), np.sqrt(way @ cov @ way))
    expected = law.cdf(fokker_planck._edges(direction, grid))
    assert abs(found - expected).max() < 2e-3


def made_occupation(claim, shift=0.0):
    """Replicas in the left well with the odds of Boltzmann's law, or others."""
    rng = np.random.default_rng(1)
    name = "tilted"

    def of(rates, batches, variance):
        parts = np.zeros((len(rates), len(batches), 4000, 3))
        for i, eta in enumerate(rates):
            for j, batch in enumerate(batches):
                heat = surfaces.heat_of((eta, batch, variance))
                chance = np.log(surfaces.boltzmann_odds(surfaces.well_of(name), heat)) + shift
                parts[i, j] = rng.random((4000, 3)) < 1 / (1 + np.exp(-chance))
        return xr.Dataset(
            {"in_left": (("learning_rate", "batch_size", "replica", "step"), parts)},
            {"learning_rate": list(rates), "batch_size": list(batches)},
        )

    rates, batches, variances = claim.learning_rates, claim.batch_sizes, claim.variances
    heats = {
        surfaces.heat_of(point)
        for scan in surfaces.points_of(rates, batches, variances).values()
        for point in scan
    }
    return {
        f"{name}/η": of(rates, batches[:1], variances[0]),
        f"{name}/S": of(rates[:1], batches[1:], variances[0]),
        f"{name}/σ²-0": of(rates[:1], batches[:1], variances[1]),
        "laws": odds.laws([name], sorted(heats), 50),
    }


@pytest.mark.parametrize(("shift", "expected"), [(0.0, "supported"), (1.0, "contradicted")])
def test_odds_are_judged_by_what_was_made(shift, expected):
    """The formula's odds refused, or others let pass; a factor's power read off another's scan."""
    claim = configured("minima-ratio", surfaces=("tilted",))
    found = claim.judge(made_occupation(claim, shift))
    assert found[0].verdict == Verdict.SUPPORTED
    assert found[1].verdict == expected
    if not shift:
        assert [r.verdict for r in found[2:]] == [Verdict.SUPPORTED] * 3


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("minima-ratio", {"surfaces": ("flat",)}),
        ("minima-ratio", {"variances": (1.0,)}),
        ("fokker-planck", {"steps": (0, 5)}),
        ("open-questions", {"momenta": (0.5, 0.9)}),
        ("langevin-limit", {"learning_rates": (0.4, 0.2)}),
        ("langevin-limit", {"net_rates": (0.5, 0.3, 0.1)}),
    ],
)
def test_settings_that_do_not_fit_are_refused(name, changes):
    with pytest.raises(SettingsError):
        configured(name, **changes).experiments()
