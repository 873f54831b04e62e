"""How the claim on phase space tells a wrong theory from bad luck."""

import numpy as np
import pytest
from scipy import stats

import soret
from soret.claims.limiting_dynamics._grid import in_errors, largest, mean_square


@pytest.mark.parametrize("replicas", [12, 40])
def test_the_largest_deviation_of_a_right_theory_is_within_its_bound(replicas):
    """A bound for normal numbers: of means of squares, five times too many lie beyond it.

    False alarms: 1e-7, by the binomial law.
    """
    chance, trials = 0.01, 20_000
    random = np.random.default_rng(0)
    found = in_errors(random.standard_normal((replicas, trials, 5)) ** 2 - 1).ravel()
    beyond = (abs(found) > largest(replicas, 1, chance)).sum()
    low, high = stats.binom.interval(1 - 1e-7, found.size, chance)
    # The bound's average over spreads is itself from 4,000 draws: good to some per cent.
    assert 0.9 * low < beyond < 1.1 * high
    normal = stats.norm.isf(chance / 2)
    assert (abs(found) > normal).sum() > 2 * high


def test_the_bound_of_many_is_near_that_of_normal_numbers_only_with_many_replicas():
    """A bound that does not know how many are compared, or how many replicas there are."""
    normal = stats.norm.isf(1e-4 / 2 / 1000)
    few, many, single = largest(100, 1000, 1e-4), largest(20_000, 1000, 1e-4), largest(100, 1, 0.05)
    assert single < many < few
    assert normal < many < 1.1 * normal


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement"])
def test_ensembles_have_the_exact_moments(sampling):
    """Batches that the engine draws otherwise than the theory takes them: half are drawn here.

    False alarms: 1e-7. Taken for the other kind of batch, variances are half or twice as large.
    """
    random = np.random.default_rng(1)
    x = (random.normal(size=(40, 3)) * [1, 0.6, 0.3]).astype(np.float32)
    y = random.normal(size=40).astype(np.float32)
    point = (0.3, 20, 0.8, 0.01)
    data = x.astype(float), y.astype(float)
    theory, other = (
        soret.theory.phase_space.Regression(*data, *point, replacement=repeats)
        for repeats in (sampling == "with_replacement", sampling != "with_replacement")
    )
    start = theory.vectors @ (theory.frozen.centre + 1)
    o = soret.observables
    run = soret.simulate(
        soret.problems.linear_regression(data=(x, y), start=start),
        soret.SGD(*point, sampling=sampling),
        observe=[o.position_along(theory.vectors.T), o.velocity_along(theory.vectors.T)],
        steps=60,
        record_every=20,
        replicas=2000,
    )

    def furthest(law):
        law = law.moments([20, 40, 60], theory.vectors.T @ start)
        found = []
        for i, name in enumerate(("position", "velocity")):
            seen = run[name].transpose("replica", "step", ...).values[:, 1:].astype(float)
            off = (seen - law.mean[:, i]) / np.sqrt(law.covariance[:, i, i])
            found += [in_errors(off), in_errors(off**2 - 1)]
        return abs(np.array(found)).max()

    bound = largest(2000, 36, 1e-7)
    assert furthest(theory) < bound < furthest(other)


def test_squares_of_few_replicas_errors_are_large():
    """Catches: a mean square of 1 asked of a right theory whatever the number of replicas.

    40,000 means leave 5 % of a mean of squares with so long a tail.
    """
    for replicas in (12, 40, 300):
        random = np.random.default_rng(2)
        found = in_errors(random.standard_normal((replicas, 8000, 5)) ** 2 - 1)
        assert (found**2).mean() == pytest.approx(mean_square(replicas), rel=0.05)
    assert 1 < mean_square(1000) < 1.05 < mean_square(100) < 1.3 < mean_square(20)
    assert mean_square(4) == np.inf
