"""Bad settings are found before anything is compiled, simulated or written, in one sentence."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soret
from soret.dynamics import arguments, plan
from soret.errors import SettingsError
from soret.observables import State, activation_rate, weight_norm

# The package's attribute of this name is the function.


def one_sentence(error: pytest.ExceptionInfo[SettingsError]) -> bool:
    """Whether an error is one sentence in one line."""
    message = str(error.value)
    return bool(re.fullmatch(r"[^\n]+[^.]\.", message)) and not re.search(r"\. [A-Z]", message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rate": 0}, "learning_rate is 0; it must be above 0"),
        ({"learning_rate": -0.1}, "learning_rate is -0.1"),
        ({"learning_rate": [0.1, 0]}, "learning_rate is 0"),
        ({"learning_rate": []}, "learning_rate is .*; a list needs at least one value"),
        ({"learning_rate": [0.1, 0.1]}, "none twice"),
        ({"learning_rate": [[0.1], [0.2]]}, "learning_rate is .*; it must be a number or a list"),
        ({"learning_rate": [[0.1], [0.2, 0.3]]}, "learning_rate is"),
        ({"learning_rate": "0.1"}, "learning_rate is '0.1'"),
        ({"learning_rate": None}, "learning_rate is None"),
        ({"learning_rate": True}, "learning_rate is True"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; it must be finite"),
        ({"learning_rate": [0.1, float("inf")]}, "it must be finite"),
        ({"learning_rate": 0.1j}, "learning_rate is 0.1j"),
        ({"batch_size": 0}, "batch_size is 0; it must be an integer of at least 1"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"batch_size": [4, -1]}, "batch_size is -1"),
        ({"momentum": 1}, r"momentum is 1; it must be in \[0, 1\)"),
        ({"momentum": -0.1}, "momentum is -0.1"),
        ({"weight_decay": -1e-9}, "weight_decay is -1e-09; it must be at least 0"),
        ({"nesterov": True}, "Nesterov momentum needs a momentum above 0"),
        ({"nesterov": True, "momentum": [0.0, 0.9]}, "Nesterov"),
        ({"sampling": "shuffle"}, "sampling 'shuffle' is unknown; use one of"),
    ],
)
def test_sgd_refuses(given: dict[str, Any], message: str) -> None:
    """A hyperparameter outside its range."""
    with pytest.raises(SettingsError, match=message) as error:
        soret.SGD(**{"learning_rate": 0.1, **given})
    assert one_sentence(error)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rate": [0.1, 0.1]}, "none twice"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ({"learning_rate": 0.1, "batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": 0.1, "sampling": "shuffle"}, "sampling 'shuffle' is unknown"),
        ({"learning_rate": 0.1, "beta": 0.9}, "the optimizer cannot be made"),
    ],
)
def test_optax_refuses(given: dict[str, Any], message: str) -> None:
    """A hyperparameter that the optimizer does not have, or out of range."""
    with pytest.raises(SettingsError, match=message):
        soret.Optax(optax.adam, **given)


@pytest.mark.parametrize("values", [np.array([0.1, 0.2]), (0.1, 0.2), [np.float64(0.1), 0.2]])
def test_any_sequence_is_an_axis(values: Any) -> None:
    """An array of learning rates, as numpy.geomspace makes them."""
    assert soret.SGD(values).learning_rate == (0.1, 0.2)


def test_learning_rates_that_float32_cannot_tell_apart_are_refused() -> None:
    """Two points of the grid with the same numbers and the same noise, taken for independent."""
    with pytest.raises(SettingsError, match="learning_rate"):
        soret.SGD([0.1, 0.1 + 1e-10])


@pytest.mark.parametrize("rate", [1e300, 1e-60])
def test_learning_rates_beyond_float32_are_refused(rate: float) -> None:
    """A learning rate that is infinite or zero once it reaches the program."""
    with pytest.raises(SettingsError, match="learning_rate"):
        soret.SGD(rate)


def step(problem: soret.Problem, state: State) -> jax.Array:
    """Return a value under a name that is taken."""
    return state.step


def learning_rate(problem: soret.Problem, state: State) -> jax.Array:
    """Return a value under the name of an axis."""
    return state.step


def fails(problem: soret.Problem, state: State) -> jax.Array:
    """Return what is not there."""
    return state.params["nothing"]


def no_array(problem: soret.Problem, state: State) -> Any:
    """Return no array."""
    return {"a": state.step}


DATA = soret.Dataset("points", np.ones((10, 2)), np.arange(10) % 2, ("a", "b"))
LINEAR = soret.Problem(
    init=lambda key: jnp.ones(2),
    fixed_start=True,
    predict=lambda params, x: params @ x,
    loss="mean_square",
    data=DATA,
    name="linear",
)
STREAM = soret.problems.two_layer(2, 2)

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no steps": ({"steps": 0}, "steps is 0; it must be an integer of at least 1"),
    "half a step": ({"steps": 10.0}, "steps is 10.0"),
    "true steps": ({"steps": True}, "steps is True"),
    "too many steps": ({"steps": 2**31}, "it must be below 2³¹"),
    "no replicas": ({"replicas": 0}, "replicas is 0"),
    "text for replicas": ({"replicas": "8"}, "replicas is '8'"),
    "no records": ({"record_every": 0}, "record_every is 0"),
    "records that miss the end": ({"record_every": 3}, "steps is 10, no multiple of record_every"),
    "empty blocks": ({"block_size": 0}, "block_size is 0"),
    "no workers": ({"workers": 0}, "workers is 0"),
    "half a worker": ({"workers": 1.5}, "workers is 1.5"),
    "no memory": ({"memory_limit": 0}, "memory_limit is 0"),
    "no devices": ({"devices": []}, "devices"),
    "negative seed": ({"seed": -1}, "seed is -1; it must be an integer from 0"),
    "large seed": ({"seed": 2**64}, "seed is 18446744073709551616"),
    "fractional seed": ({"seed": 1.5}, "seed is 1.5"),
    "text for a seed": ({"seed": "x"}, "seed is 'x'"),
    "nothing observed": ({"observe": []}, "observe is empty"),
    "none observed": ({"observe": None}, "observe"),
    "a number observed": ({"observe": 3}, "observe"),
    "a name observed": ({"observe": ["weight_norm"]}, "observe holds 'weight_norm'"),
    "nameless": ({"observe": lambda problem, state: state.step}, "'<lambda>'"),
    "observed twice": ({"observe": [weight_norm, weight_norm]}, "'weight_norm', which is taken"),
    "a taken name": ({"observe": step}, "'step', which is taken"),
    "the name of an axis": (
        {"observe": learning_rate, "algorithm": soret.SGD([0.1, 0.2])},
        "'learning_rate'",
    ),
    "an observable that fails": ({"observe": fails}, "observable 'fails' fails on problem"),
    "an observable of no array": ({"observe": no_array}, "observable 'no_array' fails"),
    "no hidden units": ({"problem": LINEAR, "observe": activation_rate}, "no hidden units"),
    "no output layer": ({"problem": LINEAR, "observe": weight_norm}, "no output layer"),
    "no problem": ({"problem": DATA}, "problem is a Dataset; use a soret.Problem"),
    "no algorithm": ({"algorithm": 0.1}, "algorithm is a float"),
    "an optax optimizer": ({"algorithm": optax.sgd(0.1)}, "use .*soret.Optax"),
    "sampling of a stream": (
        {"algorithm": soret.SGD(0.1, sampling="epochs")},
        "needs a finite data set",
    ),
    "too large a batch": (
        {
            "problem": LINEAR,
            "observe": soret.observables.loss,
            "algorithm": soret.SGD(0.1, batch_size=[5, 11], sampling="without_replacement"),
        },
        "batch_size 11 exceeds the 10 examples of points",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_simulate_refuses(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake found after minutes of compiling, or only once a folder was claimed."""

    def compiles(*_: Any) -> int:
        raise AssertionError("it was compiled before it was refused")

    monkeypatch.setattr(plan, "_compile", compiles)
    wrong, message = REFUSALS[name]
    right = {
        "problem": STREAM,
        "algorithm": soret.SGD(0.1),
        "observe": weight_norm,
        "steps": 10,
        "replicas": 2,
        "out": tmp_path / "run",
    }
    with pytest.raises(SettingsError, match=message) as error:
        soret.simulate(**{**right, **wrong})
    # What a function of the user's own raises is quoted as it is.
    assert one_sentence(error) or "fails on problem" in str(error.value)
    assert not (tmp_path / "run").exists()


