"""State of a model is not trained: Flax, Haiku, Equinox, and parts that the user holds fixed."""

from typing import Any

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn
from flax import nnx

import soret
from soret.errors import SettingsError

RNG = np.random.default_rng(3)
DATA = soret.Dataset("points", RNG.normal(size=(12, 3)), np.arange(12) % 2, ("no", "yes"))
KEY = jax.random.key(4)


class Normalized(nn.Module):
    """A layer, batch normalization by running averages, a layer."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(1)(nn.BatchNorm(use_running_average=True)(nn.Dense(4)(x)))


class NormalizedNnx(nnx.Module):
    """The same in NNX, with a dropout layer that keeps a key."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(3, 4, rngs=rngs)
        self.norm = nnx.BatchNorm(4, use_running_average=True, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, deterministic=True, rngs=rngs)
        self.last = nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.dropout(self.norm(self.first(x))))


class NormalizedEquinox(eqx.Module):
    """The same in Equinox, whose state is handed about."""

    first: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    last: eqx.nn.Linear

    def __init__(self, key: jax.Array) -> None:
        one, two = jax.random.split(key)
        self.first = eqx.nn.Linear(3, 4, key=one)
        self.norm = eqx.nn.BatchNorm(4, axis_name="batch", mode="ema", inference=True)
        self.last = eqx.nn.Linear(4, 1, key=two)

    def __call__(self, x: jax.Array, state: eqx.nn.State) -> jax.Array:
        normalized, _ = self.norm(self.first(x), state)
        return self.last(normalized)


def of_haiku() -> tuple[Any, Any]:
    def run(x: jax.Array, training: bool) -> jax.Array:
        norm = hk.BatchNorm(True, True, decay_rate=0.9)
        return hk.Linear(1)(norm(hk.Linear(4)(x)[None], is_training=training)[0])

    transformed = hk.transform_with_state(run)
    example = np.zeros(3, np.float32)
    return (
        lambda key: transformed.init(key, example, True),
        lambda both, x: transformed.apply(*both, None, x, False)[0],
    )


def problem(init: Any, predict: Any, **given: Any) -> soret.Problem:
    return soret.Problem(init, predict, "binary_cross_entropy", DATA, **given)


def linen(**given: Any) -> soret.Problem:
    net = Normalized()
    return problem(net.init, net.apply, **given)


def haiku() -> soret.Problem:
    init, predict = of_haiku()
    return problem(init, predict, trainable=lambda both: (True, False))


MODELS = {
    "linen": linen,
    "NNX": lambda: problem(lambda key: NormalizedNnx(nnx.Rngs(key)), lambda net, x: net(x)),
    "Equinox": lambda: problem(
        eqx.nn.make_with_state(NormalizedEquinox), lambda both, x: both[0](x, both[1])
    ),
    "Haiku": haiku,
}


@pytest.mark.parametrize("name", MODELS)
def test_running_averages_are_no_parameters(name: str) -> None:
    """Catches: a variance that SGD walks away with, and rows of the Hessian for it."""
    own = MODELS[name]()
    params = drawn(own)
    # Two layers of 16 and 5, and scale and shift of 4 units.
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 29
    assert soret.landscape.hessian(own, params).size == 29


