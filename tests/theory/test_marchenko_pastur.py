"""The spectrum of random gradients, against the eigenvalues of random matrices."""

import numpy as np
import pytest

from soret.errors import OutsideDomain
from soret.theory.marchenko_pastur import marchenko_pastur


@pytest.mark.parametrize(("size", "examples"), [(300, 900), (900, 300), (400, 400)])
def test_is_what_random_matrices_have(size, examples):
    """The ratio upside down, zeros forgotten, or an edge in the wrong place."""
    gradients = np.random.default_rng(3).normal(0, 2.0, (examples, size))
    expected = np.linalg.eigvalsh(gradients.T @ gradients / examples)[::-1]
    found = marchenko_pastur(size, examples, expected.sum())
    assert found.shape == (size,)
    assert found.sum() == pytest.approx(expected.sum())
    # Eigenvalues of random matrices are rigid: they lie within a few spacings of the quantiles.
    assert np.abs(found - expected).max() < 0.05 * expected[0]
    second = found.sum() ** 2 / (found**2).sum()
    assert second == pytest.approx(size / (1 + size / examples), rel=0.01)


@pytest.mark.parametrize("given", [(0, 3, 1.0), (3, 0, 1.0), (3, 3, 0.0)])
def test_outside_its_domain(given):
    with pytest.raises(OutsideDomain):
        marchenko_pastur(*given)
