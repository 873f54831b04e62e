"""Labels drawn at random."""

import numpy as np
import pytest

from soret import data
from soret.errors import SettingsError


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_so_many_labels_are_drawn(fraction):
    """A fraction of something else; labels changed that were not to be; right ones avoided.

    Of n drawn labels about a tenth are right: 6 standard errors, false alarms below 1e-8.
    """
    digits = data.load("digits")
    noisy, drawn = data.randomize_labels(digits, fraction, seed=3)
    assert drawn.sum() == round(fraction * len(digits))
    np.testing.assert_array_equal(noisy.labels[~drawn], digits.labels[~drawn])
    np.testing.assert_array_equal(noisy.inputs, digits.inputs)
    if drawn.any():
        right = np.mean(noisy.labels[drawn] == digits.labels[drawn])
        assert abs(right - 0.1) < 6 * np.sqrt(0.09 / drawn.sum())
        assert f"{100 * fraction:g} % of the labels random" in noisy.description


def test_a_larger_fraction_includes_a_smaller():
    """Fractions that cannot be compared, because other examples were hit."""
    digits = data.load("digits")
    (few, one), (many, two) = (data.randomize_labels(digits, f, seed=1) for f in (0.1, 0.4))
    assert (two | ~one).all()
    np.testing.assert_array_equal(few.labels[one], many.labels[one])


def test_bad_fractions():
    """More labels drawn than there are; classes out of nothing."""
    digits = data.load("digits")
    with pytest.raises(SettingsError, match="between 0 and 1"):
        data.randomize_labels(digits, 1.5)
    with pytest.raises(SettingsError, match="0 classes"):
        data.randomize_labels(data.Dataset("real", np.ones((3, 1)), [0.5, 0.0, 1.0]), 0.5)
