"""The bundled digits: the split is fixed, whole and fair."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from soret import data
from soret.errors import SettingsError


@pytest.fixture(scope="module")
def splits():
    return data.load("digits", "train"), data.load("digits", "test")


def test_facts(splits):
    train, test = splits
    assert train.inputs.shape == (1442, 8, 8)
    assert test.inputs.shape == (355, 8, 8)
    assert train.description == "Digits of scikit-learn (1,442 training images)"
    assert train.labels[:10].tolist() == list(range(10))
    for dataset in splits:
        assert dataset.inputs.min() == 0
        assert dataset.inputs.max() == 1
        assert dataset.classes == tuple("0123456789")


def test_split_is_a_partition_of_the_file(splits):
    whole = load_digits()
    rows = np.concatenate([d.flat() * 16 for d in splits])
    order = np.lexsort(rows.T)
    expected = whole.data[np.lexsort(whole.data.T)]
    np.testing.assert_array_equal(rows[order], expected)


def test_split_has_a_fifth_of_each_class(splits):
    train, test = splits
    share = np.bincount(test.labels) / np.bincount(np.concatenate([train.labels, test.labels]))
    assert (np.abs(share - 0.2) < 0.006).all()


def test_path_has_no_meaning(tmp_path):
    with pytest.raises(SettingsError, match="path should be left out"):
        data.load("digits", path=tmp_path)
