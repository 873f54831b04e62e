"""The same examples in two classes, and digits in place of what is not there."""

import jax.numpy as jnp
import numpy as np
import pytest

import soret
from soret import data
from soret.errors import DataError, SettingsError


def test_even_digits_are_plus_one():
    """Classes swapped, or labels that no longer belong to their inputs."""
    digits = data.load("digits")
    two = data.even_odd(digits.first(50))
    np.testing.assert_array_equal(two.inputs, digits.inputs[:50])
    assert two.classes == ("odd", "even")
    for label, number in zip(two.labels, digits.labels, strict=False):
        assert two.classes[label] == ("even", "odd")[number % 2]
    assert two.description.endswith("the first 50, even/odd")
    problem = soret.problems.dense(hidden=(3,), data=two, loss="mean_square", init="glorot")
    out = jnp.float32(1.0)
    assert callable(problem.loss)
    losses = [float(problem.loss(out, jnp.asarray(label))) for label in two.labels]
    np.testing.assert_allclose(losses, np.where(digits.labels[:50] % 2, 2.0, 0.0))


def test_one_class_is_refused():
    """Two classes made of one, of which one is empty."""
    with pytest.raises(SettingsError, match="1 classes"):
        data.even_odd(data.Dataset("ones", np.ones((3, 1)), [0, 0, 0], ("one",)))
    with pytest.raises(SettingsError, match="0 classes"):
        data.even_odd(data.Dataset("real", np.ones((3, 1)), [0.5, 0.0, 1.0]))


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without data sets."""
    monkeypatch.setenv("SORET_DATA", str(tmp_path / "none"))
    monkeypatch.setattr("soret.data.lookup.cache_root", lambda: tmp_path / "cache")
    monkeypatch.setattr("soret.data.lookup.SYSTEM_ROOT", tmp_path / "system")
    return tmp_path


def test_digits_stand_in_and_say_so(nowhere):
    """A figure of digits that says MNIST."""
    found = data.load_or_digits("mnist")
    np.testing.assert_array_equal(found.inputs, data.load("digits").inputs)
    assert found.description == "Digits of scikit-learn (1,442 training images), in place of MNIST"
    assert "in place of" not in data.load_or_digits("digits").description


def test_a_folder_with_half_a_data_set_is_not_passed_over(nowhere):
    """Digits in place of files that the user thinks are being read."""
    (nowhere / "none" / "mnist").mkdir(parents=True)
    with pytest.raises(DataError, match="lacks"):
        data.load_or_digits("mnist")
    with pytest.raises(SettingsError, match="there is no data set"):
        data.load_or_digits("minst")
