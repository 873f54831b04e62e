"""Curvature and noise by direction, against linear regression, where both are known."""

import numpy as np
import pytest
from drawn import drawn

import soret
from soret.landscape import noisy_modes
from soret.theory.phase_space import Regression

RNG = np.random.default_rng(8)
INPUTS = RNG.normal(size=(60, 4)) * [2.0, 1.0, 0.5, 0.3]
LABELS = INPUTS.sum(1) + RNG.normal(size=60) * (1 + INPUTS[:, 0] ** 2)


def test_modes_are_those_of_the_regression():
    """Noise along the wrong vectors, of the batch, or not centred; a gradient that is not 0."""
    problem = soret.problems.linear_regression(data=(INPUTS, LABELS))
    theory = Regression(INPUTS, LABELS, 0.01)
    minimum = soret.problems.regression_statistics(problem.data).minimum
    found = noisy_modes(problem, problem.unflatten(minimum))
    np.testing.assert_allclose(found.curvature, theory.frozen.h, rtol=1e-4)
    np.testing.assert_allclose(found.noise, theory.frozen.c, rtol=1e-3)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-4)
    assert (found.rest, found.rest_noise) == (0, 0.0)


def test_what_is_not_resolved_is_counted_together():
    """Noise outside the first modes lost: no speed of the bulk."""
    problem = soret.problems.linear_regression(data=(INPUTS, LABELS))
    theory = Regression(INPUTS, LABELS, 0.01)
    minimum = soret.problems.regression_statistics(problem.data).minimum
    found = noisy_modes(problem, problem.unflatten(minimum), top=1)
    assert found.rest == 3
    assert found.rest_noise == pytest.approx(theory.frozen.c[1:].sum(), rel=1e-3)


def test_several_points_give_the_mean_noise():
    """One of the points left out, or their mean taken before the square."""
    problem = soret.problems.linear_regression(data=(INPUTS, LABELS))
    minimum = soret.problems.regression_statistics(problem.data).minimum
    points = [minimum, minimum + 1.0, minimum + RNG.normal(size=4)]
    first, *others = [problem.unflatten(theta) for theta in points]
    found = noisy_modes(problem, first, others=others)
    rows = INPUTS @ found.vectors.T
    by_hand = [(rows * (INPUTS @ theta - LABELS)[:, None]).var(0) for theta in points]
    np.testing.assert_allclose(found.noise, np.mean(by_hand, 0), rtol=1e-3)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-4)
    few = noisy_modes(problem, first, top=1, others=others)
    assert few.rest_noise == pytest.approx(np.mean(by_hand, 0)[1:].sum(), rel=1e-3)


def test_modes_of_a_net_are_those_of_its_hessian_and_covariance():
    """Batches, groups of vectors or weights mixed up: against the landscape's own matrices."""
    data = soret.Dataset("points", RNG.normal(size=(120, 3)), np.arange(120) % 2, ("a", "b"))
    problem = soret.problems.two_layer(hidden=4, data=data)
    params = drawn(problem)
    found = noisy_modes(problem, params, examples=90)
    exact = np.linalg.eigvalsh(soret.landscape.hessian(problem, params, 90).dense())
    np.testing.assert_allclose(np.sort(found.curvature), exact, atol=1e-5)
    noise = soret.landscape.gradient_noise(problem, params, 90)
    expected = (noise.operator.matmat(found.vectors) * found.vectors).sum(1)
    np.testing.assert_allclose(found.noise, expected, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found.gradient, found.vectors @ noise.gradient, atol=1e-6)
