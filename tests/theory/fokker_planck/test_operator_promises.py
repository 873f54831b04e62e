"""What holds whatever the fields are, and what is refused."""

import numpy as np
import pytest
from flows import well
from hypothesis import given, settings
from hypothesis import strategies as st

from soret.errors import ConvergenceError, OutsideDomain, SettingsError
from soret.theory.fokker_planck import FokkerPlanck, Grid

# --- What holds whatever the fields are ------------------------------------------------------


seeds = st.integers(0, 10**6)


def random_flow(seed, n, wall):
    """Rough fields with noise that vanishes in places and drift far stronger than noise."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(3, 12, size=n)
    grid = Grid(np.zeros(n), cells * rng.uniform(0.5, 2), cells)
    push = 10 ** rng.uniform(-2, 3)
    root = rng.normal(size=(*cells, n, n)) * (rng.uniform(size=(*cells, 1, 1)) > 0.2)
    noise = root @ np.swapaxes(root, -1, -2)
    if n == 2:
        # As oblique as these square cells allow, everywhere.
        most = np.minimum(noise[..., 0, 0], noise[..., 1, 1])
        noise[..., 0, 1] = noise[..., 1, 0] = np.clip(noise[..., 0, 1], -most, most)
    phase = rng.normal(size=(n, n))
    flow = FokkerPlanck(lambda x: push * np.sin(x @ phase), lambda _: noise, grid, wall)
    return flow, rng.exponential(size=tuple(cells)) * (rng.uniform(size=tuple(cells)) > 0.5)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 2), st.sampled_from([None, 0.1]))
def test_mass_is_conserved_and_never_negative(seed, n, step):
    """A rate below 0, or a column of the matrix that does not add up. Rounding only: 10⁻¹²."""
    flow, density = random_flow(seed, n, "reflecting")
    fastest = -flow.matrix.diagonal().min()
    times = np.array([0.0, 0.3, 1.0]) * (1000 / max(fastest, 1e-9))
    found = flow.evolve(density, times, step=step and step * times[-1])
    assert (found >= 0).all()
    mass = found.reshape(3, -1).sum(1)
    np.testing.assert_allclose(mass, density.sum(), rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 2))
def test_mass_only_leaves_through_absorbing_walls(seed, n):
    """A wall that gives mass back: never negative, and never more than before."""
    flow, density = random_flow(seed, n, "absorbing")
    fastest = -flow.matrix.diagonal().min()
    found = flow.evolve(density, np.array([0.0, 0.3, 1.0]) * (300 / max(fastest, 1e-9)))
    assert (found >= 0).all()
    assert (np.diff(found.reshape(3, -1).sum(1)) <= 1e-12 * density.sum()).all()


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_one_axis_of_a_rectangle_is_a_line(seed):
    """The two solvers apart: product of rates and chain in 1-D, factors of a matrix in 2-D."""
    rng = np.random.default_rng(seed)
    c = rng.normal(size=3)

    def push(x):
        return c[0] - x + c[1] * np.sin(2 * x)

    def noise(x):
        return 1 + 0.5 * np.sin(c[2] + x)

    def noise_both(x):
        found = np.zeros((*x.shape, 2))
        found[..., 0, 0], found[..., 1, 1] = noise(x[..., 0]), 1.0
        return found

    def push_both(x):
        return np.stack([push(x[..., 0]), 0 * x[..., 1]], -1)

    line, sheet = Grid(-2, 2, 25), Grid([-2, 0], [2, 3], [25, 4])
    one, two = FokkerPlanck(push, noise, line), FokkerPlanck(push_both, noise_both, sheet)
    for row in two.stationary().T:
        np.testing.assert_allclose(row * 3, one.stationary(), rtol=1e-8)
    slow = one.slowest_eigenvalue()
    # Along the other axis, between walls 3 apart in 4 cells, mass relaxes at this rate.
    other = (1 - np.cos(np.pi / 4)) / 0.75**2
    assert two.slowest_eigenvalue() == pytest.approx(min(slow, other), rel=1e-7)
    dense = np.sort(np.linalg.eigvals(one.matrix.toarray()).real)
    assert slow == pytest.approx(-dense[-2], rel=1e-8)
    walls = ["absorbing", "reflecting"]
    one = FokkerPlanck(push, noise, line, "absorbing")
    two = FokkerPlanck(push_both, noise_both, sheet, walls)
    for row in two.mean_first_passage_time().T:
        np.testing.assert_allclose(row, one.mean_first_passage_time(), rtol=1e-9)
    assert two.slowest_eigenvalue() == pytest.approx(one.slowest_eigenvalue(), rel=1e-8)


# --- Refusals ---------------------------------------------------------------------------------


def test_what_cannot_be_answered_is_refused():
    """A number where there is none."""
    square = Grid([0, 0], [1, 1], [4, 4])
    thin = np.array([[1.0, 0.9], [0.9, 4.0]])
    FokkerPlanck([0, 0], thin, Grid([0, 0], [0.5, 1], [4, 4]))
    steep = np.array([[1.0, 1.1], [1.1, 4.0]])
    with pytest.raises(OutsideDomain, match="too oblique"):
        FokkerPlanck([0, 0], steep, square)
    with pytest.raises(OutsideDomain, match="semi-definite"):
        FokkerPlanck([0, 0], np.array([[1.0, 2.0], [2.0, 1.0]]), square)
    with pytest.raises(OutsideDomain, match="negative"):
        FokkerPlanck(0, -1, Grid(0, 1, 4))
    with pytest.raises(OutsideDomain, match="finite"):
        FokkerPlanck(lambda x: x * np.nan, 1, Grid(0, 1, 4))
    with pytest.raises(SettingsError, match="shape"):
        FokkerPlanck(lambda x: x[:2], 1, Grid(0, 1, 8))
    with pytest.raises(SettingsError, match="walls"):
        FokkerPlanck(0, 1, Grid(0, 1, 4), "periodic")
    for wrong in ((0, 1, 1), (1, 0, 4), (0, 1, 4.5), ([0, 0], [1, 1], 4), (0, np.inf, 4)):
        with pytest.raises(SettingsError):
            Grid(*wrong)
    closed, still = FokkerPlanck(0, 1, Grid(0, 1, 4)), FokkerPlanck(0, 0, Grid(0, 1, 4))
    opened = FokkerPlanck(0, 1, Grid(0, 1, 4), ("absorbing", "reflecting"))
    with pytest.raises(OutsideDomain, match="absorbing"):
        closed.mean_first_passage_time()
    with pytest.raises(OutsideDomain, match="reflecting"):
        opened.stationary()
    with pytest.raises(OutsideDomain, match="4 parts"):
        still.stationary()
    with pytest.raises(OutsideDomain, match="no absorbing wall"):
        FokkerPlanck(0, 0, Grid(0, 1, 4), "absorbing").mean_first_passage_time()
    for density, times, step, error in (
        ([1, 1, 1], [1], None, SettingsError),
        ([1, 1, 1, -1], [1], None, OutsideDomain),
        ([1, 1, 1, 1], [2, 1], None, SettingsError),
        ([1, 1, 1, 1], [1e9], None, SettingsError),
        ([1, 1, 1, 1], [1], 0, SettingsError),
    ):
        with pytest.raises(error):
            closed.evolve(density, times, step)


def test_a_barrier_too_high_for_rounding_is_refused_in_two_dimensions():
    """Two wells filled by rounding: 60 kT apart, where one dimension still knows the answer."""

    def drift(x):
        return np.stack([60 * 4 * well(x[..., 0]), -x[..., 1]], -1)

    box = Grid([-2, -3], [2, 3], [80, 12])
    with pytest.raises(ConvergenceError):
        FokkerPlanck(drift, 2 * np.eye(2), box).slowest_eigenvalue()
    walls = [("reflecting", "absorbing"), "reflecting"]
    half = FokkerPlanck(drift, 2 * np.eye(2), Grid([-2, -3], [0, 3], [40, 12]), walls)
    with pytest.raises(ConvergenceError):
        half.mean_first_passage_time()
