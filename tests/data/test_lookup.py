"""load: names, the order in which folders are tried, and what it says when one is wanting."""

import subprocess
import sys

import numpy as np
import pytest

from soret import data
from soret.errors import DataError, SettingsError


def load_mnist(split="train", **settings):
    return data.load("mnist", split, download=False, **settings)


def test_names():
    assert data.available() == ("digits", "mnist", "fashion-mnist", "cifar-10")


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("minst", "train", "no data set 'minst'; did you mean 'mnist'"),
        ("cifar10", "train", "did you mean 'cifar-10'"),
        ("MNIST", "train", "did you mean 'mnist'"),
        ("?", "train", "it should be one of digits, mnist, fashion-mnist, cifar-10"),
        (7, "train", "no data set 7"),
        ("mnist", "tests", "no split of mnist 'tests'; did you mean 'test'"),
        ("digits", "valid", "it should be one of train, test"),
    ],
)
def test_unknown_name_or_split(places, name, split, message):
    with pytest.raises(SettingsError, match=message):
        data.load(name, split)


def test_order_of_places(places, write_mnist, tmp_path):
    explicit = tmp_path / "explicit"
    folders = [
        places.system / "mnist",
        places.cache / "mnist",
        places.user / "mnist",
    ]
    # From the last resort to the first: each new folder hides those before it.
    for n, folder in enumerate(folders, start=11):
        write_mnist(folder, n=n)
        assert len(load_mnist()) == n
    write_mnist(explicit, n=20)
    assert len(load_mnist(path=explicit)) == 20
    assert len(load_mnist(path=str(explicit))) == 20
    assert len(load_mnist()) == 13


def test_what_is_read(places, write_mnist):
    write_mnist(places.user / "mnist", n=12)
    write_mnist(places.user / "mnist", "test", n=10, packed=False)
    train, test = load_mnist(), load_mnist("test")
    assert train.inputs.shape == (12, 28, 28)
    assert train.inputs.dtype == np.float32
    np.testing.assert_array_equal(train.inputs, np.float32(12) / np.float32(255))
    np.testing.assert_array_equal(train.labels, np.arange(12) % 10)
    assert train.description == "MNIST (12 of 60,000 training images)"
    assert test.description == "MNIST (10 of 10,000 test images)"
    assert (train.split, test.split) == ("train", "test")
    write_mnist(places.user / "fashion-mnist")
    fashion = data.load("fashion-mnist", download=False)
    assert fashion.classes[9] == "Ankle boot"


def test_home_folder(places, write_mnist, monkeypatch):
    monkeypatch.setenv("HOME", str(places.user))
    monkeypatch.setenv("USERPROFILE", str(places.user))
    write_mnist(places.user / "mine")
    write_mnist(places.user / "sets" / "mnist", n=11)
    assert len(load_mnist(path="~/mine")) == 12
    monkeypatch.setenv("SORET_DATA", "~/sets")
    assert len(load_mnist()) == 11


def test_explicit_path_never_falls_through(places, write_mnist, tmp_path):
    write_mnist(places.user / "mnist")
    with pytest.raises(DataError, match=r"nowhere, which path names, is not a folder; .*train-im"):
        data.load("mnist", path=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty, which path names, lacks train-images-idx3"):
        data.load("mnist", path=tmp_path / "empty")


def test_incomplete_user_folder_is_an_error(places, write_mnist):
    write_mnist(places.system / "mnist")
    folder = write_mnist(places.user / "mnist")
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"SORET_DATA names, lacks train-labels-idx1-ubyte\.gz; "):
        load_mnist()


def test_user_folder_without_the_set_is_passed_by(places, write_mnist, monkeypatch):
    write_mnist(places.system / "mnist")
    places.user.mkdir()
    assert len(load_mnist()) == 12
    monkeypatch.setenv("SORET_DATA", "")
    assert len(load_mnist()) == 12
    monkeypatch.delenv("SORET_DATA")
    assert len(load_mnist()) == 12


