"""What a program is made from: the user's functions, traced as rarely as can be."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

import soret
from soret.dynamics import rounding
from soret.dynamics.programs import program
from soret.observables import State
from soret.problems import Problem

STILL = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, -2.0], strength=0.0)


def made(**given: Any) -> Any:
    experiment = soret.Experiment(
        problem=STILL, algorithm=soret.SGD([0.1, 0.2]), steps=64, replicas=4, **given
    )
    return program(experiment, experiment.groups[0], 8)


def test_an_observable_is_traced_once() -> None:
    """Catches: one trace for its shape, one at the start and one for the records after it."""
    traced = []

    def theta(problem: Problem, state: State) -> jax.Array:
        traced.append(state)
        return state.params

    one = made(observe=theta)
    assert len(traced) == 1
    assert one.record_shapes == {"theta": jax.ShapeDtypeStruct((2,), jnp.float32)}
    one.compile(jax.local_devices()[0])
    assert len(traced) == 1


def test_a_batch_is_drawn_in_few_traces() -> None:
    """Catches: a stream drawn anew for every shape that is asked for, which takes the most time."""
    traced = []

    class Counted(soret.data.Gaussian):
        def draw(self, key: Any, step: Any, n: int) -> Any:
            traced.append(n)
            return super().draw(key, step, n)

    problem = soret.problems.two_layer(data=Counted(3), hidden=2)
    experiment = soret.Experiment(
        problem=problem, algorithm=soret.SGD(0.1, batch_size=5), observe=theta, steps=64, replicas=4
    )
    assert len(traced) <= 2  # the problem's own checks
    traced.clear()
    program(experiment, experiment.groups[0], 4)
    assert traced == [5, 5]  # for shapes, which the length of a chunk follows from, and for steps


def theta(problem: Problem, state: State) -> jax.Array:
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(state.params)])


def test_points_share_what_tells_of_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: gradients and updates compiled anew for every point of the grid."""
    compiled = []

    class Compiled(rounding.Compiled):
        def __init__(self, function: Any, *shapes: Any, **options: Any) -> None:
            compiled.append(function)
            super().__init__(function, *shapes, **options)

    monkeypatch.setattr(rounding, "Compiled", Compiled)
    with pytest.warns(soret.RoundingWarning):
        run = soret.simulate(
            STILL, soret.SGD([1e-8, 1.5e-8, 2e-8]), observe=theta, steps=10_000, replicas=2
        )
    assert run.attrs["rounded_away"] == 1
    assert len(compiled) == 2
