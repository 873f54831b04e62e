"""Augmentation: examples changed as they are drawn for training, and nowhere else."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret.data import augmented, generator
from soret.data.augmentation import example_keys, step_keys
from soret.dynamics.sampling import sampler
from soret.errors import DataError, SettingsError

RNG = np.random.default_rng(6)
DATA = soret.Dataset("points", RNG.normal(size=(24, 4)), np.arange(24) % 2, ("a", "b"))
IMAGES = soret.Dataset("grey", RNG.uniform(size=(20, 6, 6)), np.arange(20) % 2, ("a", "b"))
KEY = np.array([3, 4], np.uint32)


def noisy(key: jax.Array, x: jax.Array) -> jax.Array:
    return x + jax.random.normal(key, x.shape)


def untouched(key: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.where(jax.random.bernoulli(key, 1.0), x, -x)


def inverted(key: jax.Array, x: jax.Array) -> jax.Array:
    """Black and white swapped, in an image of pixels from 0 to 1; here and there a dot."""
    return jnp.where(jax.random.uniform(key, x.shape) > 0.9, 1.0, 1 - x)


def net(data: soret.Dataset, **settings: Any) -> soret.Problem:
    return soret.problems.dense(hidden=(3,), data=data, **settings)


def batches(problem: soret.Problem, size: int, steps: int, key: Any = KEY) -> tuple[Any, ...]:
    """Return indices, inputs and labels of the first steps' batches, (steps, size, ...) each."""
    samples = sampler(problem, size, None)

    @jax.jit
    def drawn(key: jax.Array) -> tuple[Any, ...]:
        numbers = jnp.arange(steps, dtype=jnp.uint32)
        _, handles = samples.draw(samples.prepare(key, numbers[0]), key, numbers)
        return handles[0], *jax.vmap(samples.gather)(handles)

    return tuple(np.asarray(leaf) for leaf in drawn(key))


def linear(data: soret.Dataset) -> soret.Problem:
    return soret.Problem(
        lambda key: jax.random.normal(key, (4,)), lambda w, x: w @ x, "binary_cross_entropy", data
    )


def run(data: soret.Dataset, **settings: Any) -> Any:
    given = {"steps": 12, "replicas": 3, "record_every": 6} | settings
    return soret.simulate(
        linear(data),
        soret.SGD(0.1, batch_size=given.pop("batch_size", 2), sampling=given.pop("sampling", None)),
        observe=soret.observables.parameters,
        **given,
    )


class TestNumbers:
    @pytest.mark.parametrize("sampling", [None, pytest.param("epochs", marks=pytest.mark.slow)])
    def test_an_augmentation_that_changes_nothing_changes_nothing(self, sampling: Any) -> None:
        """Catches: other examples, other noise or other scaling than without one."""
        one, other = (run(d, sampling=sampling) for d in (DATA, augmented(DATA, untouched)))
        # Another program may round otherwise.
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-5, atol=1e-6)

    def test_do_not_depend_on_blocks(self) -> None:
        """Catches: keys counted within a block, or over the records."""
        data = augmented(DATA, noisy)
        whole, parts = run(data, replicas=4), run(data, replicas=4, block_size=2)
        np.testing.assert_array_equal(whole.parameters, parts.parameters)
        again = run(data, replicas=4, record_every=12)
        np.testing.assert_array_equal(whole.parameters[..., -1, :], again.parameters[..., -1, :])

    @pytest.mark.parametrize("batch", [1, 3])
    @pytest.mark.slow
    def test_every_example_has_a_key_of_its_own(self, batch: int) -> None:
        """Catches: noise shared by a batch, a step, or by all replicas."""
        one = soret.Dataset("one", np.zeros((2, 4)), [0, 1], ("a", "b"))
        problem = net(augmented(one, noisy), scaling="none")
        drawn = []
        for key in (KEY, KEY + np.uint32(1)):
            _, inputs, labels = batches(problem, batch, 8, key)
            assert inputs.shape == (8, batch, 4)
            assert labels.shape == (8, batch)
            drawn.append(inputs.reshape(-1, 4))
        assert len(np.unique(np.concatenate(drawn), axis=0)) == 2 * 8 * batch

    def test_keys_are_none_of_those_that_draw(self) -> None:
        """Catches: noise that knows which examples were drawn."""

        @jax.jit
        def drawn(key: jax.Array, steps: jax.Array) -> tuple[jax.Array, ...]:
            keys = jax.vmap(lambda k: example_keys(k, 8))(step_keys(key, steps))
            folds = jax.vmap(lambda step: generator.fold(key, step))(steps)
            return keys, generator.bits(key, steps, 64), folds

        keys, words, folds = map(np.asarray, drawn(KEY, np.arange(64, dtype=np.uint32)))
        assert len(np.unique(keys.reshape(-1, 2), axis=0)) == 64 * 8
        assert not np.isin(keys, words).any()
        assert not np.isin(keys, folds).any()

    def test_labels_stay_with_their_examples(self) -> None:
        signs = soret.Dataset("signs", [[-10.0], [10.0]], [0, 1], ("a", "b"))
        _, inputs, labels = batches(net(augmented(signs, noisy), scaling="none"), 16, 4)
        np.testing.assert_array_equal(inputs[..., 0] > 0, labels == 1)


