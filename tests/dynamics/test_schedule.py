"""Learning rates that change with the step, by themselves and over a grid of peaks."""

import json
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import soret
from soret.dynamics import rare_passages
from soret.errors import SettingsError
from soret.problems import ModelWarning

STILL = soret.problems.surface(lambda x: 0.5 * x @ x, start=[1.0, -2.0], strength=0.0)
PEAK = optax.warmup_cosine_decay_schedule(0.0, 1.0, 2, 6)


def walk(algorithm: soret.SGD, steps: int = 6) -> np.ndarray:
    run = soret.simulate(
        STILL,
        algorithm,
        observe=soret.observables.parameters,
        steps=steps,
        replicas=2,
        record_every=1,
    )
    return run.parameters.values[..., 0, :, 0]


def by_hand(rates: Any, momentum: float = 0.0, decay: float = 0.0) -> np.ndarray:
    at, velocity, path = 1.0, 0.0, [1.0]
    for rate in rates:
        velocity = momentum * velocity + at + decay * at
        at -= rate * velocity
        path.append(at)
    return np.array(path)


def some(cases: Any, *quick: str) -> list[Any]:
    """Return the names of cases, those but the quick ones marked slow: each compiles a run."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in cases]


SHAPES = {
    "optax": PEAK,
    "one over t": lambda step: 1 / (1 + step),
    "piecewise": optax.piecewise_constant_schedule(1.0, {2: 0.5, 4: 0.1}),
    "chosen": lambda step: jnp.where(step < 3, 1.0, 0.1),
}


@pytest.mark.parametrize("name", some(SHAPES, "optax", "chosen"))
def test_a_grid_of_peaks_has_one_shape(name: str) -> None:
    """Catches: a schedule that counts from another step, or that replaces the grid's rates."""
    shape = SHAPES[name]
    factors = [float(shape(jnp.int32(step))) for step in range(6)]
    found = walk(soret.SGD(learning_rate=[0.1, 0.2], schedule=shape))
    for row, peak in zip(found, (0.1, 0.2), strict=True):
        np.testing.assert_allclose(row, by_hand([peak * f for f in factors]), rtol=1e-5)


@pytest.mark.parametrize("given", [{"momentum": 0.9, "weight_decay": 0.1}])
def test_a_rate_that_is_a_function(given: dict[str, float]) -> None:
    """Catches: momentum that is scaled by another step's rate than PyTorch's."""
    shape = optax.linear_schedule(0.2, 0.0, 6)
    rates = [float(shape(step)) for step in range(6)]
    expected = by_hand(rates, given.get("momentum", 0.0), given.get("weight_decay", 0.0))
    np.testing.assert_allclose(walk(soret.SGD(shape, **given)), expected, rtol=1e-5)


def test_velocity_is_observed_with_a_schedule_too() -> None:
    """Catches: an observable of the velocity that does not know it beside a count."""
    run = soret.simulate(
        STILL,
        soret.SGD(0.1, momentum=0.5, schedule=PEAK),
        observe=soret.observables.squared_velocity,
        steps=2,
        replicas=1,
        record_every=1,
    )
    # The first step has rate zero, so both gradients are (1, −2).
    np.testing.assert_allclose(run.squared_velocity.values[0], [0, 5, 5 * 1.5**2], rtol=1e-6)


def test_without_a_schedule_nothing_is_counted() -> None:
    """Catches: another program, and other numbers, for runs that have no schedule."""
    params = jnp.ones(2)
    for momentum, state in ((0.0, ()), (0.9, np.zeros(2))):
        sgd = soret.SGD(0.1, momentum=momentum)
        point = {"learning_rate": 0.1, "batch_size": 1, "momentum": momentum, "weight_decay": 0.0}
        started = sgd.start(params, point, sgd.structure(point))
        assert jax.tree.structure(started) == jax.tree.structure(state)


