"""Losses of one's own, wherever a named one is taken, and how many outputs there are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.problems import label_smoothing

RNG = np.random.default_rng(9)


def images(*shape: int, n: int = 2, layout: Any = None) -> soret.Dataset:
    names = tuple("abcdef"[:n])
    return soret.Dataset(
        "i", RNG.uniform(size=(12, *shape)), np.arange(12) % n, names, layout=layout
    )


def own(output: jax.Array, label: jax.Array) -> jax.Array:
    return jnp.mean(jnp.log(jnp.cosh(output - label.astype(output.dtype))))


POINTS = soret.Dataset("p", RNG.normal(size=(12, 4)), np.arange(12) % 3, tuple("abc"))


NETS: dict[str, tuple[Any, Any]] = {
    "dense": (lambda **given: soret.problems.dense(hidden=3, **given), POINTS),
    "two_layer": (lambda **given: soret.problems.two_layer(hidden=3, **given), POINTS),
    "conv": (
        lambda **given: soret.problems.conv(layers=1, channels=2, kernel=3, **given),
        images(6, 6, n=3),
    ),
    "conv_stack": (lambda **given: soret.problems.conv_stack([(1, 2)], **given), images(6, 6, n=3)),
}


@pytest.mark.parametrize("name", NETS)
class TestLossesAsFunctions:
    @pytest.mark.parametrize("loss", [own, label_smoothing(0.1), soret.problems.cross_entropy])
    def test_are_taken_and_named(self, name: str, loss: Any) -> None:
        """Catches: a function refused, or recorded as the loss that it took the place of."""
        build, data = NETS[name]
        problem = build(data=data, loss=loss)
        assert problem.loss is loss
        words = problem.settings["loss"]
        assert (
            words in ("own", "LabelSmoothing(amount=0.1)", "cross_entropy") or name == "two_layer"
        )
        assert self._outputs(problem) == (3,)

    def test_with_as_many_outputs_as_asked(self, name: str) -> None:
        build, data = NETS[name]
        assert self._outputs(build(data=data, loss=own, outputs=1)) == ()
        assert self._outputs(build(data=data, loss=own, outputs=7)) == (7,)
        with pytest.raises(SettingsError, match="2 scores"):
            build(data=data, loss="cross_entropy", outputs=2)

    def test_of_real_labels(self, name: str) -> None:
        """Catches: regression by a net refused, or a vector of quantities."""
        build, data = NETS[name]
        for labels, outputs in ((RNG.normal(size=12), ()), (RNG.normal(size=(12, 2)), (2,))):
            numbers = soret.Dataset("numbers", data.inputs, labels)
            assert self._outputs(build(data=numbers, loss="mean_square")) == outputs
            with pytest.raises(SettingsError, match="real labels"):
                build(data=numbers, loss="cross_entropy")

    def _outputs(self, problem: soret.Problem) -> tuple[int, ...]:
        x = jax.ShapeDtypeStruct(problem.data.inputs.shape[1:], jnp.float32)  # type: ignore[union-attr]
        params = jax.eval_shape(problem.initial, jax.random.key(0))
        return jax.eval_shape(problem.output, params, x).shape  # type: ignore[no-any-return]


def test_a_stream_of_more_classes_says_how_many() -> None:
    """Catches: two classes taken for granted of a stream that draws three."""

    def sample(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = jax.random.normal(key, (4,))
        return x, jnp.argmax(x[:3])

    stream = soret.data.FromFunction(sample)
    with pytest.raises(SettingsError, match="run from 0 to 2"):
        soret.problems.dense(hidden=3, data=stream)
    soret.problems.dense(hidden=3, data=stream, outputs=3)
