"""Curvature and noise by direction, against linear regression, where both are known."""

import numpy as np
import pytest

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
