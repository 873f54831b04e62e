"""Moments of SGD on a data set, against enumeration of every batch."""

import itertools

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory.phase_space import (
    Discrete,
    Modes,
    Regression,
    gaussian_noise,
)

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("replacement", [True, False])
def test_moments_of_a_data_set_are_those_of_all_its_batches(replacement):
    """Any term of the state-dependent noise: against every sequence of batches, enumerated."""
    x, y = RNG.normal(size=(4, 2)) + 0.5, RNG.normal(size=4)
    size, eta, beta, decay, steps = 2, 0.2, 0.6, 0.3, 3
    theory = Regression(x, y, eta, size, beta, decay, replacement=replacement)
    start = np.array([1.0, -2.0])
    found = theory.moments([steps], theory.vectors.T @ start)
    batches = (
        list(itertools.product(range(4), repeat=size))
        if replacement
        else list(itertools.combinations(range(4), size))
    )
    ends = []
    for chosen in itertools.product(batches, repeat=steps):
        theta, v = start.copy(), np.zeros(2)
        for batch in chosen:
            part = x[list(batch)]
            gradient = part.T @ (part @ theta - y[list(batch)]) / size + decay * theta
            v = beta * v + gradient
            theta = theta - eta * v
        ends.append(np.stack([theory.vectors.T @ theta, theory.vectors.T @ v]))
    ends = np.array(ends)
    np.testing.assert_allclose(found.mean[0], ends.mean(0), rtol=1e-10, atol=1e-12)
    for i in range(2):
        expected = np.cov(ends[:, :, i].T, bias=True)
        np.testing.assert_allclose(found.covariance[0, :, :, i], expected, rtol=1e-9, atol=1e-12)


def test_stationary_noise_of_a_data_set_is_where_the_recursion_ends():
    """The fixed point of pairs of modes, and directions that no example reaches."""
    x = np.concatenate([RNG.normal(size=(30, 3)), np.zeros((30, 1))], 1)
    theory = Regression(x, x[:, 0] * x[:, 1] + RNG.normal(size=30), 0.1, 2, 0.5, 0.1)
    assert theory.frozen.size == 3
    found = theory.moments([2000], np.zeros(3))
    law = Discrete(theory.modes).stationary
    np.testing.assert_allclose(found.covariance[0], law, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(np.diag(theory.covariance), law[0, 0], rtol=1e-9)
    assert (theory.modes.c > theory.frozen.c * 1.01).any()


def test_moments_of_inputs_replace_the_sum_over_examples(monkeypatch):
    """Pairs packed in another order, or counted once for twice; and `at` that forgets a point."""
    x = RNG.normal(size=(50, 4)) + 0.3
    y = x[:, 0] * x[:, 1] + RNG.normal(size=50)
    start, steps = np.ones(4), [0, 1, 5, 30]
    point = {"learning_rate": 0.05, "batch_size": 2, "momentum": 0.6, "weight_decay": 0.1}
    other = Regression(x, y, 0.01).at(**point, replacement=False)
    packed = other.moments(steps, start), other.modes.c
    monkeypatch.setattr("soret.theory.phase_space.regression._PAIRS", 0)
    summed = Regression(x, y, **point, replacement=False)
    for found, expected in zip(packed, (summed.moments(steps, start), summed.modes.c), strict=True):
        if isinstance(found, np.ndarray):
            np.testing.assert_allclose(found, expected, rtol=1e-9)
        else:
            np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-9, atol=1e-12)


def test_moments_of_a_data_set_do_not_lose_their_symmetry():
    """Rounding that grows: 400 steps near the stability limit end in the stationary law."""
    x = RNG.normal(size=(200, 4)) * [1.0, 0.7, 0.5, 0.4]
    theory = Regression(x, RNG.normal(size=200), 1.4, 200, 0.9)
    found = theory.moments([400], np.ones(4)).covariance[0]
    np.testing.assert_allclose(found, Discrete(theory.modes).stationary, rtol=1e-6, atol=1e-9)


def test_second_moments_without_bound_are_refused():
    """A stable mean with a variance that grows: a fixed point that does not exist."""
    h = np.ones(10)
    with pytest.raises(OutsideDomain, match="without bound"):
        gaussian_noise(Modes(h, 0.0, 0.5), 1.0)
    x = np.random.default_rng(0).normal(size=(40, 10))
    with pytest.raises(OutsideDomain, match="without bound"):
        Regression(x, x[:, 0] ** 2, 0.5).modes  # noqa: B018