def test_cache_with_the_other_split_only_is_passed_by(places, write_mnist):
    write_mnist(places.cache / "mnist", "train")
    write_mnist(places.system / "mnist", "test", n=10)
    assert len(load_mnist("test")) == 10


def test_not_found_says_where_and_what(places, monkeypatch):
    with pytest.raises(DataError) as caught:
        load_mnist("test")
    message = str(caught.value)
    for folder in (places.user, places.cache, places.system):
        assert str(folder / "mnist") in message
    assert "download=False" in message
    assert "put t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into" in message
    monkeypatch.delenv("SORET_DATA")
    with pytest.raises(DataError, match="a folder mnist under one that SORET_DATA names"):
        load_mnist("test")


def test_labels_that_do_not_fit(places, write_mnist, idx_bytes):
    folder = write_mnist(places.user / "mnist")
    labels = folder / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(idx_bytes(np.full(12, 10)))
    with pytest.raises(DataError, match=r"holds the label 10; .* 0 to 9"):
        load_mnist()
    labels.write_bytes(idx_bytes(np.zeros(11)))
    with pytest.raises(DataError, match=r"12 images but train-labels\S+ holds 11 labels"):
        load_mnist()


def write_cifar(folder, cifar_bytes, **batches):
    folder.mkdir(parents=True, exist_ok=True)
    for name, labels in batches.items():
        (folder / f"{name}.bin").write_bytes(cifar_bytes(np.array(labels)))


def test_cifar_takes_the_batches_that_are_there(places, cifar_bytes):
    folder = places.user / "cifar-10"
    write_cifar(folder, cifar_bytes, data_batch_4=[4, 5], data_batch_2=[6], test_batch=[1])
    train = data.load("cifar-10", download=False)
    assert train.inputs.shape == (3, 3, 32, 32)
    assert train.labels.tolist() == [6, 4, 5]
    assert train.description == "CIFAR-10 (3 of 50,000 training images)"
    assert train.inputs.max() == np.float32(2) / np.float32(255)
    assert data.load("cifar-10", "test", download=False).labels.tolist() == [1]


@pytest.mark.parametrize("start", [(6, 59, 43, 50), (6, 60, 43, 50)])
def test_cifar_says_when_it_is_a_copy(places, cifar_bytes, start):
    """Pixels that went through JPEG, shown as the original ones."""
    folder = places.user / "cifar-10"
    write_cifar(folder, cifar_bytes, data_batch_1=[6])
    content = (folder / "data_batch_1.bin").read_bytes()
    (folder / "data_batch_1.bin").write_bytes(bytes(start) + content[len(start) :])
    description = data.load("cifar-10", download=False).description
    assert description.endswith(", not the original files") == (start[1] != 59)


def test_cifar_in_the_folder_that_the_archive_makes(places, cifar_bytes):
    write_cifar(places.user / "cifar-10" / "cifar-10-batches-bin", cifar_bytes, test_batch=[8])
    assert data.load("cifar-10", "test", download=False).labels.tolist() == [8]


def test_cifar_in_the_cache_must_be_whole(places, cifar_bytes):
    folder = places.cache / "cifar-10"
    write_cifar(folder, cifar_bytes, **{f"data_batch_{n}": [n] for n in (1, 2, 3, 5)})
    with pytest.raises(DataError, match="is in none of"):
        data.load("cifar-10", download=False)
    write_cifar(folder, cifar_bytes, data_batch_4=[4])
    assert data.load("cifar-10", download=False).labels.tolist() == [1, 2, 3, 4, 5]


def test_readers_are_light_to_import():
    heavy = "{'sklearn', 'pooch', 'requests', 'rich', 'platformdirs'}"
    modules = ["cifar", "dataset", "digits", "download", "idx", "lookup", "mnist", "progress"]
    program = (
        f"import sys, {', '.join(f'soret.data.{m}' for m in modules)}; "
        f"print({heavy} & set(sys.modules) or '')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
