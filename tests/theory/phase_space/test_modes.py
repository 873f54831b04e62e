"""Modes: their noise, and what they refuse."""

import pytest

from soret.errors import OutsideDomain
from soret.theory.phase_space import (
    Modes,
)


def test_without_replacement_noise_is_less():
    """(N − S)/(S(N − 1)): none for the whole data set, 1/S for N without end."""
    whole = Modes([1.0], [1.0], 0.1, 10, examples=10)
    assert whole.step_noise[0] == 0
    assert Modes([1.0], [1.0], 0.1, 1, examples=10).step_noise[0] == 1
    assert Modes([1.0], [1.0], 0.1, 5, examples=10**9).step_noise[0] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"learning_rate": 2.0}, "unstable"),
        ({"learning_rate": 1.9, "weight_decay": 0.2}, "unstable"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"batch_size": 0}, "batch_size"),
        ({"noise": [1.0, 2.0]}, "noise"),
        ({"curvature": [-1.0]}, "curvature"),
        ({"batch_size": 5, "examples": 4}, "examples"),
    ],
)
def test_arguments_outside_the_domain_are_refused(changed, message):
    """A number where the law does not exist."""
    with pytest.raises(OutsideDomain, match=message):
        Modes(**({"curvature": [1.0], "noise": [1.0], "learning_rate": 0.1} | changed))


def test_some_modes_keep_what_is_theirs():
    """Catches: curvatures chosen and noises or minima not."""
    m = Modes([3.0, 2.0, 1.0], [0.3, 0.2, 0.1], 0.1, 4, 0.5, 0.01, minimum=[7.0, 8.0, 9.0])
    some = m.some([2, 0])
    assert some.h.tolist() == [1.0, 3.0]
    assert some.c.tolist() == [0.1, 0.3]
    assert some.centre.tolist() == m.centre[[2, 0]].tolist()
    assert (some.learning_rate, some.batch_size, some.momentum) == (0.1, 4, 0.5)
