"""Models with parts that cannot be traced, mapped or differentiated: found when they are given."""

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback

import soret
from soret.data import FromFunction
from soret.errors import SettingsError
from soret.problems import ModelWarning

RNG = np.random.default_rng(8)
DATA = soret.Dataset("points", RNG.normal(size=(12, 3)), np.arange(12) % 2, ("no", "yes"))
SCALAR = jax.ShapeDtypeStruct((), jnp.float32)


def init(key: jax.Array) -> dict[str, jax.Array]:
    return {"w": jax.random.normal(key, (3,))}


def problem(predict: Callable[..., Any], **changed: Any) -> soret.Problem:
    given = {"init": init, "predict": predict, "loss": "mean_square", "data": DATA, **changed}
    return soret.Problem(**given)


def score(params: Any, x: jax.Array) -> jax.Array:
    return params["w"] @ x


@jax.custom_vjp
def without_rule(x: jax.Array) -> jax.Array:
    return x**2


@jax.custom_vjp
def with_a_wrong_rule(x: jax.Array) -> jax.Array:
    return x**2


with_a_wrong_rule.defvjp(lambda x: (x**2, x), lambda kept, g: (g, kept))


@jax.custom_jvp
def without_jvp(x: jax.Array) -> jax.Array:
    return x**2


def until_ten(x: jax.Array) -> jax.Array:
    return jax.lax.while_loop(lambda c: c < 10, lambda c: 1.5 * c + 1, x)


