"""A test set is scaled as what was trained on."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

import soret
from soret.errors import SettingsError
from soret.problems import ModelWarning, conv, conv_stack, dense, two_layer

RNG = np.random.default_rng(0)


def images(shift: float, split: str = "train", n: int = 12) -> soret.Dataset:
    inputs = 0.5 * RNG.uniform(size=(n, 8, 8)) + shift
    return soret.Dataset(f"images at {shift}", inputs, np.arange(n) % 2, ("a", "b"), split=split)


TRAINING, TEST = images(0.0), images(0.5, "test")
NETS = [
    functools.partial(dense, hidden=(3,)),
    functools.partial(two_layer, hidden=3),
    functools.partial(conv, layers=1, channels=2, kernel=3),
    functools.partial(conv_stack, [(1, 2)]),
]


def inputs(problem: soret.Problem) -> np.ndarray:
    assert isinstance(problem.data, soret.Dataset)
    return problem.data.inputs.reshape(len(problem.data), -1)


@pytest.mark.parametrize("net", NETS)
def test_taken_over_from_the_training_set(net: Any) -> None:
    """Catches: a shifted test set that is moved back by its own mean."""
    training = net(data=TRAINING)
    mean, deviation = TRAINING.inputs.mean(), TRAINING.inputs.std()
    for given in (TRAINING, training, training.data):
        test = net(data=TEST, scaling=given)
        np.testing.assert_array_equal(inputs(test), (TEST.flat() - mean) / deviation)
        assert test.settings["scaling"] == f"standardized, as {TRAINING.description}"
    np.testing.assert_array_equal(inputs(net(data=TRAINING, scaling=training)), inputs(training))


@pytest.mark.parametrize("name", ["symmetric", "none"])
def test_of_another_name(name: Any) -> None:
    training = dense(hidden=2, data=TRAINING, scaling=name)
    test = dense(hidden=2, data=TEST, scaling=training)
    expected = 2 * TEST.flat() - 1 if name == "symmetric" else TEST.flat()
    np.testing.assert_array_equal(inputs(test), expected)


def test_of_data_that_were_scaled_twice() -> None:
    once = dense(hidden=2, data=TRAINING, scaling="symmetric")
    twice = dense(hidden=2, data=once.data)
    again = dense(hidden=2, data=TRAINING, scaling=twice)
    np.testing.assert_array_equal(inputs(again), inputs(twice))


def test_a_test_set_standardized_by_itself_is_told() -> None:
    """Catches: an accuracy on shifted inputs that looks right, with no word."""
    with pytest.warns(ModelWarning, match="test part of images at 0.5 is standardized by its own"):
        dense(hidden=2, data=TEST)
    _, validation = soret.data.hold_out(TRAINING, 4)
    with pytest.warns(ModelWarning, match="the validation part"):
        conv(layers=1, channels=2, kernel=3, data=validation)
    dense(hidden=2, data=TEST, scaling="symmetric")
    # Parts of what was scaled as a whole are scaled alike.
    whole = dense(hidden=2, data=TRAINING)
    dense(hidden=2, data=soret.data.hold_out(whole.data, 4)[1], scaling="none")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": TEST, "scaling": 3}, "scaling is a int; use 'standardized'"),
        ({"data": TEST, "scaling": dense()}, "scaling is a Problem; use"),
        ({"data": "gaussian", "scaling": TRAINING}, "of a stream are not scaled"),
        ({"data": dense(data=TRAINING).data, "scaling": TRAINING}, "scaled by a net already"),
        (
            {
                "data": TEST,
                "scaling": soret.Problem(
                    lambda key: jax.random.normal(key, (64,)),
                    lambda p, x: p @ x.reshape(-1),
                    "binary_cross_entropy",
                    TRAINING,
                ),
            },
            "what scaled the data of problem 'problem' is not known",
        ),
    ],
)
def test_refused(settings: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        dense(hidden=2, **settings)
