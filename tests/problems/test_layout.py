"""Images: where their channels are; and losses of one's own, wherever a named one is taken."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.problems import label_smoothing
from soret.problems.inputs import channels_last

RNG = np.random.default_rng(9)


def images(*shape: int, n: int = 2, layout: Any = None) -> soret.Dataset:
    names = tuple("abcdef"[:n])
    return soret.Dataset(
        "i", RNG.uniform(size=(12, *shape)), np.arange(12) % n, names, layout=layout
    )


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (4, 12, 10), (2, 9, 12), (7, 9, 9)])
def test_channels_first_is_read_as_documented(shape: tuple[int, ...]) -> None:
    assert not channels_last(images(*shape))


@pytest.mark.parametrize("shape", [(12, 12, 3), (8, 8, 1), (10, 12, 4), (9, 12, 2), (16, 16, 7)])
def test_channels_last_is_refused_with_the_remedy(shape: tuple[int, ...]) -> None:
    """Catches: 12 channels of 12 x 3 pixels."""
    with pytest.raises(SettingsError, match=r"channels last; say .*np\.moveaxis\(inputs, -1, 1\)"):
        channels_last(images(*shape))


@pytest.mark.parametrize("shape", [(3, 3, 3), (4, 12, 3), (3, 32, 3), (16, 16, 16)])
def test_what_may_be_either_is_asked(shape: tuple[int, ...]) -> None:
    """Catches: a guess."""
    with pytest.raises(SettingsError, match="may be either; say"):
        channels_last(images(*shape))


@pytest.mark.parametrize(
    "build",
    [
        lambda data: soret.problems.conv(layers=1, channels=2, kernel=3, data=data),
        lambda data: soret.problems.conv_stack([(1, 2)], data=data),
    ],
    ids=["conv", "conv_stack"],
)
def test_the_same_images_either_way_are_the_same_problem(build: Any) -> None:
    """Catches: a net that reads the one layout and not the other."""
    first = images(3, 8, 6)
    last = soret.Dataset(
        "i", np.moveaxis(first.inputs, 1, -1), first.labels, first.classes, layout="channels_last"
    )
    one, other = build(first), build(last)
    assert one.data.inputs.shape == (12, 8, 6, 3)
    np.testing.assert_allclose(one.data.inputs, other.data.inputs, rtol=1e-5, atol=1e-6)
    # What a net made of them can be given to another.
    again = build(one.data)
    assert again.data.inputs.shape == (12, 8, 6, 3)


def test_the_layout_stays_with_the_data() -> None:
    """Catches: a part, or other labels, of images that forget where their channels are."""
    data = images(3, 3, 3, n=4, layout="channels_last")
    noisy, _ = soret.data.randomize_labels(data, 0.5)
    parts = soret.data.hold_out(data, 4)
    for made in (
        data.first(3),
        noisy,
        soret.data.even_odd(data),
        soret.data.subset(data, 5),
        *parts,
    ):
        assert made.layout == "channels_last"


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