REFUSED = {
    "branch": (lambda p, x: score(p, x) if x[0] > 0 else 0.0, "branches in Python.*if x.0. > 0"),
    "and": (lambda p, x: score(p, x) * (x[0] > 0 and x[1] > 0), "branches in Python"),
    "numpy": (lambda p, x: np.tanh(score(p, x)), "hands traced values to NumPy.*np.tanh"),
    "float": (lambda p, x: float(score(p, x)), "as a Python number.*keep it an array"),
    "range": (lambda p, x: sum(p["w"][i] for i in range(x[0].astype(int))), "Python integer"),
    "boolean index": (lambda p, x: jnp.sum(p["w"][x > 0]), "selects by a mask.*jnp.where"),
    "loop": (lambda p, x: until_ten(score(p, x)), "a loop.*test_model_checks.*has no reverse"),
    "no vjp": (lambda p, x: without_rule(score(p, x)), "custom_vjp function without_rule"),
    "wrong vjp": (lambda p, x: with_a_wrong_rule(score(p, x)), "with_a_wrong_rule.*of its own"),
    "no jvp": (lambda p, x: without_jvp(score(p, x)), "custom_jvp function without_jvp"),
    "pure callback": (
        lambda p, x: jax.pure_callback(np.tanh, SCALAR, score(p, x)),
        "call back into Python .pure_callback",
    ),
    "callback": (
        lambda p, x: io_callback(np.tanh, SCALAR, score(p, x)),
        "call back into Python .io_callback",
    ),
    "a pair": (lambda p, x: (score(p, x), 1), "returns a tuple.*one array"),
    "a dict": (lambda p, x: {"logits": score(p, x)}, "returns a dict.*one array"),
    "nothing": (lambda p, x: None, "returns a NoneType"),
    "classes": (lambda p, x: jnp.argmax(p["w"] * x), "returns int32.*scores, not classes"),
    "a decision": (lambda p, x: score(p, x) > 0, "returns bool"),
    "a batch": (lambda p, x: jnp.einsum("bi,i->b", x, p["w"]), r"takes a batch.*x\[None\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_when_made_with_the_part_named(name: str) -> None:
    """Catches: an error of JAX's own in the middle of a run, of ten lines that name no part."""
    predict, message = REFUSED[name]
    with pytest.raises(SettingsError, match=message) as raised:
        problem(predict)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


ARRAYS = {
    "bfloat16": (lambda key: {"w": jnp.ones(3, jnp.bfloat16)}, r"bfloat16 at \['w'\].*cast"),
    "complex": (lambda key: {"a": {"w": jnp.ones(3, jnp.complex64)}}, r"\['a'\]\['w'\].*imaginary"),
    "empty": (lambda key: {"w": jnp.ones(3), "e": jnp.ones((0, 2))}, r"\(0, 2\) at \['e'\]"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_no_ensemble_holds(name: str) -> None:
    """Catches: parameters of another type, of which the message does not say which."""
    made, message = ARRAYS[name]
    with pytest.raises(SettingsError, match=message):
        problem(score, init=made)


FLAT = {
    "round": lambda p, x: jnp.round(score(p, x)),
    "sign": lambda p, x: jnp.sign(score(p, x)),
    "stop_gradient": lambda p, x: jax.lax.stop_gradient(score(p, x)),
    "comparison": lambda p, x: (score(p, x) > 0).astype(jnp.float32),
    "argmax": lambda p, x: jnp.argmax(p["w"] * x).astype(jnp.float32),
    "compiled": jax.jit(lambda p, x: jnp.floor(score(p, x))),
}


@pytest.mark.parametrize("name", FLAT)
def test_outputs_without_a_derivative_are_warned_of(name: str) -> None:
    """Catches: a run in which nothing moves, and nobody is told."""
    with pytest.warns(ModelWarning, match="gradient of problem 'problem' is zero everywhere"):
        problem(FLAT[name])


KEYS = {"typed": jax.random.key(7), "words": jax.random.PRNGKey(7)}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_in_a_closure_is_one_constant(kind: str) -> None:
    """Catches: noise that is the same at every step; an error of NumPy's about typed keys."""
    key = KEYS[kind]
    with pytest.warns(ModelWarning, match="random numbers .*always the same.*FromFunction") as told:
        own = problem(lambda p, x: score(p, x) + jax.random.normal(key))
    assert told[0].filename == __file__
    noise = float(jax.random.normal(key))
    run = soret.simulate(
        own, soret.SGD(0.1), observe=soret.observables.loss, steps=2, replicas=2, record_every=2
    )
    assert np.isfinite(run.loss).all()
    x = jnp.ones(3)
    assert float(own.output({"w": x}, x)) == pytest.approx(3 + noise, rel=1e-6)


def test_noise_from_the_data_is_no_constant() -> None:
    """Catches: a warning of dropout whose key comes with each example, which is sound."""

    def sample(key: jax.Array) -> tuple[tuple[jax.Array, ...] | jax.Array, jax.Array]:
        one, two = jax.random.split(key)
        words = jax.random.bits(two, (2,)) >> 8
        drawn = jax.random.normal(one, (3,))
        return jnp.concatenate([drawn, words.astype(jnp.float32)]), drawn.sum()

    def predict(p: Any, x: jax.Array) -> jax.Array:
        kept = jax.random.bernoulli(jax.random.wrap_key_data(x[3:].astype(jnp.uint32)), 0.5, (3,))
        return score(p, jnp.where(kept, x[:3], 0))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem(predict, data=FromFunction(sample))


def test_numbers_of_numpy_are_drawn_once() -> None:
    """Catches: ``np.random`` in a model, one draw of which is compiled into the run."""
    random = np.random.default_rng(0)
    own = problem(lambda p, x: score(p, x) + random.normal())
    with pytest.warns(ModelWarning, match="another program each time.*NumPy"):
        soret.dynamics.check(own, soret.SGD(0.1), observe=soret.observables.loss, steps=1)


STARTS = {
    "ones": (lambda key: {"w": jnp.ones(3)}, True),
    "an own seed": (lambda key: {"w": jax.random.normal(jax.random.key(0), (3,))}, True),
    "a key split and left": (lambda key: (jax.random.split(key), {"w": jnp.zeros(3)})[1], True),
    "a compiled one": (jax.jit(lambda key: {"w": jnp.zeros(3)}), True),
    "drawn": (init, False),
    "drawn and compiled": (jax.jit(init), False),
    "zeros and drawn": (lambda key: {"b": jnp.zeros(3), **init(key)}, False),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_key_of_init_that_is_not_used(name: str) -> None:
    """Catches: an ensemble of replicas that all start from one place, unasked."""
    start, alike = STARTS[name]
    own = problem(score, init=start)

    def check(own: soret.Problem, **given: Any) -> list[Any]:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            observe = soret.observables.loss
            soret.dynamics.check(own, soret.SGD(0.1), observe=observe, steps=1, **given)
        return [warning for warning in told if "does not use its key" in str(warning.message)]

    assert len(check(own)) == alike
    assert not check(own, replicas=1)
    assert not check(problem(score, init=start, fixed_start=True))


@pytest.mark.parametrize(
    "made",
    [
        lambda: soret.problems.surface(lambda x: x @ x, start=[1.0, 2.0]),
        lambda: soret.problems.linear_regression(3, 20),
        lambda: soret.problems.starting_from(problem(score), np.ones((1, 3))),
        lambda: soret.problems.two_layer(3, 4),
        lambda: soret.problems.dense(hidden=(3,), inputs=3),
    ],
    ids=["surface", "linear regression", "starting from", "two layers", "dense"],
)
def test_problems_of_the_house_are_not_warned_of(made: Callable[[], soret.Problem]) -> None:
    """Catches: a warning of what is meant."""
    observe = soret.observables.loss
    soret.dynamics.check(made(), soret.SGD(0.1), observe=observe, steps=1)
