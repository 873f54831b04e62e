"""Stationary densities of fair walks on a circle: two ways to them, and what they must obey."""

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory.thermophoresis import flow_density, ito_flux, power_shares, walk_shares

CELLS = 100


def g(q):
    return 1 + 0.6 * np.sin(2 * np.pi * q)


def slope(q):
    return 1.2 * np.pi * np.cos(2 * np.pi * q)


@pytest.mark.parametrize(
    ("power", "flow"),
    [(-1.0, lambda *fields: flow_density(*fields).total), (-2.0, lambda *f: ito_flux(*f)[..., 0])],
)
def test_no_mass_flows(power, flow):
    """Catches: a power that is not the one at which its formula's flow vanishes."""
    q = np.linspace(0, 1, 50)[:, None]
    size = g(q[:, 0])
    density = size**power
    gradient = power * size ** (power - 1) * slope(q[:, 0])
    fields = size[:, None], slope(q)[..., None], density, gradient[:, None]
    assert np.abs(flow(*fields)).max() < 1e-12
    other = flow(*fields[:2], np.ones(50), np.zeros((50, 1)))
    assert np.abs(other).max() > 1


def test_shares_are_those_of_the_density():
    """Catches: cells that begin elsewhere, or a density that is not normalized.

    ∫dq/(1 + a sin 2πq) over a period is (1 − a²)^−½.
    """
    q = (np.arange(CELLS) + 0.5) / CELLS
    exact = 0.8 / (CELLS * g(q))
    assert power_shares(g, -1.0, CELLS) == pytest.approx(exact, rel=2e-3)
    assert power_shares(g, -1.0, CELLS).sum() == pytest.approx(1)


def test_short_steps_settle_where_itos_flux_vanishes():
    """Catches: a walk operator that moves mass the wrong way round. What is left falls as η²."""
    limit = power_shares(g, -2.0, 200)
    off = [walk_shares(g, rate, 200) / limit - 1 for rate in (0.04, 0.02)]
    assert np.abs(off[0]).max() / np.abs(off[1]).max() == pytest.approx(4, rel=0.3)
    assert np.abs(off[1]).max() < 0.01


@pytest.mark.slow
def test_the_walk_itself_simulated():
    """The same from walkers, with NumPy: 4,000 of them at 200 times, half a relaxation apart."""
    random = np.random.default_rng(5)
    q = random.random(4000)
    counts = np.zeros(CELLS)
    for step in range(20_000):
        q = (q + 0.05 * random.choice((-1, 1), q.size) * g(q)) % 1
        if step >= 1000 and step % 95 == 0:
            counts += np.bincount((q * CELLS).astype(int), minlength=CELLS)
    expected = walk_shares(g, 0.05, CELLS)
    # 800,000 places, correlated in time by less than a factor of two.
    error = np.sqrt(2 * expected / counts.sum())
    assert np.abs(counts / counts.sum() - expected).max() < 7 * error.max()


def test_refusals():
    with pytest.raises(OutsideDomain, match="vanishes"):
        power_shares(lambda q: 0 * q, -1.0, 10)
    for cells in (1, 2.5, True, np.nan):
        with pytest.raises(OutsideDomain, match="cells"):
            power_shares(g, -1.0, cells)
        with pytest.raises(OutsideDomain, match="cells"):
            walk_shares(g, 0.1, cells)
    for power in (np.nan, np.inf):
        with pytest.raises(OutsideDomain, match="power"):
            power_shares(g, power, 10)
    with pytest.raises(OutsideDomain, match="take more cells"):
        walk_shares(g, 1e-4, 10)
    with pytest.raises(OutsideDomain, match="learning_rate"):
        walk_shares(g, -0.1, 10)
    with pytest.raises(OutsideDomain, match="past another"):
        walk_shares(g, 0.5, 10)
