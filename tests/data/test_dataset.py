"""Dataset: what it accepts, refuses and derives."""

import dataclasses

import numpy as np
import pytest

from soret import data
from soret.errors import DataError, SettingsError

CLASSES = ("even", "odd")


def make(**changes) -> data.Dataset:
    fields = {
        "name": "numbers",
        "inputs": np.arange(24, dtype=np.float32).reshape(4, 2, 3),
        "labels": np.array([0, 1, 0, 1], dtype=np.int32),
        "classes": CLASSES,
    }
    return data.Dataset(**(fields | changes))


def test_own_arrays_are_converted():
    dataset = make(inputs=[[1, 2], [3, 4]], labels=[0, 1], classes=["even", "odd"])
    assert dataset.inputs.dtype == np.float32
    assert dataset.labels.dtype == np.int32
    assert dataset.classes == CLASSES
    assert len(dataset) == 2
    assert dataset.split == "train"
    assert dataset.description == "numbers (2 examples)"


def test_nobody_can_write_to_what_was_checked():
    dataset = make()
    with pytest.raises(ValueError, match="read-only"):
        dataset.inputs[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        dataset.inputs.flags.writeable = True
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.labels = np.zeros(4)


def test_flat_reshapes_without_copying():
    dataset = make()
    assert dataset.flat().shape == (4, 6)
    assert np.shares_memory(dataset.flat(), dataset.inputs)
    np.testing.assert_array_equal(dataset.flat()[1], np.arange(6, 12))


def test_first_says_so():
    first = make(description="Numbers (4 training images)").first(3)
    assert len(first) == 3
    np.testing.assert_array_equal(first.labels, [0, 1, 0])
    assert first.description == "Numbers (4 training images), the first 3"
    assert make().first(4).description == "numbers (4 examples)"


@pytest.mark.parametrize("n", [-1, 0, 5])
def test_first_out_of_range(n):
    with pytest.raises(SettingsError, match="between 1 and 4"):
        make().first(n)


def test_repr_is_short():
    assert repr(make()) == "Dataset('numbers', 'train': 4 examples of shape (2, 3), 2 classes)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 1]}, "4 inputs but 2 labels"),
        ({"labels": [0, 1, 2, 0]}, "run from 0 to 2; .* between 0 and 1"),
        ({"labels": [0, 1, -1, 0]}, "run from -1 to 1"),
        ({"labels": [0.0, 1.0, 0.5, 1.0]}, "should be integers"),
        ({"labels": [[0], [1], [0], [1]]}, r"shape \(4, 1\)"),
        ({"inputs": np.full((4, 2), np.nan)}, "not finite"),
        ({"inputs": np.full((4, 2), 1e300)}, "not finite in float32"),
        ({"inputs": np.zeros((4, 2), dtype=complex)}, "real numbers"),
        ({"inputs": np.full((4, 2), "a")}, "real numbers"),
        ({"inputs": np.zeros(4)}, r"\(examples, \*features\)"),
        ({"inputs": np.zeros((0, 2)), "labels": np.zeros(0, dtype=int)}, "at least one example"),
        ({"inputs": np.zeros((4, 0))}, "one feature"),
        ({"inputs": [[1], [1, 2], [1], [1]]}, "same shape"),
        ({"classes": ()}, "one name for each class"),
        ({"classes": [1, 2]}, "one name for each class"),
        ({"name": 3}, "line of text"),
        ({"name": "two\nlines"}, "more than one line"),
        ({"split": None}, "line of text"),
        ({"layout": "NHWC"}, "'channels_first' or 'channels_last'"),
        ({"layout": "channels_last"}, "leave it out"),
        ({"classes": "ab"}, "one name for each class"),
        ({"classes": None}, "one name for each class"),
        ({"classes": (0, 1)}, "one name for each class"),
        ({"classes": ("a", "a")}, "twice"),
        ({"description": "two\nlines"}, "one line"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)