class TestMeasurements:
    def test_are_of_the_examples_as_they_are(self) -> None:
        """Catches: a loss, a curvature or gradient noise of examples that were augmented."""
        plain, changed = net(DATA), net(augmented(DATA, noisy))
        for one, other in zip(plain.evaluation_batch(), changed.evaluation_batch(), strict=True):
            np.testing.assert_array_equal(one, other)
        theta = np.full(19, 0.1, np.float32)
        found = [soret.landscape.evaluate(p, theta).loss for p in (plain, changed)]
        assert found[0] == found[1]

    def test_held_out_examples_are_not_augmented(self) -> None:
        """Catches: validation that says it is, and the other way round."""
        training, validation = soret.data.hold_out(augmented(DATA, noisy), 6)
        assert training.augmentation is not None
        assert "augmented by noisy" in training.description
        assert validation.augmentation is None
        assert "augmented" not in validation.description


class TestScale:
    """The function sees what the data set was given; nets reshape and scale afterwards."""

    @pytest.mark.parametrize("scaling", ["standardized", "symmetric", "none"])
    def test_of_a_dense_net(self, scaling: Any) -> None:
        """Catches: pixels of another scale, or flattened ones, in an augmentation of images."""
        self._agrees(
            net(augmented(IMAGES, inverted), scaling=scaling), net(IMAGES, scaling=scaling)
        )

    @pytest.mark.parametrize("axes", [None, "channels_first", "channels_last"])
    def test_of_a_conv_net(self, axes: Any) -> None:
        shape = {None: (20, 6, 6), "channels_first": (20, 2, 6, 7), "channels_last": (20, 6, 7, 2)}
        data = soret.Dataset(
            "images", RNG.uniform(size=shape[axes]), np.arange(20) % 2, ("a", "b"), layout=axes
        )
        conv = functools.partial(soret.problems.conv, layers=1, channels=2, kernel=3)
        self._agrees(conv(data=augmented(data, inverted)), conv(data=data))

    def _agrees(self, changed: soret.Problem, plain: soret.Problem) -> None:
        """One example inverted, then scaled: what the plain net's scaling makes of 1 − x."""
        assert isinstance(changed.data, soret.Dataset)
        assert isinstance(plain.data, soret.Dataset)
        np.testing.assert_array_equal(changed.data.inputs, plain.data.inputs)
        which, inputs, _ = batches(changed, 5, 30)
        pixels = plain.data.inputs[which]
        # The scaling is affine, and 1 − x mirrors it about its value at ½, dots apart.
        sums = inputs + pixels
        assert (np.abs(sums - np.median(sums)) < 1e-5).mean() > 0.8
        assert inputs.shape[2:] == plain.data.inputs.shape[1:]

    def test_parts_of_prepared_data_keep_their_own(self) -> None:
        """Catches: originals of other examples than those that were chosen."""
        problem = net(augmented(IMAGES, untouched))
        assert isinstance(problem.data, soret.Dataset)
        for part in (problem.data.first(7), soret.data.subset(problem.data, 7)):
            which, inputs, _ = batches(net(part, scaling="none"), 9, 2)
            np.testing.assert_allclose(inputs, part.inputs[which], rtol=1e-5, atol=1e-6)

    def test_other_inputs_in_their_place_are_refused(self) -> None:
        problem = net(augmented(IMAGES, noisy))
        with pytest.raises(DataError, match="these are other inputs"):
            dataclasses.replace(problem.data, inputs=2 * problem.data.inputs)  # type: ignore[union-attr]


