"""Accuracy over a number of examples, as the loss."""

from typing import Any

import jax
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.errors import SettingsError
from soret.observables import State, accuracy_over

RNG = np.random.default_rng(0)
DATA = soret.Dataset("p", RNG.normal(size=(90, 3)), np.arange(90) % 3, tuple("abc"))
NETS = {"data set": soret.problems.dense(hidden=4, data=DATA), "stream": soret.problems.dense()}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("number", [1, 50, np.int64(70)])
def test_over_a_number_of_examples(name: str, number: Any) -> None:
    """Catches: a number that is taken for the one example it counts to, or refused."""
    problem = NETS[name]
    params = drawn(problem)
    state = State(params, (), np.int32(0))  # type: ignore[arg-type]
    inputs, labels = problem.evaluation_batch(number)
    # Compiled: one operation at a time takes much longer.
    outputs, found = jax.jit(
        lambda p, s: (
            jax.vmap(problem.output, in_axes=(None, 0))(p, inputs),
            accuracy_over(number)(problem, s),
        )
    )(params, state)
    outputs = np.asarray(outputs)
    guess = outputs > 0 if outputs.ndim == 1 else outputs.argmax(axis=1)
    assert float(found) == pytest.approx(float(np.mean(guess == labels)), abs=1e-6)


@pytest.mark.parametrize("chosen", [0, -3, np.zeros((2, 2), int)])
def test_refused(chosen: Any) -> None:
    with pytest.raises(SettingsError, match="chosen"):
        accuracy_over(chosen)
