"""Dense networks against the same formulas in NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn as start

import soret
from soret.errors import SettingsError

RNG = np.random.default_rng(3)


POINTS = soret.Dataset("points", RNG.normal(size=(12, 5)), np.arange(12) % 3, ("a", "b", "c"))


PAIRS = soret.Dataset("pairs", RNG.normal(size=(12, 5)), np.arange(12) % 2, ("a", "b"))


def relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0)


class TestDense:
    def test_is_affine_maps_and_relus(self) -> None:
        """A layer skipped, a bias forgotten, a ReLU on the output."""
        problem = soret.problems.dense(hidden=(4, 3), data=POINTS)
        params = start(problem)
        assert isinstance(problem.data, soret.Dataset)
        x = problem.data.inputs[0]
        numbers = jax.tree.map(np.asarray, params)
        a = relu(numbers[0]["W"] @ x + numbers[0]["b"])
        b = relu(numbers[1]["W"] @ a + numbers[1]["b"])
        expected = numbers[2]["W"] @ b + numbers[2]["b"]
        assert problem.preactivations is not None
        # Compiled: one operation at a time takes much longer. So below.
        found, seen = jax.jit(lambda p: (problem.output(p, x), problem.preactivations(p, x)))(
            params
        )
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        before = [
            layer["W"] @ given + layer["b"] for layer, given in zip(numbers, (x, a), strict=False)
        ]
        np.testing.assert_allclose(seen, np.concatenate(before), rtol=1e-5)

    def test_of_one_hidden_layer_is_the_two_layer_net(self) -> None:
        """Two nets of one library that should be one."""
        one = soret.problems.dense(hidden=(4,), data=PAIRS)
        other = soret.problems.two_layer(hidden=4, data=PAIRS)
        params = start(other)
        layers = [{"W": params["W"], "b": params["b"]}, {"W": params["V"][None], "b": jnp.zeros(1)}]
        assert isinstance(one.data, soret.Dataset)
        batch = (one.data.inputs, one.data.labels)
        found = jax.jit(one.batch_loss)(layers, batch)
        expected = jax.jit(other.batch_loss)(params, batch)
        assert float(found) == pytest.approx(float(expected), rel=1e-6)

    def test_without_hidden_layers_is_linear(self) -> None:
        """Depth zero refused, or bent."""
        problem = soret.problems.dense(hidden=(), bias=False, data=POINTS)
        params = start(problem)
        assert [set(layer) for layer in params] == [{"W"}]
        found = jax.jit(problem.output)(params, np.ones(5, np.float32))
        np.testing.assert_allclose(found, np.sum(params[0]["W"], axis=1), 1e-5)

    @pytest.mark.parametrize("data", [POINTS, PAIRS])
    def test_mean_square_of_classes(self, data: soret.Dataset) -> None:
        """Labels taken for numbers: the third class three times as far as the first."""
        problem = soret.problems.dense(hidden=(4,), data=data, loss="mean_square")
        params = start(problem)
        assert isinstance(problem.data, soret.Dataset)
        both = jax.jit(lambda p, x, y: (problem.output(p, x), problem.example_loss(p, x, y)))
        for x, y in zip(problem.data.inputs, problem.data.labels, strict=True):
            out, found = map(np.asarray, both(params, x, y))
            target = np.eye(3)[y] if out.ndim else 2 * y - 1
            assert float(found) == pytest.approx(0.5 * ((out - target) ** 2).sum(), rel=1e-5)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"hidden": (4, 0)}, r"hidden is \(4, 0\)"),
            ({"loss": "hinge"}, "loss is 'hinge'"),
            ({"inputs": 7, "data": POINTS}, "points has 5"),
            ({"scaling": "unit"}, "scaling is 'unit'"),
        ],
    )
    def test_refuses(self, given: dict[str, Any], message: str) -> None:
        """Nonsense that fails late, or not at all."""
        with pytest.raises(SettingsError, match=message):
            soret.problems.dense(**given)