class TestProvenance:
    def test_names_the_function(self) -> None:
        """Catches: a saved run that does not tell which augmentation it had."""
        assert net(augmented(DATA, noisy)).settings["data"].endswith("augmented by noisy")
        half = functools.partial(shrunk, amount=0.5)
        assert augmented(DATA, half).description.endswith("augmented by shrunk(amount=0.5)")
        experiment = soret.Experiment(
            problem=net(augmented(DATA, noisy)),
            algorithm=soret.SGD(0.1),
            observe=soret.observables.parameters,
            steps=2,
        )
        assert "augmented by noisy" in experiment.description["problem"]["data"]

    def test_of_a_lambda_is_its_source(self) -> None:
        """Catches: a lambda that is refused, or that a saved run cannot tell from another."""
        data = augmented(DATA, lambda key, x: x + 0.1 * jax.random.normal(key, x.shape))
        assert data.description.endswith("augmented by lambda")
        told = run(data).attrs
        assert any("lambda" in str(v) and "sha256" in str(v) for v in told.values()), told

    def test_survives_what_is_made_of_the_data(self) -> None:
        data = soret.Dataset("n", np.ones((4, 2)), [0, 1, 2, 3], tuple("0123"))
        assert soret.data.even_odd(augmented(data, noisy)).augmentation is not None
        changed, _ = soret.data.randomize_labels(augmented(data, noisy), 0.5)
        assert changed.augmentation is not None
        assert changed.first(2).augmentation is not None


def shrunk(key: jax.Array, x: jax.Array, amount: float) -> jax.Array:
    return x * amount * jax.random.uniform(key)


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "a lambda": (DATA, lambda key, x: x, "augmentation lambda ignores its key"),
    "no function": (DATA, "flip", "must be a function of key and example"),
    "too many arguments": (DATA, shrunk, "augmentation shrunk fails on one example"),
    "a stream": (soret.data.Gaussian(3), noisy, "give a soret.Dataset"),
    "twice": (augmented(DATA, noisy), untouched, "already; put both into one"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, function, message = REFUSED[name]
    with pytest.raises(SettingsError, match=message):
        augmented(data, function)


def test_what_a_function_may_not_do() -> None:
    """Catches: batches of another shape, the same for all, or a function of the batch."""

    def cropped(key: jax.Array, x: jax.Array) -> jax.Array:
        return noisy(key, x)[1:]

    def rounded(key: jax.Array, x: jax.Array) -> jax.Array:
        return noisy(key, x).astype(jnp.int32)

    def host(key: jax.Array, x: jax.Array) -> jax.Array:
        return x + np.random.default_rng(0).normal()

    def paired(key: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return noisy(key, x), x

    def unwilling(key: jax.Array, x: jax.Array) -> jax.Array:
        return x if x[0] > 0 else noisy(key, x)

    for function, message in {
        cropped: r"same shape, \(4,\)",
        rounded: "in float32",
        host: "ignores its key",
        paired: "one of the same",
        unwilling: "augmentation unwilling fails on one example",
    }.items():
        with pytest.raises(SettingsError, match=message) as refused:
            augmented(DATA, function)
        assert "\n" not in str(refused.value)


def test_linear_regression_says_that_its_surface_is_another() -> None:
    data = soret.Dataset("numbers", RNG.normal(size=(9, 2)), RNG.normal(size=9))
    with pytest.raises(SettingsError, match="as they are"):
        soret.problems.linear_regression(data=augmented(data, noisy))
