"""Examples held out."""

import numpy as np
import pytest

from soret import data
from soret.errors import SettingsError


def test_parts_are_a_partition():
    """An example in both parts or in neither; labels that no longer belong to their inputs."""
    digits = data.load("digits")
    training, validation = data.hold_out(digits, 142, seed=2)
    assert (len(training), len(validation)) == (1300, 142)
    assert validation.split == "validation"

    def rows(*sets):
        return sorted(
            (s.inputs[i].tobytes(), int(s.labels[i])) for s in sets for i in range(len(s))
        )

    assert rows(training, validation) == rows(digits)
    again, _ = data.hold_out(digits, 142, seed=2)
    np.testing.assert_array_equal(again.inputs, training.inputs)
    other, _ = data.hold_out(digits, 142, seed=4)
    assert not np.array_equal(other.inputs, training.inputs)


@pytest.mark.parametrize("examples", [0, 1442, -1])
def test_bad_parts(examples):
    """An empty part."""
    with pytest.raises(SettingsError, match="between 1 and 1441"):
        data.hold_out(data.load("digits"), examples)
