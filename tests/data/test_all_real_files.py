"""The real data sets, where SORET_DATA names a folder that has them: known facts hold."""

import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from soret import data
from soret.data.idx import read_idx


@pytest.fixture(scope="module")
def real():
    """Load a real data set; each is kept for the tests of this file."""
    loaded: dict[tuple[str, str], data.Dataset] = {}

    def load(name: str, split: str) -> data.Dataset:
        folder(name)
        if (name, split) not in loaded:
            loaded[name, split] = data.load(name, split, download=False)
        return loaded[name, split]

    return load


def folder(name: str) -> Path:
    root = os.environ.get("SORET_DATA")
    if not root:
        pytest.skip("SORET_DATA is not set; it should name a folder with the real data sets")
    path = Path(root) / name
    if not path.is_dir():
        pytest.skip(f"SORET_DATA names a folder without {name}")
    return path


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize(("split", "n"), [("train", 60_000), ("test", 10_000)])
def test_idx_sets_are_whole(real, name, split, n):
    dataset = real(name, split)
    assert dataset.inputs.shape == (n, 28, 28)
    assert dataset.inputs.min() == 0
    assert dataset.inputs.max() == 1
    word = {"train": "training", "test": "test"}[split]
    assert dataset.description.endswith(f"MNIST ({n:,} {word} images)")


def test_mnist_facts(real):
    train = real("mnist", "train")
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.inputs.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert train.inputs.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert np.bincount(train.labels)[[1, 5]].tolist() == [6742, 5421]
    assert real("mnist", "test").labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_fashion_mnist_facts(real):
    train, test = real("fashion-mnist", "train"), real("fashion-mnist", "test")
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert train.inputs.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)
    assert train.classes[train.labels[0]] == "Ankle boot"


@pytest.mark.parametrize(
    ("name", "file", "shape", "sha256"),
    [
        (
            "mnist",
            "train-images-idx3-ubyte.gz",
            (60_000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "mnist",
            "t10k-images-idx3-ubyte.gz",
            (10_000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "mnist",
            "train-labels-idx1-ubyte.gz",
            (60_000,),
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "fashion-mnist",
            "t10k-labels-idx1-ubyte.gz",
            (10_000,),
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ],
)
def test_every_byte_is_the_published_one(name, file, shape, sha256):
    path = folder(name) / file
    array = read_idx(path, shape[1:], shape[0])
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 | len(shape), *shape)
    assert hashlib.sha256(header + array.tobytes()).hexdigest() == sha256


def test_cifar_facts(real):
    train, test = real("cifar-10", "train"), real("cifar-10", "test")
    assert len(train) % 10_000 == 0
    assert train.inputs.shape[1:] == test.inputs.shape[1:] == (3, 32, 32)
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert test.description.startswith("CIFAR-10 (10,000 test images)")
    share = "50,000" if len(train) == 50_000 else f"{len(train):,} of 50,000"
    begins = (folder("cifar-10") / "data_batch_1.bin").read_bytes()[:4]
    note = "" if begins == bytes((6, 59, 43, 50)) else ", not the original files"
    assert train.description == f"CIFAR-10 ({share} training images){note}"
    # Published means of the red, green and blue plane; loose, for a subset may differ a little.
    means = train.inputs.mean(axis=(0, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=0.005)
