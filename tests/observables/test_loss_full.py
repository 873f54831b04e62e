"""The loss over all the data: by closed form, or summed in batches."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.landscape.batches import sum_examples
from soret.observables import State, full_loss

KEY = jax.random.key(1)


def state(params: Any) -> State:
    return State(params, (), jnp.int32(0))


def test_is_the_mean_over_every_example() -> None:
    """A batch of 2,048 where there are more; the last, incomplete batch lost or counted twice."""
    random = np.random.default_rng(0)
    data = soret.Dataset(
        "points", random.normal(size=(4099, 20)), np.arange(4099) % 3, tuple("abc")
    )
    problem = soret.problems.dense(hidden=(300,), data=data)
    params = problem.initial(KEY)
    assert isinstance(problem.data, soret.Dataset)
    expected = jax.jit(problem.batch_loss)(params, (problem.data.inputs, problem.data.labels))
    found = jax.jit(lambda p: full_loss(problem, state(p)))(params)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("most", [0, 1, 3, 7, 10, 11])
def test_sums_do_not_depend_on_the_batches(most: int) -> None:
    """An example lost between batches; whole numbers are summed without rounding."""
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    y = np.arange(10)
    found = jax.jit(
        lambda x, y: sum_examples(lambda p, x, y: {"a": p * x, "b": y * x[0]}, 2.0, x, y, most)
    )(x, y)
    np.testing.assert_array_equal(found["a"], 2 * x.sum(0))
    assert float(found["b"]) == float((y * x[:, 0]).sum())


def test_a_stream_without_closed_form_is_refused_before_anything_runs() -> None:
    """A loss over a batch that passes for the loss over all data."""
    with pytest.raises(SettingsError, match="draws from a stream"):
        soret.simulate(
            soret.problems.two_layer(), soret.SGD(0.1), observe=full_loss, steps=2, replicas=1
        )


@pytest.mark.parametrize(
    ("function", "message"),
    [(lambda p: p["W"], "must return a scalar"), (lambda p: p["none"], "fails")],
)
def test_a_closed_form_that_does_not_fit_is_refused(function: Any, message: str) -> None:
    problem = soret.problems.dense(inputs=2, hidden=())
    with pytest.raises(SettingsError, match=message):
        soret.Problem(
            init=lambda key: {"W": jnp.ones(2)},
            fixed_start=True,
            predict=lambda params, x: params["W"] @ x,
            loss="binary_cross_entropy",
            data=problem.data,
            full_loss=function,
        )