@pytest.mark.parametrize("name", ["linen", pytest.param("Haiku", marks=pytest.mark.slow)])
def test_what_is_recorded_comes_back_with_its_state(name: str) -> None:
    """Catches: a model made of recorded parameters that has lost its running averages."""
    own = MODELS[name]()
    run = soret.simulate(
        own,
        soret.SGD(0.1),
        observe=soret.observables.parameters,
        steps=4,
        replicas=1,
        record_every=4,
    )
    assert run.parameters.shape[-1] == 29
    whole = own.unflatten(run.parameters.values[0, -1])
    x = jnp.asarray(DATA.inputs[0])
    # Compiled: one operation at a time takes much longer.
    found, wanted = jax.jit(lambda moving, whole: (own.output(moving, x), own.predict(whole, x)))(
        own.moving(whole), whole
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    found = soret.landscape.gradient_noise(own, whole)
    assert found.size == 29
    if name == "linen":
        np.testing.assert_array_equal(whole["batch_stats"]["BatchNorm_0"]["var"], 1)


def test_a_collection_that_may_be_either_is_refused_until_it_is_said() -> None:
    """Catches: parameters in a collection of the user's own that are silently not trained."""

    def init(key: jax.Array) -> dict[str, dict[str, jax.Array]]:
        return {"params": {"w": jax.random.normal(key, (3,))}, "scales": {"s": jnp.ones(3)}}

    def predict(v: Any, x: jax.Array) -> jax.Array:
        return v["params"]["w"] @ (v["scales"]["s"] * x)

    with pytest.raises(SettingsError, match=r"'scales' beside 'params'.*trainable"):
        problem(init, predict)
    both = problem(init, predict, trainable=lambda v: True)
    one = problem(init, predict, trainable=lambda v: {**dict.fromkeys(v, False), "params": True})
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(drawn(p))) for p in (both, one)]
    assert sizes == [6, 3]


@pytest.mark.parametrize("frozen", ["w", pytest.param("v", marks=pytest.mark.slow)])
def test_frozen_parts_neither_move_nor_differ(frozen: str) -> None:
    """Catches: a layer held fixed that weight decay shrinks, or that each replica draws anew."""

    def init(key: jax.Array) -> dict[str, jax.Array]:
        one, two = jax.random.split(key)
        return {"w": jax.random.normal(one, (4, 3)), "v": jax.random.normal(two, (4,))}

    own = problem(
        init,
        lambda p, x: p["v"] @ jnp.tanh(p["w"] @ x),
        trainable=lambda p: {name: name != frozen for name in p},
    )

    def held(problem: soret.Problem, state: soret.observables.State) -> jax.Array:
        return problem.model(state.params)[frozen].reshape(-1)

    run = soret.simulate(
        own, soret.SGD(0.1, weight_decay=0.1), observe=held, steps=3, replicas=2, record_every=3
    )
    assert np.ptp(run.held.values, axis=(0, 1)).max() == 0
    assert own.initial(KEY)[frozen] is None


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        (lambda p: {"w": 1}, "returns 1 for a part"),
        (lambda p: {"other": True}, "in another order"),
        (lambda p: False, "no floating-point array that SGD may move"),
    ],
    ids=["a number", "another tree", "nothing"],
)
def test_wrong_words_on_what_is_trainable(trainable: Any, message: str) -> None:
    """Catches: a mask that fits nothing and trains everything."""
    with pytest.raises(SettingsError, match=message):
        problem(
            lambda key: {"w": jax.random.normal(key, (3,))},
            lambda p, x: p["w"] @ x,
            trainable=trainable,
        )


def test_init_is_given_an_example_where_it_asks_for_one() -> None:
    """Catches: ``module.init`` handed over as documented, refused for want of an input."""
    dense = nn.Dense(1)
    transformed = hk.without_apply_rng(hk.transform(lambda x: hk.Linear(1)(x)))
    for init, predict in (
        (dense.init, dense.apply),
        (transformed.init, transformed.apply),
        (lambda key, x: {"w": jax.random.normal(key, x.shape)}, lambda p, x: p["w"] @ x),
    ):
        own = problem(init, predict)
        assert soret.landscape.hessian(own, drawn(own)).size in (3, 4)


def test_init_that_fails_with_an_example_too() -> None:
    """Catches: an error that says only half of what was tried."""
    with pytest.raises(SettingsError, match=r"init\(key\).*missing.*init\(key, example\).*shape"):
        problem(lambda key, x, other: x, lambda p, x: x)


@pytest.mark.parametrize("given", ["of another problem", "with a leaf less"])
def test_parameters_of_another_structure_are_refused(given: str) -> None:
    """Catches: parts of one model taken for another's."""
    own = linen()
    params = drawn(own)
    other = {"w": jnp.ones(3)} if given == "of another problem" else {"params": params["params"]}
    with pytest.raises(SettingsError, match="params have the structure"):
        soret.landscape.hessian(own, other)