def test_not_even_one_replica_fits(tmp_path: Path) -> None:
    """A process killed by the system in place of a sentence."""
    with pytest.raises(
        SettingsError, match=r"would take .* MiB of memory, where 1.0 MiB may"
    ) as error:
        soret.simulate(
            STREAM,
            soret.SGD(0.1),
            observe=weight_norm,
            steps=10,
            replicas=1,
            memory_limit=2**20,
            out=tmp_path / "run",
        )
    assert one_sentence(error)
    assert not (tmp_path / "run").exists()


@settings(max_examples=200, deadline=None)
@given(steps=st.integers(1, 10**6))
def test_default_records_divide_the_steps(steps: int) -> None:
    """A default that `simulate` itself would refuse, that skips the end, or that swamps the run."""
    best = max(n for n in range(1, max(1, steps // 100) + 1) if steps % n == 0)
    if steps // best > 1000:
        with pytest.raises(SettingsError, match="give record_every, or round steps to"):
            arguments.check_counts(steps, 1, None)
    else:
        assert arguments.check_counts(steps, 1, None) == best


def test_the_steps_proposed_for_a_prime_number_do() -> None:
    """Advice that is refused in turn."""
    with pytest.raises(SettingsError, match="round steps to 20,000"):
        arguments.check_counts(19_997, 1, None)
    assert arguments.check_counts(20_000, 1, None) == 200


@given(steps=st.integers(1, 10**4), every=st.integers(1, 10**4))
def test_records_are_taken_as_given(steps: int, every: int) -> None:
    """A spacing changed silently."""
    if steps % every:
        with pytest.raises(SettingsError, match="no multiple"):
            arguments.check_counts(steps, 1, every)
    else:
        assert arguments.check_counts(steps, 1, every) == every
