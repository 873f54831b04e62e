"""Streams: fresh examples as a pure function of key and step."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from soret.data import FromFunction, Gaussian, Stream, Uniform
from soret.errors import SettingsError

# Probability with which a statistical test here refuses correct numbers.
LEAST_P = 1e-6
KEY = jnp.array([7, 11], jnp.uint32)


def sample(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Draw one example whose label tells the sign of its first feature."""
    x = jax.random.normal(key, (3,))
    return x, (x[0] > 0).astype(jnp.int32)


STREAMS = [Gaussian(3), Uniform(3, classes=5), FromFunction(sample)]
NAMES = ["gaussian", "uniform", "from_function"]


@functools.cache
def compiled(stream: Stream, n: int) -> Callable[..., tuple[jax.Array, jax.Array]]:
    return jax.jit(lambda key, step: stream.draw(key, step, n))


def draw(stream: Stream, step: int, n: int) -> tuple[jax.Array, jax.Array]:
    return compiled(stream, n)(KEY, np.uint32(step))


@pytest.mark.parametrize("stream", STREAMS, ids=NAMES)
class TestEveryStream:
    @pytest.mark.parametrize("n", [1, 4])
    def test_shapes_and_types(self, stream: Stream, n: int) -> None:
        """A batch without its axis, or in a type that changes the program's precision."""
        inputs, labels = draw(stream, 0, n)
        assert (inputs.shape, inputs.dtype) == ((n, 3), jnp.float32)
        assert (labels.shape, labels.dtype) == ((n,), jnp.int32)

    def test_is_a_stream_and_says_what_it_is(self, stream: Stream) -> None:
        """A stream that `Problem` would refuse, or that a figure could not name."""
        assert isinstance(stream, Stream)
        assert stream.description
        assert "\n" not in stream.description

    def test_many_steps_at_once_are_the_same_batches(self, stream: Stream) -> None:
        """Numbers that depend on how many steps are drawn together, or in which order."""
        steps = jnp.arange(6, dtype=jnp.uint32)
        inputs, labels = jax.vmap(compiled(stream, 4), in_axes=(None, 0))(KEY, steps)
        for number in (5, 0, 3):
            one_inputs, one_labels = draw(stream, number, 4)
            np.testing.assert_array_equal(labels[number], one_labels)
            np.testing.assert_allclose(inputs[number], one_inputs, rtol=1e-6)

    def test_same_key_and_step_same_batch(self, stream: Stream) -> None:
        """A state hidden somewhere."""
        for one, other in zip(draw(stream, 9, 4), draw(stream, 9, 4), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_no_example_twice(self, stream: Stream) -> None:
        """A stream that repeats itself over examples, steps or keys."""
        places = [(key, np.uint32(step)) for key in (KEY, KEY + 1) for step in range(50)]
        inputs = np.concatenate([compiled(stream, 4)(*place)[0] for place in places])
        assert len(np.unique(inputs, axis=0)) == len(inputs) == 400


@pytest.mark.parametrize("kind", [Gaussian, Uniform])
class TestRandomLabels:
    @pytest.mark.parametrize("classes", [2, 3, 10])
    def test_labels_are_balanced(self, kind: type[Gaussian], classes: int) -> None:
        """A class drawn more often than the others."""
        _, labels = draw(kind(1, classes), 0, 100_000)
        counts = np.bincount(labels, minlength=classes)
        assert len(counts) == classes
        assert stats.chisquare(counts).pvalue > LEAST_P

    def test_labels_do_not_know_the_inputs(self, kind: type[Gaussian]) -> None:
        """Random labels that can be learned: made of the words that make the inputs."""
        many = jax.jit(jax.vmap(compiled(kind(2), 1), in_axes=(None, 0)))
        inputs, labels = (np.asarray(part)[:, 0] for part in many(KEY, jnp.arange(50_000)))
        for feature in (*inputs.T, np.linalg.norm(inputs, axis=1)):
            apart = stats.ks_2samp(feature[labels == 0], feature[labels == 1])
            assert apart.pvalue > LEAST_P

    def test_labels_do_not_know_the_step_before(self, kind: type[Gaussian]) -> None:
        """Labels that follow a pattern from step to step."""
        many = jax.jit(jax.vmap(compiled(kind(1), 1), in_axes=(None, 0)))
        _, labels = many(KEY, jnp.arange(50_000))
        pairs = np.bincount(2 * labels[:-1, 0] + labels[1:, 0], minlength=4)
        assert stats.chisquare(pairs).pvalue > LEAST_P

    @pytest.mark.parametrize(("features", "classes"), [(0, 2), (-1, 2), (3, 1), (3, 0)])
    def test_bad_sizes_are_refused(self, kind: type[Gaussian], features: int, classes: int) -> None:
        """Sizes that fail only when a batch is drawn."""
        with pytest.raises(
            SettingsError, match=r"^(features|classes) is .* an integer of at least"
        ):
            kind(features, classes)


class TestDistributions:
    def test_gaussian_features_are_standard_and_independent(self) -> None:
        """Inputs that are not N(0, I): the covariance of n examples errs by 1/√n."""
        n = 100_000
        inputs, _ = draw(Gaussian(4), 0, n)
        x = np.asarray(inputs, np.float64)
        deviation = np.sqrt((1 + np.eye(4)) / n)
        assert (np.abs(x.T @ x / n - np.eye(4)) < 5.2 * deviation).all()
        assert (np.abs(x.mean(axis=0)) < 5.2 / np.sqrt(n)).all()

    def test_uniform_features_are_uniform(self) -> None:
        """Inputs centred, or on another interval."""
        inputs, _ = draw(Uniform(2), 0, 100_000)
        for feature in np.asarray(inputs, np.float64).T:
            assert stats.kstest(feature, "uniform").pvalue > LEAST_P

    def test_function_of_the_user_keeps_its_pairs(self) -> None:
        """An input with the label of another example."""
        inputs, labels = draw(STREAMS[2], 0, 4)
        np.testing.assert_array_equal(labels, inputs[:, 0] > 0)
