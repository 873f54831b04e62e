"""Batch normalization: what SGD sees, what is measured, and that the scale of weights is free."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import drawn

import soret
from soret.data import random_subset
from soret.errors import SettingsError
from soret.problems import ModelWarning

DIGITS = soret.data.load("digits").first(700)


@pytest.fixture(scope="module")
def net():
    return soret.problems.dense(hidden=(6, 5), data=DIGITS, batch_normalization=True)


@pytest.fixture(scope="module")
def params(net):
    """Parameters at which scale and shift are not what they start as."""
    start = drawn(net, spread=0.3)
    return [{k: v + (k == "g") for k, v in layer.items()} for layer in start]


def by_hand(params, inputs, over):
    """Return outputs in NumPy, float64: normalized over the examples `over`."""
    x, ref = np.asarray(inputs, float), np.asarray(over, float)
    for layer in params[:-1]:
        w, g, b = (np.asarray(layer[key], float) for key in ("W", "g", "b"))
        a, r = x @ w.T, ref @ w.T
        mean, spread = r.mean(0), np.sqrt(r.var(0) + 1e-5)
        x, ref = (np.maximum(g * (part - mean) / spread + b, 0) for part in (a, r))
    return x @ np.asarray(params[-1]["W"], float).T + np.asarray(params[-1]["b"], float)


def test_a_mini_batch_is_normalized_over_itself(net, params):
    """Statistics of other examples, of the other axis, or taken before the scale."""
    inputs, labels = net.data.inputs[600:616], net.data.labels[600:616]
    expected = by_hand(params, inputs, inputs)
    # Compiled: one operation at a time takes much longer. So below.
    outputs = jax.jit(net.predict_batch)(params, inputs)
    np.testing.assert_allclose(outputs, expected, rtol=2e-4, atol=2e-4)
    losses = np.log(np.exp(expected).sum(1)) - expected[np.arange(16), labels]
    found = jax.jit(net.training_loss)(params, (jnp.asarray(inputs), jnp.asarray(labels)))
    assert float(found) == pytest.approx(losses.mean(), rel=1e-4)


def test_one_example_is_normalized_over_the_references(net, params):
    """A measurement that depends on which examples are measured together."""
    inputs = net.data.inputs[600:616]
    expected = by_hand(params, inputs, net.data.inputs[random_subset(700, 512)])
    found = jax.jit(jax.vmap(net.output, in_axes=(None, 0)))(params, jnp.asarray(inputs))
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


def test_other_data_keep_the_references(net, params):
    """Validation images that are normalized over themselves."""
    other = dataclasses.replace(
        net,
        data=dataclasses.replace(
            net.data, inputs=net.data.inputs[600:], labels=net.data.labels[600:]
        ),
    )
    inside, outside = (soret.landscape.evaluate(p, params) for p in (net, other))
    losses = jax.jit(jax.vmap(net.example_loss, in_axes=(None, 0, 0)))(
        params, jnp.asarray(net.data.inputs), jnp.asarray(net.data.labels)
    )
    assert float(inside.loss) == pytest.approx(float(losses.mean()), rel=1e-4)
    assert float(outside.loss) == pytest.approx(float(losses[600:].mean()), rel=1e-4)


def test_sgd_steps_on_the_mini_batch_loss(net):
    """Steps along the gradient of the measured loss, or of each example by itself."""
    run = soret.simulate(
        net,
        soret.SGD(0.5, batch_size=700, sampling="epochs"),
        observe=soret.observables.parameters,
        steps=1,
        replicas=1,
    )
    before, after = (net.unflatten(v) for v in run.parameters.values[0])
    batch = jnp.asarray(net.data.inputs), jnp.asarray(net.data.labels)
    gradient = jax.jit(jax.grad(net.training_loss))(before, batch)
    for one, two, slope in zip(*map(jax.tree.leaves, (before, after, gradient)), strict=True):
        np.testing.assert_allclose(two, one - 0.5 * slope, atol=1e-5)


def test_the_scale_of_the_weights_is_free(net, params):
    """Normalization left out somewhere: output must not change with the scale of W."""
    scaled = [{**layer, "W": 3 * layer["W"]} for layer in params[:-1]] + [params[-1]]
    inputs = jnp.asarray(net.data.inputs[:20])
    run = jax.jit(net.predict_batch)
    np.testing.assert_allclose(run(scaled, inputs), run(params, inputs), atol=2e-3)
    assert jax.jit(net.preactivations)(params, inputs[0]).shape == (11,)


def test_refusals(net):
    """A variance of one example; a stream that has no fixed ones; outputs of another shape."""
    with pytest.raises(SettingsError, match="at least 2"):
        soret.simulate(net, soret.SGD(0.1), observe=soret.observables.loss, steps=1, replicas=1)
    with pytest.raises(SettingsError, match="needs a data set"):
        soret.problems.dense(hidden=(3,), batch_normalization=True)
    with pytest.raises(SettingsError, match="that of predict, twice"):
        dataclasses.replace(net, predict_batch=lambda params, inputs: inputs)


class TestOtherData:
    """The same network made anew with other data, as one validates."""

    TRAIN = dataclasses.replace(DIGITS, inputs=DIGITS.inputs[:600], labels=DIGITS.labels[:600])
    # Other images than those trained on, so that references of their own would tell.
    TEST = dataclasses.replace(
        DIGITS, inputs=0.5 * DIGITS.inputs[600:], labels=DIGITS.labels[600:], split="test"
    )

    @pytest.mark.parametrize("scaling", ["standardized", "symmetric", "none"])
    @pytest.mark.parametrize("over", ["problem", "data set", "scaled data set"])
    def test_references_of_the_training_data(self, params, scaling, over):
        """Catches: test images that are normalized over themselves."""
        net = soret.problems.dense(
            hidden=(6, 5), data=self.TRAIN, scaling=scaling, batch_normalization=True
        )
        given = {"problem": net, "data set": self.TRAIN, "scaled data set": net.data}[over]
        test = soret.problems.dense(
            hidden=(6, 5), data=self.TEST, scaling=net, batch_normalization=given
        )
        expected = by_hand(
            params, test.data.inputs, net.data.inputs[random_subset(len(net.data), 512)]
        )
        found = jax.jit(jax.vmap(test.output, in_axes=(None, 0)))(params, test.data.inputs)
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)
        assert test.settings["batch_normalization"] == f"over {net.data.description}"
        assert net.settings["batch_normalization"] is True

    def test_references_of_its_own_are_told(self):
        """Catches: a test error that depends on which other test images there are."""
        with pytest.warns(ModelWarning, match="test part of .* batch-normalized over references"):
            soret.problems.dense(
                hidden=(6,), data=self.TEST, scaling="none", batch_normalization=True
            )
        _, validation = soret.data.hold_out(self.TRAIN, 100)
        with pytest.warns(ModelWarning, match="batch_normalization=training"):
            soret.problems.dense(
                hidden=(6,), data=validation, scaling="none", batch_normalization=True
            )

    def test_refusals(self, net):
        """Catches: references of other features, or of a net that has none of its own."""
        plain = soret.problems.dense(hidden=(6,), data=self.TRAIN)
        test = soret.problems.dense(
            hidden=(6,), data=self.TEST, scaling=net, batch_normalization=net
        )
        points = soret.Dataset("points", np.eye(3), [0.0, 1.0, 2.0])
        for given, said in (
            ("train", "it must be True or False, or of a net"),
            (soret.problems.two_layer(), "is a Problem; it must be"),
            (plain, "not normalized over its own data"),
            (test, "hand over the problem that was trained"),
            (points, "examples have 3 features, and those of the net's data have 64"),
        ):
            with pytest.raises(SettingsError, match=said):
                soret.problems.dense(
                    hidden=(6,), data=self.TEST, scaling=net, batch_normalization=given
                )
