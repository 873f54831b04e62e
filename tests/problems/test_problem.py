"""Problems of the user's own: what is accepted, how it is held, and what is refused at once."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.data import FromFunction, Gaussian
from soret.errors import SettingsError

RNG = np.random.default_rng(8)
DATA = soret.Dataset("points", RNG.normal(size=(12, 3)), np.arange(12) % 2, ("no", "yes"))
KEY = jax.random.key(4)


def init(key: jax.Array) -> dict[str, jax.Array]:
    return {"w": jax.random.normal(key, (3,))}


def predict(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    return params["w"] @ x


def problem(**changed: Any) -> soret.Problem:
    return soret.Problem(
        **{"init": init, "predict": predict, "loss": "mean_square", "data": DATA, **changed}
    )


class Net(eqx.Module):
    """A module with everything a module can hold."""

    layers: eqx.nn.MLP
    scale: float
    name: str = eqx.field(static=True)
    activation: Callable[[jax.Array], jax.Array]

    def __init__(self, key: jax.Array) -> None:
        self.layers = eqx.nn.MLP(3, "scalar", width_size=4, depth=1, key=key)
        self.scale, self.name, self.activation = 2.0, "net", jnp.tanh

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.scale * self.activation(self.layers(x))


class TestPlainFunctions:
    def test_loss_of_one_example(self) -> None:
        """An output, or a label, that does not reach the loss."""
        params, x, y = {"w": jnp.array([1.0, 2.0, 3.0])}, jnp.array([1.0, 1.0, 2.0]), jnp.array(1)
        assert float(problem().output(params, x)) == 9.0
        assert float(problem().example_loss(params, x, y)) == 32.0

    def test_parameters_survive_being_recorded(self) -> None:
        """Leaves in another order, or a vector of the wrong length cut to fit."""
        net = soret.problems.dense(hidden=(4,), data=DATA)
        params = drawn(net)
        state = soret.observables.State(params, (), jnp.int32(0))
        vector = soret.observables.parameters(net, state)
        again = net.unflatten(np.asarray(vector))
        assert jax.tree.structure(again) == jax.tree.structure(params)
        for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(params), strict=True):
            np.testing.assert_array_equal(one, other)
        with pytest.raises(SettingsError, match="has 21 parameters"):
            net.unflatten(np.zeros(20))

    def test_loss_of_a_batch_is_the_mean(self) -> None:
        """A sum in place of a mean would multiply the learning rate by B."""
        params = drawn(problem())
        batch = (jnp.asarray(DATA.inputs), jnp.asarray(DATA.labels))
        w = np.asarray(params["w"], np.float64)
        expected = 0.5 * ((DATA.inputs @ w - DATA.labels) ** 2).mean()
        found = jax.jit(problem().batch_loss)(params, batch)
        assert float(found) == pytest.approx(expected, rel=1e-5)

    def test_loss_of_the_user(self) -> None:
        """A loss function ignored in favour of a named one."""
        own = problem(loss=lambda output, label: jnp.abs(output - label))
        params, x, y = {"w": jnp.array([1.0, 2.0, 3.0])}, jnp.array([1.0, 1.0, 2.0]), jnp.array(1)
        assert float(own.example_loss(params, x, y)) == 8.0

    def test_stream_in_place_of_a_data_set(self) -> None:
        """A problem that can only walk on finite data."""

        def sample(key: jax.Array) -> tuple[jax.Array, jax.Array]:
            x = jax.random.normal(key, (3,))
            return x, x.sum()

        own = problem(data=FromFunction(sample))
        inputs, labels = own.evaluation_batch(2)
        assert inputs.shape == (2, 3)
        np.testing.assert_allclose(labels, inputs.sum(axis=1), rtol=1e-5)


class TestModules:
    def test_equinox_module_predicts_as_it_did(self) -> None:
        """A module taken apart and put together wrongly: functions and numbers stay as they are."""
        own = problem(init=Net, predict=lambda net, x: net(x))
        net = Net(KEY)

        # Compiled: one operation at a time takes much longer. So below.
        @jax.jit
        def both(inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
            params = own.initial(KEY)
            return jax.vmap(lambda x: own.output(params, x))(inputs), jax.vmap(net)(inputs)

        found, wanted = both(DATA.inputs[:3])
        np.testing.assert_allclose(found, wanted, rtol=1e-6)

    def test_only_arrays_move(self) -> None:
        """An activation function, a name or a number that SGD would try to update."""
        own = problem(init=Net, predict=lambda net, x: net(x))
        params = jax.jit(own.initial)(KEY)
        leaves = jax.tree.leaves(params)
        # A scalar output is a layer of one unit.
        assert sorted(leaf.shape for leaf in leaves) == [(1,), (1, 4), (4,), (4, 3)]
        whole = own.model(params)
        assert whole.activation is jnp.tanh
        assert (whole.name, whole.scale) == ("net", 2.0)

    @pytest.mark.parametrize("fixed", [None, jnp.ones(3, int)], ids=["moving", "some fixed"])
    def test_drawn_only_for_arrays_held_fixed(self, fixed: jax.Array | None) -> None:
        """Seconds of compilation for every problem made, its settings only being checked."""
        drawn = []

        def init(key: jax.Array) -> dict[str, jax.Array | None]:
            jax.debug.callback(lambda: drawn.append(1))
            return {"w": jnp.ones(3), "fixed": fixed}

        problem(init=init, predict=lambda params, x: jnp.sum(params["w"] * x))
        jax.effects_barrier()
        assert len(drawn) == (fixed is not None)

    def test_gradient_is_the_modules_own(self) -> None:
        """A gradient with respect to something else than the module's arrays."""
        own = problem(init=Net, predict=lambda net, x: net(x))
        x, y = jnp.asarray(DATA.inputs[0]), jnp.asarray(DATA.labels[0])
        found = jax.jit(jax.grad(own.example_loss))(jax.jit(own.initial)(KEY), x, y)
        expected = eqx.filter_jit(eqx.filter_grad(lambda net: 0.5 * (net(x) - y) ** 2))(Net(KEY))
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)

    @pytest.mark.parametrize(
        "fixed",
        [jnp.array([2, 0, 1]), np.array([2, 0, 1]), jnp.array([True, False, True])],
        ids=["integers", "numpy", "mask"],
    )
    def test_arrays_of_integers_are_held_fixed(self, fixed: jax.Array) -> None:
        """A pruning mask or a permutation inside the model that turns into its shape."""
        own = problem(
            init=lambda key: {"w": jnp.ones(3), "fixed": fixed},
            predict=lambda params, x: jnp.sum(params["w"] * x * params["fixed"]),
        )
        x = jnp.array([1.0, 10.0, 100.0])
        assert float(own.output(own.initial(KEY), x)) == float(jnp.sum(x * fixed))


