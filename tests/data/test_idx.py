"""The IDX reader: what it reads, and that nothing but DataError comes of damaged files."""

import contextlib
import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soret.data.idx import read_idx
from soret.errors import DataError

IMAGES = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 256


@pytest.fixture
def path(tmp_path):
    return tmp_path / "images"


def test_plain_and_gzipped(path, idx_bytes):
    for content in (idx_bytes(IMAGES), gzip.compress(idx_bytes(IMAGES))):
        path.write_bytes(content)
        images = read_idx(path, (28, 28), 10)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, IMAGES)


def test_labels(path, idx_bytes):
    path.write_bytes(idx_bytes(np.array([5, 0, 4])))
    np.testing.assert_array_equal(read_idx(path, (), 3), [5, 0, 4])


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataError, match="absent cannot be read"):
        read_idx(tmp_path / "absent", (), 3)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path, (), 3)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b"", "ends after 0 bytes"),
        (lambda b: b[:10], "ends after 10 bytes"),
        (lambda b: b"\0\0\x08\x01" + b[4:], "0x00000801; .* 0x00000803"),
        (lambda b: b"\0\0\x0d\x03" + b[4:], "0x00000d03"),
        (lambda b: b[:4] + struct.pack(">I", 11) + b[8:], "claims 11 items; .* 1 and 10"),
        (lambda b: b[:4] + struct.pack(">I", 0) + b[8:], "claims 0 items"),
        (lambda b: b[:8] + struct.pack(">I", 29) + b[12:], r"claims items of shape \(29, 28\)"),
        (lambda b: b[:-1], "holds 2,351 bytes after its header; .* take 2,352"),
        (lambda b: b + b"\0", "more bytes than"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damage(path, idx_bytes, damage, message, pack):
    path.write_bytes(pack(damage(idx_bytes(IMAGES))))
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, (28, 28), 10)
    assert str(path) in str(caught.value)


def test_truncated_gzip(path, idx_bytes):
    packed = gzip.compress(idx_bytes(IMAGES))
    for length in range(2, len(packed)):
        path.write_bytes(packed[:length])
        with pytest.raises(DataError, match="cut off"):
            read_idx(path, (28, 28), 10)


def test_wrong_gzip_checksum(path, idx_bytes):
    packed = bytearray(gzip.compress(idx_bytes(IMAGES)))
    packed[-8] ^= 1
    path.write_bytes(packed)
    with pytest.raises(DataError, match="CRC"):
        read_idx(path, (28, 28), 10)


def test_memory_follows_the_file_not_its_claims(path):
    claim = struct.pack(">4I", 0x0803, 60_000, 28, 28)
    bomb = gzip.compress(claim[:4] + struct.pack(">3I", 3, 28, 28) + bytes(1 << 25))
    cases = {claim: "holds 0 bytes", bomb: "more bytes than"}
    for content, message in cases.items():
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match=message):
                read_idx(path, (28, 28), 60_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # A few chunks of 1 MiB; the claim is of 47 MB, the bomb of 32 MiB.
        assert peak < 8 << 20


HEADERS = st.one_of(
    st.just(b""),
    st.builds(
        struct.pack,
        st.just(">4I"),
        st.sampled_from([0x0803, 0x0801, 0]),
        st.sampled_from([0, 1, 2, 2**32 - 1]),
        st.sampled_from([2, 2**31]),
        st.just(2),
    ),
)


@given(header=HEADERS, body=st.binary(max_size=40), packed=st.booleans(), cut=st.integers(0, 9))
def test_any_bytes_parse_or_raise_data_error(tmp_path_factory, header, body, packed, cut):
    content = gzip.compress(header + body) if packed else header + body
    content = content[: len(content) - cut]
    path = tmp_path_factory.getbasetemp() / "any-idx"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        images = read_idx(path, (2, 2), 2)
        assert images.shape[1:] == (2, 2)
        assert images.tobytes() == (header + body)[16:]


@given(damage=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_any_damage_to_a_gzip_stream(tmp_path_factory, damage):
    content = bytearray(gzip.compress(struct.pack(">2I", 0x0801, 100) + bytes(range(100))))
    for at, value in damage:
        content[at % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "any-gzip"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        # Damage to the gzip header's time stamp goes unseen, and does no harm.
        np.testing.assert_array_equal(read_idx(path, (), 100), np.arange(100))