REFUSED = {
    "a branch": ({"learning_rate": lambda k: 0.1 if k < 3 else 0.2}, "branches in Python"),
    "a vector": ({"learning_rate": lambda k: jnp.ones(2)}, "must return a number"),
    "negative": ({"learning_rate": lambda k: -0.1 + 0 * k}, "-0.1 at step 0"),
    "several": ({"learning_rate": [PEAK, PEAK]}, "list of functions.*schedule="),
    "twice": ({"learning_rate": PEAK, "schedule": PEAK}, "both learning_rate and schedule"),
    "a number": ({"learning_rate": 0.1, "schedule": 0.5}, "schedule is 0.5; it must be a function"),
    "of momentum": ({"learning_rate": 0.1, "momentum": PEAK}, "momentum is a function.*inject"),
    "that fails": ({"learning_rate": lambda k: k + None}, "function of the step that fails"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_when_made(name: str) -> None:
    """Catches: a schedule that ends a run with an error of JAX's own."""
    given, message = REFUSED[name]
    with pytest.raises(SettingsError, match=message):
        soret.SGD(**given)


def test_rates_of_passage_want_a_constant_rate() -> None:
    """Catches: a rate of a process that is not stationary."""
    for algorithm in (
        soret.SGD(0.1, schedule=PEAK),
        soret.SGD(PEAK),
        soret.Optax(optax.adam(PEAK)),
        soret.Optax(lambda peak: optax.sgd(optax.linear_schedule(peak, 0.0, 9)), peak=0.1),
        soret.Optax(optax.inject_hyperparams(optax.sgd)(PEAK)),
        soret.Optax(optax.masked(optax.sgd(PEAK), True)),
    ):
        with pytest.raises(SettingsError, match="constant learning rate"):
            rare_passages(STILL, algorithm, soret.observables.loss, [1.0, 2.0], core=0.5)


def test_a_schedule_is_in_the_description() -> None:
    """Catches: two runs of different schedules that say the same of themselves."""
    made = [optax.linear_schedule(1.0, 0.0, n) for n in (10, 20)]
    said = [json.dumps(soret.SGD(0.1, schedule=shape).description) for shape in made]
    said += [json.dumps(soret.SGD(shape).description) for shape in made]
    assert len(set(said)) == 4
    assert all("linear_schedule" in words or "polynomial_schedule" in words for words in said)


WRONG_LATER = {
    "crosses zero": (optax.linear_schedule(0.1, -0.1, 100), 400, "-0.002 at step 51"),
    "a root": (lambda k: 0.1 * jnp.sqrt(1 - k / 20), 40, "nan at step 2[01]"),
    "infinite": (lambda k: 1 / (8.0 - k), 9, "inf at step 8"),
    "the last of many": (
        lambda k: jnp.where(k == 3_999_999, -1.0, 0.1),
        4_000_000,
        "-1 at step 3,999,999",
    ),
}


@pytest.mark.parametrize("role", ["learning_rate", "schedule"])
@pytest.mark.parametrize("name", WRONG_LATER)
def test_every_step_of_a_run_is_looked_at(name: str, role: str) -> None:
    """Catches: ascent of the gradient, or NaN taken for a divergence, after a good first step."""
    shape, steps, message = WRONG_LATER[name]
    algorithm = soret.SGD(shape) if role == "learning_rate" else soret.SGD(0.1, schedule=shape)
    with pytest.raises(SettingsError, match=f"{role} is {message}; it must be at least 0"):
        soret.simulate(
            STILL, algorithm, observe=soret.observables.loss, steps=steps, record_every=steps
        )


@pytest.mark.parametrize(
    "shape",
    [
        optax.linear_schedule(1.0, 0.0, 70),
        optax.cosine_decay_schedule(1.0, 71),
        optax.polynomial_schedule(1.0, 0.0, 3, 33),
        lambda k: 1,
    ],
)
def test_rates_that_end_at_zero_are_right(shape: Any) -> None:
    """Catches: a zero that rounding makes a little negative, refused or warned of."""
    with warnings.catch_warnings(action="error"):
        soret.SGD(0.1, schedule=shape).check_steps(100)
        soret.SGD(shape).check_steps(100)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (optax.cosine_decay_schedule(0.1, 200), "is 0.1: .* says 0.1, 0.2, .* used is 0.01, 0.02"),
        (optax.constant_schedule(3.0), "is 3: .* used is 0.3, 0.6"),
        (optax.linear_schedule(0.0, 1.0, 1000), "is 0.2: .* used is 0.02, 0.04"),
    ],
)
def test_a_factor_that_does_not_peak_at_one_is_warned_of(shape: Any, said: str) -> None:
    """Catches: an axis of learning rates of which none is used."""
    with pytest.warns(ModelWarning, match=said):
        soret.SGD([0.1, 0.2], schedule=shape).check_steps(201)
