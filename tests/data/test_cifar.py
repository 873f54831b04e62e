"""The CIFAR-10 reader and the unpacking of its archive."""

import contextlib
import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soret.data.cifar import read_batch, unpack
from soret.errors import DataError

TRAIN = [f"data_batch_{n}.bin" for n in range(1, 6)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data_batch_1.bin"


def test_reads_planes_and_labels(path, cifar_bytes):
    path.write_bytes(cifar_bytes(np.array([6, 9, 0])))
    images, labels = read_batch(path)
    assert images.shape == (3, 3, 32, 32)
    assert images.dtype == labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, [6, 9, 0])
    for plane in range(3):
        assert (images[:, plane] == plane).all()


@pytest.mark.parametrize(
    ("labels", "extra", "message"),
    [
        ([], 0, "has 0 bytes"),
        ([1, 2], 1, "6,147 bytes; .* multiple of 3,073"),
        ([1, 2], -1, "6,145 bytes"),
        ([1, 10, 3], 0, "label 10 in record 1"),
    ],
)
def test_damage(path, cifar_bytes, labels, extra, message):
    content = cifar_bytes(np.array(labels))
    path.write_bytes(content[: len(content) + extra] + bytes(max(extra, 0)))
    with pytest.raises(DataError, match=message) as caught:
        read_batch(path)
    assert str(path) in str(caught.value)


def test_endless_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(DataError, match="longer than a batch"):
        read_batch(path)


def test_missing_file(path):
    with pytest.raises(DataError, match="cannot be read"):
        read_batch(path)


@given(records=st.lists(st.integers(0, 255), max_size=3), tail=st.binary(max_size=3))
def test_any_bytes_parse_or_raise_data_error(tmp_path_factory, records, tail):
    content = b"".join(bytes([label]) + bytes(3072) for label in records) + tail
    path = tmp_path_factory.getbasetemp() / "any-cifar"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        images, labels = read_batch(path)
        assert labels.tolist() == records
        assert images.shape == (len(records), 3, 32, 32)


def write_archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "cifar.tar.gz", tmp_path / "out"


def test_unpack_takes_the_batches_and_nothing_else(folders):
    archive, out = folders
    wanted = [(f"cifar-10-batches-bin/{n}", n.encode()) for n in [*TRAIN, "test_batch.bin"]]
    others = [
        ("../escaped.bin", b"x"),
        ("/tmp/absolute.bin", b"x"),
        ("cifar-10-batches-bin/../data_batch_1.bin", b"x"),
        ("cifar-10-batches-bin/readme.html", b"x"),
        ("data_batch_1.bin", b"x"),
    ]
    write_archive(archive, others + wanted)
    files = unpack(archive, out)
    assert sorted(p.name for p in files) == sorted(p.name for p in out.iterdir())
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        n: n.encode() for n in [*TRAIN, "test_batch.bin"]
    }
    assert [p.name for p in archive.parent.iterdir() if p != out] == [archive.name]


def test_unpack_refuses_a_link_in_a_batch_s_place(folders):
    archive, out = folders
    names = [f"cifar-10-batches-bin/{n}" for n in [*TRAIN, "test_batch.bin"]]
    write_archive(archive, [(n, None if n.endswith("_2.bin") else b"x") for n in names])
    with pytest.raises(DataError, match=r"lacks cifar-10-batches-bin/data_batch_2\.bin"):
        unpack(archive, out)


def test_unpack_damaged_archive(folders):
    archive, out = folders
    write_archive(archive, [("cifar-10-batches-bin/data_batch_1.bin", bytes(range(256)) * 99)])
    whole = archive.read_bytes()
    for content in (b"no archive at all", whole[:100], whole[:60] + b"~~~~" + whole[64:]):
        archive.write_bytes(content)
        with pytest.raises(DataError, match="is damaged"):
            unpack(archive, out)
