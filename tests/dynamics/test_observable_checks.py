"""Observables that cannot be traced: one sentence, with the user's own line."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.observables import State

STILL = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, -2.0], strength=0.0)


def as_numpy(problem: soret.Problem, state: State) -> Any:
    return np.linalg.norm(state.params)


def as_float(problem: soret.Problem, state: State) -> Any:
    return float(state.params[0])


def branching(problem: soret.Problem, state: State) -> Any:
    return state.params[0] if state.params[0] > 0 else 0.0


def misspelt(problem: soret.Problem, state: State) -> Any:
    return state.parameters


def a_dict(problem: soret.Problem, state: State) -> Any:
    return {"one": state.params[0]}


def a_ragged_tuple(problem: soret.Problem, state: State) -> Any:
    return state.params[0], state.params


def nothing(problem: soret.Problem, state: State) -> Any:
    state.params.sum()


def curvature(problem: soret.Problem, state: State) -> Any:
    return soret.landscape.hessian(problem, state.params).top(1).values[0]


def noise(problem: soret.Problem, state: State) -> Any:
    return soret.landscape.gradient_noise(problem, state.params)


REFUSED: dict[Callable[..., Any], str] = {
    as_numpy: r"hands traced values to NumPy.*line \d+ of test_.*np\.linalg\.norm\(state",
    as_float: r"takes as a Python number.*float\(state",
    branching: r"branches in Python.*if state\.params",
    misspelt: r"has no attribute 'parameters'.*line \d+ of test_",
    a_dict: r"it returns a dict; an observable returns one number or array",
    a_ragged_tuple: r"it returns a tuple; an observable returns one",
    nothing: r"it returns a NoneType; an observable returns one",
    curvature: r"soret\.landscape measures at a point.*unflatten.*landscape\.hessian\(",
    noise: r"soret\.landscape measures at a point.*landscape\.gradient_noise\(",
}


@pytest.mark.parametrize("observable", REFUSED, ids=lambda function: function.__name__)
def test_one_sentence_with_the_users_line(observable: Callable[..., Any]) -> None:
    """Catches: many lines of JAX's own that name no line of the user's."""
    with pytest.raises(SettingsError, match=REFUSED[observable]) as error:
        soret.simulate(STILL, soret.SGD(0.1), observe=observable, steps=2, replicas=2)
    message = str(error.value)
    assert message.startswith(f"observable '{observable.__name__}' fails on problem 'surface': ")
    assert "\n" not in message
    assert message.endswith(".")


def test_a_tuple_of_numbers_is_an_array() -> None:
    def two(problem: soret.Problem, state: State) -> Any:
        return state.params[0], jnp.sum(state.params)

    run = soret.simulate(STILL, soret.SGD(0.1), observe=two, steps=1, replicas=1)
    np.testing.assert_allclose(run.two.values[0, 0], [1, -1])
