"""What is outside the theory of equilibrium is refused."""

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory import equilibrium as eq


@pytest.mark.parametrize(
    "make",
    [
        lambda: eq.temperature(0.0, 1, 1),
        lambda: eq.boltzmann([0.0, np.nan], 1.0, 1.0),
        lambda: eq.minima_ratio((0, 0), (1.0, -1.0), 0.1),
        lambda: eq.minima_ratio((0, 0), (np.eye(2), [[1, 2], [0, 1]]), 0.1),
        lambda: eq.minima_ratio((0, 0), (1.0, 1.0), 0.0),
        lambda: eq.occupation(-1.0),
        lambda: eq.LinearSDE([[1.0, 0], [0, -1]], np.eye(2)),
        lambda: eq.LinearSDE(np.eye(2), [[1, 2], [2, 1]]),
        lambda: eq.LinearSDE(np.eye(2), np.eye(3)),
        lambda: eq.LinearSDE(np.eye(2), np.eye(2), [1, 2]),
        lambda: eq.LinearSDE(np.eye(2), [[1, 0.5], [0.5, 1]], [1, -1]),
        lambda: eq.LinearSDE(np.eye(2), np.diag([1.0, 0])).density([0.0, 0.0]),
        lambda: eq.LinearRecursion(2 * np.eye(2), np.eye(2)),
        lambda: eq.momentum_variance(1.0, 1.0, 3.0, 1, 0.0),
        lambda: eq.momentum_variance(1.0, 1.0, 0.1, 1, 1.0),
        lambda: eq.heavy_ball_entropy(np.eye(2), np.diag([1.0, 0]), 0.1, 0.5),
        lambda: eq.sgd_sde([[1, 2], [0, 1]], np.eye(2), 0.1, 1),
        lambda: eq.stationary_density(lambda x: x, [0.0, 1.0, 2.0], 0.1, 0.1),
    ],
)
def test_what_is_outside_is_refused(make):
    with pytest.raises(OutsideDomain):
        make()
