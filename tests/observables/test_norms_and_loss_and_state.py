"""Norms, loss and accuracy, and the names that their axes carry."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.observables import State, accuracy, label, loss, parameter_norm, weight_norm
from soret.observables.state import attributes, name

RNG = np.random.default_rng(5)


def state(params: object) -> State:
    return State(jax.tree.map(jnp.asarray, params), (), jnp.int32(0))


def measured(observable: Any, problem: soret.Problem, params: object) -> float:
    """Measure, compiled: one operation at a time takes much longer."""
    return float(jax.jit(lambda s: observable(problem, s))(state(params)))


def net(classes: int) -> tuple[soret.Problem, dict[str, np.ndarray], np.ndarray]:
    """Return a problem, parameters, and the outputs on its data by NumPy."""
    names = tuple(str(i) for i in range(classes))
    data = soret.Dataset("points", RNG.normal(size=(30, 4)), np.arange(30) % classes, names)
    problem = soret.problems.two_layer(hidden=5, data=data)
    shape = (5,) if classes == 2 else (classes, 5)
    params = {
        "W": RNG.normal(size=(5, 4)).astype(np.float32),
        "b": RNG.normal(size=5).astype(np.float32),
        "V": RNG.normal(size=shape).astype(np.float32),
    }
    assert isinstance(problem.data, soret.Dataset)
    hidden = np.maximum(problem.data.inputs @ params["W"].T + params["b"], 0)
    return problem, params, hidden @ params["V"].T


@pytest.mark.parametrize("classes", [2, 3])
def test_weight_norm_is_of_the_output_layer(classes: int) -> None:
    """A norm of another layer, or the spectral norm of a matrix."""
    problem, params, _ = net(classes)
    expected = np.sqrt((params["V"].astype(float) ** 2).sum())
    assert measured(weight_norm, problem, params) == pytest.approx(expected, rel=1e-6)


def test_parameter_norm_is_of_everything() -> None:
    """A parameter left out."""
    problem, params, _ = net(2)
    expected = np.sqrt(sum((p.astype(float) ** 2).sum() for p in params.values()))
    assert measured(parameter_norm, problem, params) == pytest.approx(expected, rel=1e-6)


def test_weight_norm_needs_an_output_layer() -> None:
    """A norm of something else in its place."""
    problem, _, _ = net(2)
    with pytest.raises(SettingsError, match="has no output layer V; use parameter_norm instead"):
        weight_norm(problem, state({"W": jnp.ones(3)}))


@pytest.mark.parametrize("classes", [2, 3])
def test_loss_and_accuracy_over_the_data(classes: int) -> None:
    """A measurement on other examples, labels or outputs than the problem's own."""
    problem, params, outputs = net(classes)
    labels = np.arange(30) % classes
    if classes == 2:
        expected = np.mean(np.logaddexp(0, outputs) - labels * outputs)
        right = (outputs > 0) == labels
    else:
        expected = np.mean(np.logaddexp.reduce(outputs, axis=1) - outputs[np.arange(30), labels])
        right = outputs.argmax(axis=1) == labels
    assert measured(loss, problem, params) == pytest.approx(expected, rel=1e-5)
    assert measured(accuracy, problem, params) == pytest.approx(right.mean(), abs=1e-6)


def test_accuracy_of_an_output_of_length_one() -> None:
    """A single score in an array, judged by argmax, which is always 0."""
    data = soret.Dataset("points", [[1.0], [2.0], [-1.0], [-2.0]], [1, 1, 0, 1], ("a", "b"))
    problem = soret.Problem(
        init=lambda key: jnp.ones(1),
        fixed_start=True,
        predict=lambda params, x: params * x,
        loss="binary_cross_entropy",
        data=data,
    )
    assert measured(accuracy, problem, jnp.ones(1)) == 0.75


def test_names_and_units() -> None:
    """An axis without a name."""

    def drift_speed(problem: soret.Problem, state: State) -> jax.Array:
        return jnp.float32(0)

    assert attributes(drift_speed) == {"long_name": "drift speed", "units": "dimensionless"}
    labelled = label("speed of drift", "1/step")(drift_speed)
    assert attributes(labelled) == {"long_name": "speed of drift", "units": "1/step"}
    assert attributes(loss) == {"long_name": "loss", "units": "nats"}
    assert name(functools.partial(drift_speed)) == "partial"