class TestEvaluationBatch:
    def test_of_a_stream_is_always_the_same(self) -> None:
        """A measurement that moves because its examples do."""
        own = problem(data=Gaussian(3))
        one, other = own.evaluation_batch(50), problem(data=Gaussian(3)).evaluation_batch(50)
        assert one[0].shape == (50, 3)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_is_made_of_numbers_inside_a_trace(self) -> None:
        """A batch drawn again at every step of the compiled program."""
        own = problem(data=Gaussian(3))

        @jax.jit
        def inside() -> int:
            return sum(isinstance(part, np.ndarray) for part in own.evaluation_batch(4))

        assert int(inside()) == 2


REFUSALS = {
    "loss of a vector": ({"loss": lambda o, y: jnp.stack([o, o])}, r"shape \(2,\)"),
    "loss of a pair": ({"loss": lambda o, y: (o, o)}, "scalar"),
    "loss of an integer": ({"loss": lambda o, y: (o > y).astype(jnp.int32)}, "int32"),
    "unknown loss": ({"loss": "hinge"}, "loss 'hinge' is unknown"),
    "half precision": ({"init": lambda key: {"w": jnp.ones(3, jnp.float16)}}, "float16"),
    "complex": ({"init": lambda key: {"w": jnp.ones(3, jnp.complex64)}}, "complex64"),
    "no arrays": ({"init": lambda key: {"w": 3}}, "no floating-point array"),
    "only integers": ({"init": lambda key: {"w": jnp.arange(3)}}, "no floating-point array"),
    "init that fails": ({"init": lambda key: {"w": jnp.ones(3) @ jnp.ones(2)}}, "init"),
    "too few features": ({"init": lambda key: {"w": jnp.ones(2)}}, r"one example of shape \(3,\)"),
    "an array for data": ({"data": DATA.inputs}, "data is a ndarray; use a soret.data.Dataset"),
    "wrong labels": (
        {
            "data": FromFunction(lambda key: (jnp.ones(3), jnp.ones(2))),
            "loss": "cross_entropy",
        },
        "takes one score for each",
    ),
    "stream that fails": ({"data": FromFunction(lambda key: jnp.ones(3))}, "stream|example"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_at_construction(name: str) -> None:
    """A problem that cannot be walked on, found only after minutes of compiling."""
    changed, message = REFUSALS[name]
    with pytest.raises(SettingsError, match=message):
        problem(**changed)


def test_float64_is_refused() -> None:
    """Double precision silently cut to single."""
    with jax.enable_x64(True), pytest.raises(SettingsError, match="float64"):
        problem(init=lambda key: {"w": jnp.ones(3, jnp.float64)})
