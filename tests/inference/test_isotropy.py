"""Isotropy of positions, told from equipartition."""

import numpy as np
import pytest

from soret.errors import InferenceError
from soret.inference import isotropy


def test_isotropy_is_told_from_equipartition():
    """A sign, or the mean not taken off: exponents 0 and −1, within three widths."""
    h = np.geomspace(0.1, 1, 6)
    random = np.random.default_rng(0)
    for power in (0.0, -1.0):
        x = random.normal(size=(60, 40, 6)) * h ** (power / 2) + 5.0
        found = isotropy(h, x)
        low, high = found.interval
        assert abs(found.slope - power) <= 3 * (high - low)


def test_too_few_replicas_are_refused():
    """Catches: an interval of 95 % that covers in 91 % of skewed, correlated positions."""
    x = np.random.default_rng(0).normal(size=(15, 40, 6))
    with pytest.raises(InferenceError, match="at least 16 replicas, not 15"):
        isotropy(np.geomspace(0.1, 1, 6), x)
