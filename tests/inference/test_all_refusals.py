"""Questions about motions that have no answer are refused."""

import numpy as np
import pytest

from soret.errors import InferenceError
from soret.inference import (
    isotropy,
    oscillation,
    squared_displacement,
    stationarity,
)


@pytest.mark.parametrize(
    "call",
    [
        lambda: squared_displacement(np.zeros((2, 5, 1)), [5]),
        lambda: squared_displacement(np.zeros((2, 5)), [1]),
        lambda: squared_displacement(np.zeros((2, 5, 1)), [0]),
        lambda: squared_displacement(np.full((2, 5, 1), np.nan), [1]),
        lambda: oscillation(np.zeros((20, 50))),
        lambda: oscillation(np.zeros((1, 50))),
        lambda: oscillation(np.zeros((20, 5))),
        lambda: isotropy(np.ones(3), np.ones((4, 4, 2))),
        lambda: stationarity(np.ones((2, 10))),
        lambda: stationarity(-np.ones((5, 10))),
    ],
)
def test_questions_without_answers_are_refused(call):
    """A number made of nothing."""
    with pytest.raises(InferenceError):
        call()
